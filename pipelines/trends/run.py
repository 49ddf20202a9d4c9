"""The job: freshness of the lake, the marts, their tests, and the docs."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from adapters.settings import setting
from pipelines.trends import history
from pipelines.trends.commands import DONE, PROJECT, ROOT, THEN, WORK
from pipelines.trends.results import TrendsResult, read_results

SETTINGS = (
    *("LAKE_BUCKET", "LAKE_DATABASE", "MARTS_DATABASE", "RESULTS_BUCKET", "DBT_WORK_GROUP"),
    "REPORTS_BUCKET",
)


class TrendsBusyError(RuntimeError):
    """Another run uses the working folder."""


class TrendsError(RuntimeError):
    """dbt could not build or test the marts, or a test says that they are wrong.

    Attributes:
        result: How far it came.
    """

    def __init__(self, message: str, result: TrendsResult) -> None:
        super().__init__(message)
        self.result = result


def run_trends(
    *,
    full_refresh: bool = False,
    select: str | None = None,
    since: date | None = None,
    docs_dir: Path | None = None,
    work_dir: Path = WORK,
    progress: Callable[[str], None] = lambda _: None,
) -> TrendsResult:
    """Measures the lake's freshness, builds the marts and tests them, and keeps what came of it.

    Two runs at once would replace each other's weeks: a schedule starts one at a time.

    Args:
        full_refresh: Build the marts anew from all of the lake.
        select: dbt's selection of models and tests; by default all but the tests tagged `audit`,
            which read the whole lake.
        since: Build from this date's week on, where that is earlier than the look-back: for
            events that came later than it.
        docs_dir: Where to write the docs site, as `index.html`.
        work_dir: Where dbt keeps the parsed project, its artifacts and its log.
        progress: Takes a line whenever a model or test is done.

    Returns:
        What was built and what the tests say; no test failed.

    Raises:
        TrendsError: A model could not be built, a test failed, nothing was selected, or dbt could not
            start.
        TrendsBusyError: Another run uses the working folder.
        MissingSettingError: A `LUCA_*` variable is not set.
        ClientError, BotoCoreError: The marts are in order; what came of the run could not be kept.
    """
    for name in SETTINGS:
        setting(name)
    with _alone(work_dir):
        return _run_trends(full_refresh, select, since, docs_dir, work_dir, progress)


@contextmanager
def _alone(work_dir: Path) -> Iterator[None]:
    """Holds a working folder: a second run would read the first one's results as its own."""
    work_dir.mkdir(parents=True, exist_ok=True)
    with (work_dir / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # released with the process, however it ends
        except BlockingIOError as held:
            raise TrendsBusyError(
                f"another run of the trends works in {work_dir}: wait for its end, or name another work_dir"
            ) from held
        yield


def _run_trends(
    full_refresh: bool,
    select: str | None,
    since: date | None,
    docs_dir: Path | None,
    work_dir: Path,
    progress: Callable[[str], None],
) -> TrendsResult:
    started_at, started = datetime.now(UTC), time.monotonic()
    for artifact in ("run_results.json", "sources.json", "static_index.html"):
        (work_dir / artifact).unlink(missing_ok=True)  # or an earlier run would speak for this one
    last_words = _run(_commands(full_refresh, select, since, docs=docs_dir is not None), work_dir, progress)
    docs = None
    if docs_dir and not last_words:
        docs_dir.mkdir(parents=True, exist_ok=True)
        docs = shutil.copyfile(work_dir / "static_index.html", docs_dir / "index.html")
    result = read_results(work_dir, seconds=time.monotonic() - started, docs=docs)
    trouble = _trouble(result, last_words, select, work_dir)
    try:
        history.keep(history.kept(result, started_at, failed=bool(trouble)))
    except (BotoCoreError, ClientError) as refused:
        if not trouble:
            raise
        trouble += f"; nor was this run kept: {refused}"
    if trouble:
        raise TrendsError(trouble, result)
    return result


def _trouble(result: TrendsResult, last_words: str, select: str | None, work_dir: Path) -> str:
    """What went wrong; '' if nothing did."""
    if last_words:
        log = work_dir / "logs" / "dbt.log"
        return f"the trends are not in order: {last_words} ({result.summary}; see {log})"
    if not (result.models or result.tests):
        return f"{select!r} selects no model and no test of {PROJECT}: see dbt's node selection"
    return ""


def _commands(full_refresh: bool, select: str | None, since: date | None, *, docs: bool) -> list[list[str]]:
    # The unit tests try the SQL on invented rows: they belong to `make test`, not to every night.
    build = ["build", "--exclude-resource-type", "unit_test"]
    build += ["--select", select] if select else ["--exclude", "tag:audit"]
    build += ["--full-refresh"] if full_refresh else []
    commands = [["source", "freshness"], build]
    commands += [["docs", "generate", "--static", "--no-compile"]] if docs else []
    variables = ["--vars", json.dumps({"since": since.isoformat()})] if since else []
    return [[*command, *variables] for command in commands]


def _run(commands: Sequence[Sequence[str]], work: Path, progress: Callable[[str], None]) -> str:
    """Runs them in a process of their own; returns what dbt said last if it ended badly, or ''."""
    arguments = [sys.executable, "-m", "pipelines.trends", "--work-dir", str(work.resolve())]
    for i, command in enumerate(commands):
        arguments += [THEN, *command] if i else command
    words: list[str] = []
    with subprocess.Popen(
        arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as child:
        assert child.stdout is not None
        try:
            for line in child.stdout:
                if line.startswith(DONE):
                    progress(line.removeprefix(DONE).strip())
                else:
                    words.append(line.rstrip())
        except BaseException:
            child.kill()
            raise
    return "\n".join(words[-20:]) or f"dbt ended with {child.returncode}" if child.returncode else ""

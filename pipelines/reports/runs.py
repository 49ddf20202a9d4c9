"""The runs of the trends as one page: seconds, failures and rows, run by run, and the newest in full."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup

from pipelines.reports.drawing import Bar, Point, bars, line
from pipelines.reports.pages import environment, file_name, other_than, thousands
from pipelines.reports.words import Language, Say, say_in
from pipelines.trends import history
from pipelines.trends.history import KeptRun, State
from pipelines.trends.results import ModelRun

FOLDER = "trends"
RUNS_AS_BARS = 20
MODELS_DRAWN = 12


def write_page(folder: Path, *, written_at: datetime) -> Path:
    """Reads the latest runs and writes `index.html` and, in Spanish, `index.es.html`.

    Args:
        folder: Where to; it is made.
        written_at: Aware, UTC.

    Returns:
        The English page.
    """
    kept = history.latest()
    folder.mkdir(parents=True, exist_ok=True)
    for language in Language:
        text = page(kept, written_at, language)
        (folder / file_name("index", language)).write_text(text, encoding="utf-8")
    return folder / file_name("index", Language.EN)


def page(kept: Sequence[KeptRun], written_at: datetime, language: Language) -> str:
    """The page in a language.

    Args:
        kept: The runs, oldest first.
        written_at: Aware, UTC.
        language: Its language.
    """
    say = say_in(language)
    models = {model.name for run in kept for model in run.models}
    slowest = _slowest(kept)
    return (
        environment(language)
        .get_template("runs.html.j2")
        .render(
            written_at=written_at,
            other=file_name("index", other_than(language)),
            count=len(kept),
            newest=kept[-1] if kept else None,
            passed=State.PASSED,
            charts=_charts(kept, say) if kept else [],
            models=[(name, _seconds(kept, name, say)) for name in slowest],
            model_count=len(models),
        )
    )


def _charts(kept: Sequence[KeptRun], say: Say) -> list[dict[str, Any]]:
    took = line(say("Seconds of each run"), [Point(_moment(run), run.seconds) for run in kept], decimals=1)
    found = [_outcome(run, say) for run in kept[-RUNS_AS_BARS:]]
    rows = sorted(_rows(kept).items(), key=lambda pair: -pair[1])
    drawn: list[tuple[str, str, Markup]] = [
        ("Seconds of each run", "From its start to its end, failed runs too.", took),
        (
            "Failures and warnings by run",
            "Models, tests and lake tables, the newest run last.",
            bars(say("Failures and warnings by run"), found),
        ),
        (
            "Rows by model",
            "Rows of the weeks that were built, where Athena says how many, in the last run that built the "
            "model.",
            bars(say("Rows by model"), [Bar(name, count, thousands(count)) for name, count in rows]),
        ),
    ]
    return [{"title": say(title), "reading": say(reading), "svg": svg} for title, reading, svg in drawn]


def _moment(run: KeptRun) -> str:
    return run.started_at[5:16].replace("T", " ")


def _outcome(run: KeptRun, say: Say) -> Bar:
    failed = run.state is State.FAILED
    if failed and not run.failures:
        return Bar(_moment(run), 1, say("did not come to its end"), "bad")
    words = say("%(failures)s failed, %(warnings)s warn")
    told = words % {"failures": run.failures, "warnings": run.warnings}
    tone = "bad" if failed else "warn" if run.warnings else "good"
    return Bar(_moment(run), run.failures + run.warnings, told, tone)


def _built(run: KeptRun) -> dict[str, ModelRun]:
    return {model.name: model for model in run.models if model.status == "success"}


def _rows(kept: Sequence[KeptRun]) -> dict[str, int]:
    """Of each model, as the latest run says that knows it."""
    return {name: model.rows for run in kept for name, model in _built(run).items() if model.rows is not None}


def _slowest(kept: Sequence[KeptRun]) -> list[str]:
    """By its longest time in any of the runs."""
    longest: dict[str, float] = {}
    for run in kept:
        for name, model in _built(run).items():
            longest[name] = max(model.seconds, longest.get(name, 0.0))
    return sorted(longest, key=lambda name: (-longest[name], name))[:MODELS_DRAWN]


def _seconds(kept: Sequence[KeptRun], name: str, say: Say) -> Markup:
    points = [
        Point(_moment(run), model.seconds if (model := _built(run).get(name)) else None) for run in kept
    ]
    return line(say("%(model)s: seconds by run") % {"model": name}, points, decimals=1)

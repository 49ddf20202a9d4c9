"""Runs dbt commands on the project, several in one interpreter.

Importing dbt and reading the project take longer than most commands, so they are shared. dbt
changes logging and warnings for its whole process: callers start this one in its own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from adapters.aws import share_service_models
from adapters.catalog import PartitionRefusedError
from adapters.generations import ObjectsRefusedError
from adapters.publications import PublicationTakenError
from pipelines.trends import publishing
from pipelines.trends.results import FAILED

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ROOT / "dbt"
WORK = ROOT / "out" / "dbt"
THEN = "--then"  # between two commands
EMPTY_CATALOG = "--empty-catalog"  # docs of the project alone: no table is looked at
BUILDING = ("build", "run")
DONE = "done: "  # before a line about a finished node


def main(arguments: Sequence[str]) -> int:
    """Runs `[--work-dir DIR] COMMAND [--then COMMAND]…`, and stops where one ends badly.

    A line that starts with `DONE` tells of a finished node; all others are dbt's last words.

    Returns:
        0; 1 if a node failed; 2 if dbt could not do what was asked.
    """
    from dbt.cli.main import dbtRunner  # noqa: PLC0415 - importing dbt takes a second

    from pipelines.trends import dbt_adapter  # noqa: PLC0415 - likewise

    share_service_models()
    dbt_adapter.install()
    work = WORK
    if arguments[:1] == ["--work-dir"]:
        work, arguments = Path(arguments[1]), arguments[2:]
    commands = [list(command) for then, command in groupby(arguments, THEN.__eq__) if not then]
    if all(command == ["parse"] or EMPTY_CATALOG in command for command in commands):
        _name_places()
    manifest = None
    for command in [["parse"], *(command for command in commands if command != ["parse"])]:
        if command[0] in BUILDING and (trouble := _settle()):
            print(trouble)  # noqa: T201 - the parent reads it
            return 2
        runner = dbtRunner(manifest=manifest, callbacks=[_tell])
        outcome = runner.invoke([*command, *_options(work)])
        if outcome.exception is not None:
            print(outcome.exception)  # noqa: T201 - the parent reads it
            return 2
        if not outcome.success:
            return 1
        manifest = manifest or outcome.result
    return 0


def _settle() -> str:
    """Ends what a killed run left open, before a model asks which weeks its mart has; '' where it could."""
    try:
        publishing.settle()
    except (PublicationTakenError, PartitionRefusedError, ObjectsRefusedError) as refused:
        return str(refused)
    except (BotoCoreError, ClientError) as error:
        return f"what an earlier run left of the marts could not be looked at: {error}"
    return ""


def _options(work: Path) -> list[str]:
    target = os.path.relpath(work, PROJECT)  # dbt shows it in the docs, which leave this machine
    return [
        *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)),
        *("--target-path", target, "--log-path", str(work / "logs"), "--log-level-file", "info"),
        *("--no-version-check", "--no-send-anonymous-usage-stats", "--no-use-colors"),
        *("--log-level", "none"),
    ]


def _tell(event: Any) -> None:
    if event.info.name == "NodeFinished":
        result = event.data.run_result
        if result.status == "no-op":  # an exposure
            return
        node = event.data.node_info.node_name
        lines = f"{DONE}{node}: {result.status} ({result.execution_time:.1f} s)\n"
        if result.status in FAILED:
            lines += f"{node}: {result.message}\n"
        sys.stdout.write(lines)  # at once: nodes finish in several threads
        sys.stdout.flush()


def _name_places() -> None:
    """Reading the project, and its docs, needs no cloud, only names where one would be."""
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("LAKE_BUCKET", "LAKE_DATABASE", "MARTS_DATABASE", "RESULTS_BUCKET", "DBT_WORK_GROUP"):
        os.environ.setdefault(f"LUCA_{name}", name.lower())

"""The command `luca`: everything that a person starts by hand."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

# Metrics are lines of JSON on standard output, for CloudWatch and not for a person. A task in AWS
# sets this to false.
os.environ.setdefault("POWERTOOLS_METRICS_DISABLED", "true")

from pipelines.cli import (
    ask,
    audit,
    compact,
    demo,
    erase,
    explain,
    grades,
    keys,
    lake,
    loads,
    local,
    profiles,
    quality,
    quarantine,
    replay,
    retention,
    schools,
    simulate,
    sync,
    token,
    trace,
)

app = typer.Typer(
    name="luca",
    help="Luca: from a school's event to its weekly trend.\n\n"
    "Start with `luca demo`. To work with a running platform on this machine: `luca local up` in one "
    'shell, `eval "$(luca local env)"` in another, then `luca simulate`, `luca load`, `luca trends`, '
    "`luca query` and `luca report`.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("demo")(demo.demo)
app.command("simulate")(simulate.simulate)
app.command("load")(lake.load)
app.command("compact")(compact.compact)
app.command("trends")(lake.trends)
app.command("query")(lake.query)
app.command("ask")(ask.ask)
app.command("explain")(explain.explain)
app.command("trace")(trace.trace)
app.command("report")(lake.report)
app.add_typer(loads.app, name="loads")
app.add_typer(local.app, name="local")
app.add_typer(schools.app, name="schools")
app.add_typer(keys.app, name="keys")
app.add_typer(erase.app, name="erase")
app.add_typer(audit.app, name="audit")
app.add_typer(grades.app, name="grades")
app.add_typer(quality.app, name="quality")
app.add_typer(profiles.app, name="profiles")
app.add_typer(sync.app, name="sync")
app.add_typer(retention.app, name="retention")
app.add_typer(quarantine.app, name="quarantine")
app.command("replay")(replay.replay)
app.command("token")(token.token)


ROOMS = {"adapters", "expectations", "infra", "pipelines", "transforms"}


def main() -> NoReturn:
    """Runs the command line.

    An error of our own says what a person can do, so it is shown without a traceback; any other
    is a fault of the program and shows where it happened.
    """
    errors = Console(stderr=True, highlight=False)
    try:
        app()
    except (ClientError, BotoCoreError) as failed:
        errors.print(f"luca: AWS refused or did not answer: {failed}", style="red", markup=False)
    except KeyboardInterrupt:
        errors.print("stopped")
        sys.exit(130)
    except Exception as failed:
        if type(failed).__module__.split(".")[0] not in ROOMS:
            raise
        errors.print(f"luca: {failed}", style="red", markup=False)
    sys.exit(1)

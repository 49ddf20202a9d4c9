"""`luca profiles`: the weekly analysis, brought back to the students' profiles."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from pipelines.cli.progress import step
from pipelines.profiles.publishing import WRITES_A_SECOND

app = typer.Typer(help="The weekly analysis in the students' profiles.", no_args_is_help=True)


@app.callback()
def profiles() -> None:
    """The weekly analysis, brought back from the marts to the students' profiles."""


@app.command()
def publish(
    school: Annotated[
        list[str] | None, typer.Option(help="Only this school; may be repeated. All of them by default.")
    ] = None,
    rate: Annotated[int, typer.Option(min=1, help="Most writes a second.")] = WRITES_A_SECOND,
) -> None:
    """Make every profile say what the marts say of the last eight whole weeks. Safe to run again.

    What has not changed is not written. Run it after `luca trends`, never beside it.
    """
    run(school or None, rate)


def run(schools: Sequence[str] | None = None, rate: int = WRITES_A_SECOND) -> None:
    """The step of it, for other commands too.

    Raises:
        ProfilesError: Some schools failed.
    """
    from pipelines.profiles.publishing import publish as run_job

    with step("Profiles") as say:
        say(run_job(now=datetime.now(UTC), schools=schools, writes_per_second=rate, progress=say).summary)

"""`luca simulate`: invented or recorded schools send events to a running platform."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from adapters.settings import setting
from pipelines.cli.progress import console, counted, step
from pipelines.simulation.scenario import Scenario, Tally, create_schools
from pipelines.simulation.term import RecordedTerm, record_invented_term, record_terms

Oulad = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the OULAD tables as Parquet: send its real records instead.", show_default=False
    ),
]
Modules = Annotated[
    list[str] | None,
    typer.Option("--module", help="Of --oulad, only this module (repeatable).", show_default=False),
]
Schools = Annotated[int, typer.Option(min=1, help="How many invented schools.")]
Weeks = Annotated[int, typer.Option(min=1, max=50, help="How many school weeks, up to the last whole one.")]
Events = Annotated[int, typer.Option(min=1, help="About how many events in all.")]
Seed = Annotated[int, typer.Option(help="Other seeds, other schools.")]
DamagedRoster = Annotated[
    bool,
    typer.Option(
        "--damaged-roster",
        help="The last school's roster has impossible graduation years: watch the gate stop it.",
    ),
]


def simulate(
    schools: Schools = 6,
    weeks: Weeks = 3,
    events: Events = 30_000,
    seed: Seed = 1,
    damaged_roster: DamagedRoster = False,
    oulad: Oulad = None,
    module: Modules = None,
    scores: Annotated[
        bool,
        typer.Option(
            "--scores",
            help="Also a term of scores for a class of each school, or OULAD's own: see `luca grades run`.",
        ),
    ] = False,
) -> None:
    """Create schools with students and send their events over HTTP, as their own systems would."""
    scenario = choose(
        schools, weeks, events, seed, damaged_roster=damaged_roster, oulad=oulad, modules=module
    )
    with step("Schools") as say:
        create_schools(scenario)
        say(f"{len(scenario.schools)} with {len(scenario.students):,} students")
    tally = send_all(scenario, setting("API_ENDPOINT"), local_token)
    if scores:
        with step("Scores") as say:
            term = record_scores(scenario, oulad, module)
            say(f"{term.evaluations.total():,}, waiting for `luca grades run`")
    for school, fates in sorted(tally.by_school.items()):
        console.print(f"  {school}: " + ", ".join(f"{count:,} {fate}" for fate, count in fates.most_common()))


def choose(
    schools: int,
    weeks: int,
    events: int,
    seed: int,
    *,
    damaged_roster: bool,
    oulad: Path | None,
    modules: list[str] | None,
) -> Scenario:
    """The scenario that the options ask for."""
    if oulad is not None:
        from pipelines.simulation.oulad import oulad as recorded

        return recorded(oulad, modules)
    from pipelines.simulation.invented import invented

    today: date = datetime.now(UTC).date()
    return invented(
        schools=schools, weeks=weeks, events=events, today=today, seed=seed, damaged_roster=damaged_roster
    )


def record_scores(scenario: Scenario, oulad: Path | None, modules: list[str] | None) -> RecordedTerm:
    """Writes the scores that belong to a scenario: the real ones of its records, or an invented term."""
    if oulad is not None:
        from pipelines.simulation.oulad_grades import academic_records

        records = academic_records(oulad, modules)
        return record_terms(records.configs, records.evaluations())
    return record_invented_term(scenario, datetime.now(UTC).date())


def send_all(scenario: Scenario, endpoint: str, token_of: Callable[[str], str]) -> Tally:
    """Sends a scenario with a progress bar.

    Returns:
        What was sent, by school and fate.

    Raises:
        SendFailedError: The gateway cannot be reached.
        RefusedError: It refused requests that it should take.
    """
    from pipelines.simulation.sender import send

    tally = Tally()
    with counted("Events sent", scenario.size) as advance:
        statuses = send(
            tally.watch(scenario.messages), endpoint=endpoint, token_of=token_of, progress=advance
        )
    refused = {status: count for status, count in statuses.items() if status >= 300}
    if refused:
        raise RefusedError(f"the gateway refused requests, by HTTP status: {refused}; see its log")
    return tally


class RefusedError(RuntimeError):
    """The gateway refused what it should take."""


def local_token(school_id: str) -> str:
    """A development token of the local cloud's own issuer."""
    address = f"{setting('LOCAL_CLOUD')}/_local/token?school_id={school_id}"
    with urllib.request.urlopen(address, timeout=10) as response:  # noqa: S310 - our own loopback address
        text: str = response.read().decode()
    return text

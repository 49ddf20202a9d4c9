"""`luca keys`: the schools' pseudonym keys."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from adapters.pseudonym_keys import create_key
from pipelines.cli.progress import console, step

app = typer.Typer(help="The schools' pseudonym keys.", no_args_is_help=True)

School = Annotated[str, typer.Argument(help="The school.")]
Reason = Annotated[str, typer.Option(help="Why; kept in the ledger.")]


class UnconfirmedError(ValueError):
    """What cannot be undone was not confirmed."""


@app.callback()
def keys() -> None:
    """The schools' pseudonym keys, without which nothing of a school reaches the lake."""


@app.command()
def create(
    school: Annotated[str, typer.Argument(help="The school that needs its first key.")],
) -> None:
    """Make a school's first pseudonym key. A key that exists is never overwritten."""
    key = create_key(school)
    console.print(f"school {key.school_id} has pseudonym key v{key.version}")


@app.command("list")
def list_keys(
    school: Annotated[str | None, typer.Argument(help="Only this school.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """List the versions that are kept, and since when. No key is shown, nor read."""
    from adapters.pseudonym_keys import key_versions

    found = key_versions(school)
    newest = {each.school_id: each.version for each in found}  # sorted by version
    shown = Table("school", "version", "made at (UTC)", "", box=None, header_style="bold", pad_edge=False)
    for each in found:
        writes = newest[each.school_id] == each.version
        if as_json:
            told = {**each._asdict(), "created_at": each.created_at.isoformat(), "writes": writes}
            typer.echo(json.dumps(told))
        moment = f"{each.created_at:%Y-%m-%d %H:%M}"
        shown.add_row(each.school_id, f"v{each.version}", moment, "new rows are under it" if writes else "")
    if not as_json:
        console.print(shown if found else "no school has a key: luca keys create SCHOOL")


@app.command()
def rotate(
    school: School,
    reason: Reason = "end of the school year",
    in_session: Annotated[
        bool, typer.Option("--in-session", help="Although the school sent events within four weeks.")
    ] = False,
) -> None:
    """Make the next version of a school's key, in the pause at a year's end.

    Rows keep the version that they were written under; new rows have the new one within a quarter of an hour.
    """
    from pipelines.keys.rotation import rotate as run

    with step(f"Key of {school}") as say:
        version = run(school, now=datetime.now(UTC), reason=reason, in_session=in_session, say=say)
        say(f"v{version} is the newest: new rows are under it within 15 minutes")


@app.command()
def destroy(
    school: School,
    version: Annotated[int, typer.Option(help="Which version.")],
    confirm: Annotated[str, typer.Option(help="SCHOOL/vN again: nothing brings a key back.")],
    reason: Reason,
    orphan: Annotated[
        bool, typer.Option("--orphan", help="Although rows are under it: nobody finds their students again.")
    ] = False,
) -> None:
    """Destroy an old version of a school's key: what is under it belongs to nobody any more."""
    from pipelines.keys.rotation import destroy as run

    if confirm != f"{school}/v{version}":
        raise UnconfirmedError(f"--confirm {confirm!r} is not {school}/v{version}: nothing was destroyed")
    with step(f"Key of {school}") as say:
        rows = run(school, version, now=datetime.now(UTC), reason=reason, orphan=orphan, say=say)
        say(
            f"v{version} is gone; under it were {rows:,} rows of the lake's tables, and what the marts made "
            "of them, which is not counted"
        )


@app.command()
def history(
    school: School, student: Annotated[str, typer.Argument(help="The student, as the school names it.")]
) -> None:
    """Show a student's weeks across rotations. The link is made in memory and kept nowhere."""
    from pipelines.keys.linking import weeks

    shown = Table("week", "points", "events", "key", box=None, header_style="bold", pad_edge=False)
    found = weeks(school, student)
    for week in found:
        versions = ", ".join(f"v{each}" for each in week.versions)
        shown.add_row(str(week.week_start), str(week.points), str(week.event_count), versions)
    console.print(shown if found else "no week of this student is in the trends")

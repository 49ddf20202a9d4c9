"""`luca retention`: the rules that remove what is old."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from adapters.settings import setting
from pipelines.cli.progress import console, step

if TYPE_CHECKING:
    from pipelines.retention.rehome import Rehoming

NAMED_RULES = 5  # of each bucket and kind: a year that leaves takes a rule of every table with it
CHANGES = timedelta(days=35)  # more than a month passes between two runs of nobody

app = typer.Typer(help="How long things are kept, and what removes them.", no_args_is_help=True)


@app.callback()
def retention() -> None:
    """How long things are kept, and what removes them. `luca audit retention` looks whether it holds."""


@app.command()
def roll(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would change.")] = False,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day (UTC) to compute for; today.")
    ] = None,
) -> None:
    """Put the buckets' lifecycle rules in place as the registry derives them. A schedule does it daily."""
    from adapters import functions

    order: dict[str, Any] = {"dry_run": dry_run}
    if as_of is not None:
        order["as_of"] = as_of.date().isoformat()
    with step("Lifecycle rules") as say:
        told = functions.call(setting("RETENTION_ROLLER"), order)
        differ = sum(
            len(bucket[what]) for bucket in told.values() for what in ("missing", "changed", "foreign")
        )
        done = "would be mended" if dry_run else "mended"
        say(f"{differ:,} {done}" if differ else "as the registry derives them")
    shown = Table(box=None, header_style="bold", pad_edge=False)
    shown.add_column("bucket")
    for name in ("rules", "missing", "changed", "foreign"):
        shown.add_column(name, justify="right")
    for name, bucket in told.items():
        differing = (str(len(bucket[what]) or "") for what in ("missing", "changed", "foreign"))
        shown.add_row(name.lower(), str(bucket["rules"]), *differing)
    console.print(shown)
    for bucket in told.values():
        for what in ("changed", "foreign"):
            for rule in bucket[what][:NAMED_RULES]:
                console.print(f"  {what}: {rule}")
            if (more := len(bucket[what]) - NAMED_RULES) > 0:
                console.print(f"  … and {more:,} more {what} rules")


@app.command()
def rehome(
    school: Annotated[list[str] | None, typer.Option(help="This school (repeatable).")] = None,
    changed_since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="Schools with a change of a year of graduation since that day (UTC); 35 days ago.",
        ),
    ] = None,
    every_school: Annotated[bool, typer.Option("--every-school", help="Whatever has changed.")] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Move the rows; else only tell.")] = False,
) -> None:
    """Move rows of the lake to the cohort that their student's profile names now. Safe to run again."""
    from adapters import school_register
    from pipelines.retention import plan
    from pipelines.retention import rehome as run

    now = datetime.now(UTC)
    with step("Rehome") as say:
        if school:
            schools = school
        elif every_school:
            schools = list(school_register.school_ids())
        else:
            since = (changed_since or now - CHANGES).date()
            say(f"schools with a change since {since}")
            schools = plan.schools_with_changes(since)
        done = run.rehome(schools, say=say) if apply else run.look(schools, now.date(), say)
        verb = "moved" if apply else "would move"
        say(f"{done.rows:,} rows {verb}, of {len(schools):,} schools looked at")
    _show(done, apply=apply)


def _show(done: Rehoming, *, apply: bool) -> None:
    if done.lines:
        shown = Table(
            "table", "school", "lies in", "belongs to", box=None, header_style="bold", pad_edge=False
        )
        for name in ("students", "rows"):
            shown.add_column(name, justify="right")
        shown.add_column("")
        for line in done.lines:
            cohorts = (str(year or "unknown") for year in (line.lies_in, line.belongs_to))
            stays = "stays: that cohort's time is over" if line.over else ""
            shown.add_row(line.table, line.school_id, *cohorts, f"{line.students:,}", f"{line.rows:,}", stays)
        console.print(shown)
    for table, rows in done.checked.items():
        console.print(f"{table}: {rows:,} rows of these schools before and after")
    if done.left:
        console.print(
            f"{done.left:,} rows stay, for S3 would remove them at once: mend the profile, or "
            "`luca erase --school … --student …`",
            soft_wrap=True,
        )
    if done.since and apply:
        console.print(f"then the marts: luca trends --since {done.since}", soft_wrap=True)
    elif done.rows:
        console.print("nothing was changed: --apply does it")
    elif done.since:
        console.print(f"the marts have not followed yet: luca trends --since {done.since}", soft_wrap=True)

"""`luca quarantine`: what loads held back, and what to do with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from pipelines.cli.progress import console, step
from transforms.lake_schema import BEHAVIOR_EVENTS, LAKE_TABLES

if TYPE_CHECKING:
    from pipelines.quarantine.holdings import Holding
    from pipelines.quarantine.releasing import Release

app = typer.Typer(help="Rows that loads held back.", no_args_is_help=True)

Load = Annotated[str, typer.Argument(help="The load, as `luca quarantine list` names it.")]
School = Annotated[str, typer.Argument(help="The school; '(none)' of rows that name none.")]
TableOption = Annotated[str, typer.Option("--table", help="The lake table.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print as one JSON object a line.")]


@app.callback()
def quarantine() -> None:
    """Rows that loads held back: look at them, release what passes by now, discard what never will."""


@app.command("list")
def list_(
    table: Annotated[str | None, typer.Option(help="Only this lake table.")] = None,
    settled: Annotated[bool, typer.Option("--all", help="Also what is settled or expired.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what waits: how many rows of which school, since when, for how long, and for which rules."""
    from pipelines.quarantine.holdings import holdings

    now = datetime.now(UTC)
    tables = [table] if table else LAKE_TABLES
    found = [each for name in tables for each in holdings(name, settled=settled)]
    if as_json:
        for each in found:
            typer.echo(json.dumps(_facts(each, now), ensure_ascii=False))
        return
    if not found:
        console.print("nothing waits in quarantine")
        return
    for each in found:
        left = each.days_left(now)
        rest = "" if left is None else f", {left} days left; {_counted(each.rules)}"
        console.print(
            f"[bold]{each.load_id}[/] [bold]{each.school_id}[/] {each.table}: {each.state.value}",
            soft_wrap=True,
        )
        console.print(
            f"  {each.quarantined:,} held, {each.waiting:,} waiting{rest}",
            soft_wrap=True,
        )
    console.print("[dim]luca quarantine show LOAD SCHOOL explains one of them[/]")


@app.command()
def show(
    load: Load,
    school: School,
    table: TableOption = BEHAVIOR_EVENTS.name,
    rows: Annotated[int, typer.Option(min=0, help="How many rows to show.")] = 5,
    out: Annotated[
        Path | None,
        typer.Option(help="Write all waiting rows, unmasked, into this Parquet file, to correct them."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Explain one: which rules, why, which rows, what was done so far, and what can be done next.

    Text that broke a rule is masked.
    """
    from pipelines.quarantine.changing import parquet, rows_of
    from pipelines.quarantine.holdings import expectations_of, holding
    from pipelines.quarantine.judging import judge
    from pipelines.quarantine.showing import look

    now = datetime.now(UTC)
    found = holding(table, load, school)
    expectations = expectations_of(table)
    seen = None
    if found.objects:
        seen = look(found, judge(expectations, found.objects, now), expectations, rows)
    if as_json:
        more = {"passing": seen.passing, "rows": seen.rows} if seen else {"passing": 0, "rows": []}
        typer.echo(json.dumps({**_facts(found, now), **more}, ensure_ascii=False, default=str))
    else:
        _explain(found, now)
        if seen:
            _show_rules(seen.rules, expectations)
            _show_rows(seen.rows)
            _show_next(found, seen.passing)
    if out is not None:
        import pyarrow as pa

        out.write_bytes(parquet(pa.concat_tables([rows_of(each.object) for each in found.objects])))
        console.print(f"[dim]{found.waiting:,} rows in {out}[/]")


@app.command()
def release(
    load: Load,
    school: School,
    table: TableOption = BEHAVIOR_EVENTS.name,
    rules: Annotated[
        str, typer.Option(help="Only rows that were held for these rules and no other: a,b,c.")
    ] = "",
    file: Annotated[
        Path | None,
        typer.Option(help="Corrected rows (Parquet) that first take the place of those with their identity."),
    ] = None,
    reason: Annotated[str, typer.Option(help="Why the corrections are right; needed with --file.")] = "",
) -> None:
    """Publish the rows that break no critical rule of today; the others stay, with their rules.

    Ends with an error if no row passes.
    """
    from adapters.quarantine import caller
    from pipelines.quarantine.correcting import read_corrections
    from pipelines.quarantine.releasing import release as run

    if file is not None and not reason.strip():
        raise typer.BadParameter("corrections need a reason: --reason '…'")
    with step("Release") as say:
        done = run(
            table,
            load,
            school,
            now=datetime.now(UTC),
            by=caller(),
            rules=[name for name in rules.split(",") if name],
            corrections=read_corrections(file.read_bytes(), LAKE_TABLES[table]) if file else None,
            reason=reason,
            progress=say,
        )
        say(_release_summary(done))
    if done.after.waiting:
        console.print(f"what stays breaks {_counted(done.after.rules) or 'nothing, but --rules left it out'}")
    if done.before.waiting and not done.released:
        console.print("no row passes the rules of today: correct them (--file), or luca quarantine discard")
        raise typer.Exit(1)


@app.command()
def discard(
    load: Load,
    school: School,
    reason: Annotated[str, typer.Option(help="Why these rows are given up; it is kept.")],
    table: TableOption = BEHAVIOR_EVENTS.name,
) -> None:
    """Give up the rows that wait, against a receipt."""
    from adapters.quarantine import caller
    from pipelines.quarantine.discarding import discard as run

    with step("Discard") as say:
        done = run(table, load, school, now=datetime.now(UTC), by=caller(), reason=reason, progress=say)
        say(f"{done.rows:,} rows of {school} given up" if done.rows else "nothing waits")
    for receipt in done.receipts:
        console.print(f"[dim]{receipt}[/]")


def _facts(each: Holding, now: datetime) -> dict[str, Any]:
    return {
        "table": each.table,
        "load_id": each.load_id,
        "school_id": each.school_id,
        "state": each.state.value,
        "held_at": each.held_at.isoformat(),
        "expires_at": each.expires_at.isoformat() if each.expires_at else None,
        "days_left": each.days_left(now),
        "quarantined": each.quarantined,
        "released": each.released,
        "discarded": each.discarded,
        "waiting": each.waiting,
        "broken_rules": dict(each.rules),
    }


def _counted(rules: Mapping[str, int]) -> str:
    return ", ".join(f"{rule} {count:,}" for rule, count in rules.items())


def _explain(found: Holding, now: datetime) -> None:
    left = found.days_left(now)
    console.print(f"[bold]{found.school_id}[/] in load {found.load_id} of {found.table}: {found.state.value}")
    console.print(
        f"{found.quarantined:,} rows held {found.held_at:%Y-%m-%d %H:%M} UTC = {found.released:,} released + "
        f"{found.discarded:,} discarded + {found.waiting:,} waiting"
        + ("" if left is None else f"; {left} days left")
    )
    for done in found.record.done:
        words = f"{done.at[:16]} {done.deed} {done.rows:,} rows by {done.by}"
        words += f": {done.reason}" if done.reason else ""
        console.print(words, style="dim", soft_wrap=True, markup=False)
    if found.record.open is not None:
        console.print(f"a {found.record.open.deed} was begun and not finished: run it again")


def _show_rules(rules: Mapping[str, int], expectations: Any) -> None:
    known = {rule.name: rule for rule in expectations.rules}
    shown = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("rule", "rows", "severity", "why"):
        shown.add_column(name, justify="right" if name == "rows" else "left")
    for name, count in rules.items():
        shown.add_row(name, f"{count:,}", known[name].severity.value, known[name].why.en)
    console.print()
    console.print(shown if rules else "no row breaks a rule of today")


def _show_rows(rows: tuple[Mapping[str, Any], ...]) -> None:
    for row in rows:
        filled = {name: value for name, value in row.items() if value is not None and name != "broken_rules"}
        console.print()
        console.print(f"[dim]breaks[/] {', '.join(row['broken_rules']) or 'nothing itself'}")
        text = " ".join(f"{name}={value}" for name, value in filled.items())
        console.print(text, soft_wrap=True, markup=False)


def _show_next(found: Holding, passing: int) -> None:
    where = f"{found.load_id} {found.school_id}"
    where += "" if found.table == BEHAVIOR_EVENTS.name else f" --table {found.table}"
    console.print()
    if passing:
        text = f"{passing:,} rows pass the rules of today: luca quarantine release {where}"
        console.print(text, soft_wrap=True)
    if found.waiting > passing:
        console.print(
            f"{found.waiting - passing:,} rows do not: correct them and luca quarantine release {where} "
            f"--file FILE --reason '…', or luca quarantine discard {where} --reason '…'",
            soft_wrap=True,
        )


def _release_summary(done: Release) -> str:
    amended = f"{done.amended:,} rows corrected; " if done.amended else ""
    elsewhere = f", some by another run in {', '.join(done.elsewhere)}" if done.elsewhere else ""
    again = done.total("quarantined")
    return (
        f"{amended}{done.released:,} of {done.before.waiting:,} rows released: {done.total('published'):,} "
        f"published, {done.total('duplicate'):,} in the lake already"
        + (f", {again:,} held again" if again else "")
        + f"{elsewhere}; {done.after.waiting:,} wait"
    )

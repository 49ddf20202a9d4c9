"""`luca audit completeness`: is every event that a school sent in the lake, or where is it?"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from pipelines.cli.progress import Attention, console, step

if TYPE_CHECKING:
    from adapters.stored_events import StoredEvents
    from pipelines.audits.completeness.report import DayReport

INCOMPLETE = 3  # exit code: 1 is an audit that failed, 2 a wrong option
LATE_WRITES = timedelta(days=1)  # the queue may hold a message that long and still be well
SHOWN = 20


def completeness(
    day: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Day of receipt, UTC; yesterday by default."),
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Send again what was stored and never landed.")
    ] = False,
    exports: Annotated[
        list[str] | None,
        typer.Option(
            "--export",
            help="Read the store from this export: the key of its manifest-summary.json in the bucket of "
            "exports (repeatable).",
        ),
    ] = None,
    make_exports: Annotated[
        bool, typer.Option("--make-exports", help="Ask DynamoDB for exports of the day, wait, and read them.")
    ] = False,
    edge: Annotated[
        bool, typer.Option("--edge/--no-edge", help="Count the access log of the edge too.")
    ] = True,
    at: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%dT%H:%M"],
            help="Judge what is late as of this moment (UTC); now by default. An hour after its receipt an "
            "event should have landed, three hours later it should be published.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Account for every event of a day: sent, rejected, stored, published, quarantined, on its way, missing.

    The store is read from its exports, or, without them, by a scan, which is for small tables.
    Ends with 0 when the day adds up, 3 when it does not, 1 when the audit itself failed.
    """
    from pipelines.audits.completeness import history
    from pipelines.audits.completeness.books import audit

    now = at.replace(tzinfo=UTC) if at else datetime.now(UTC)
    wanted = day.date() if day else now.date() - timedelta(days=1)
    store = _store(wanted, now, exports or [], make=make_exports)
    if as_json:
        report = audit(wanted, store, now=now, edge=edge)
        typer.echo(json.dumps(report.as_dict(), indent=1))
    else:
        with step(f"Completeness of {wanted}") as say:
            report = audit(wanted, store, now=now, edge=edge, say=say)
            say(Attention(report.verdict) if report.faults else report.verdict)
        _show(report)
    if at is None:  # what was judged as of another moment is no history
        history.keep(report)
    if repair and report.missing:
        _repair(report, store)
    if report.faults:
        raise typer.Exit(INCOMPLETE)


def _store(day: date, now: datetime, exports: list[str], *, make: bool) -> StoredEvents:
    from adapters import store_exports, stored_events
    from adapters.settings import setting
    from transforms.completeness import bounds

    if make:
        start, end = bounds(day)
        with step("Exports") as say:
            arns = [
                store_exports.request(*window)
                for window in store_exports.windows(start, end + LATE_WRITES, now)
            ]
            say(f"{len(arns)} under way")
            exports = [*exports, *(store_exports.awaited(arn) for arn in arns)]
            say(", ".join(exports))
    if exports:
        return store_exports.ExportedStore(setting("EXPORTS_BUCKET"), exports)
    return stored_events.ScannedStore()


def _show(report: DayReport) -> None:
    names = (
        "sent",
        "rejected",
        "repeated",
        "stored",
        "in_lake",
        "quarantined",
        "in_flight",
        "held",
        "missing",
    )
    shown = Table("school", box=None, header_style="bold", pad_edge=False)
    for name in names:
        shown.add_column(name.replace("_", "\n"), justify="right", vertical="bottom")
    for account in report.accounts:
        figures = account.as_dict()
        cells = ("–" if figures[name] is None else f"{figures[name]:,}" for name in names)
        shown.add_row(account.school_id or "(none)", *cells)
    console.print(shown)
    for event in sorted(report.missing)[:SHOWN]:
        console.print(f"  missing: {event.school_id} {event.event_id}", soft_wrap=True)
    if len(report.missing) > SHOWN:
        console.print(f"  … and {len(report.missing) - SHOWN:,} more: --json names 1,000")
    for fault in report.faults:
        console.print(f"[red]✗[/] {fault}", soft_wrap=True)


def _repair(report: DayReport, store: StoredEvents) -> None:
    from pipelines.audits.completeness.repair import resend

    with step("Repair") as say:
        sent = resend(report.day, report.missing, store, say=say)
        say(f"{sent:,} events sent again: they land within minutes; `luca load`, then audit the day again")

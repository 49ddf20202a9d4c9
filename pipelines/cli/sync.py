"""`luca sync`: official grades to the government, what failed, and whether the books agree."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import typer
from rich.table import Table

from adapters.settings import setting
from pipelines.cli.progress import Attention, console, step

app = typer.Typer(help="Official grades to the government.", no_args_is_help=True)

SCHOOL_HELP = "Only this school; again for more. Every school by default."


@app.callback()
def sync() -> None:
    """Official grades to the government: send, look, retry, compare."""


@app.command()
def run(school: Annotated[list[str] | None, typer.Option(help=SCHOOL_HELP)] = None) -> None:
    """Send every grade that waits, as the quarterly schedule does, and wait for the end."""
    with step("Government") as say:
        if school:
            ends = [run_school(each, "pending") for each in school]
        else:
            from adapters import executions

            ends = executions.run(setting("GOVERNMENT_SYNC_ALL"), {}).output
        say(summary(ends))
    _show_failed(ends)


@app.command()
def failures(
    every: Annotated[bool, typer.Option("--all", help="Settled ones too.")] = False,
) -> None:
    """List what the government did not take: `luca sync retry` sends it again, after a fix."""
    from adapters import sync_failures

    found = list(
        sync_failures.failures(list(sync_failures.FailureStatus)) if every else sync_failures.failures()
    )
    shown = Table(box=None, header_style="bold", pad_edge=False)
    shown.add_column("failure", no_wrap=True)  # it is copied
    for name in ("failed at", "status", "lines", "tries", "error", "message"):
        shown.add_column(name, justify="right" if name in {"lines", "tries"} else "left")
    for each in found:
        shown.add_row(
            f"{each.school_id}/{each.batch.sync_batch_id[:12]}",
            each.failed_at[:19],
            each.status.value,
            str(len(each.line_ids)),
            str(each.attempts),
            each.error,
            _reasons(each),
        )
    console.print(shown if found else "nothing: the government has taken all that it was sent")


@app.command()
def retry(
    ids: Annotated[list[str], typer.Argument(help="Failures as `luca sync failures` names them.")],
) -> None:
    """Send failures again, exactly once each. Ends with an error if one of them fails again."""
    from adapters import sync_failures
    from pipelines.government.reopening import reopen

    schools: dict[str, None] = {}
    with step("Retry") as say:
        for failure in [sync_failures.failure(each) for each in dict.fromkeys(ids)]:
            opened = reopen(failure)
            if opened.sync_batch_id is None:
                say(f"{opened.failure_id}: every grade was corrected since; nothing to send")
            else:
                left_out = f", {opened.left_out} corrected since" if opened.left_out else ""
                say(f"{opened.failure_id}: {opened.lines} lines{left_out}")
                schools[failure.school_id] = None
        ends = [run_school(school, "open") for school in schools]
        say(summary(ends))
    if any(end["failed"] or end["refused"] for end in ends):
        console.print("some failed again: luca sync failures")
        raise typer.Exit(1)


@app.command()
def reconcile(
    repair: Annotated[bool, typer.Option("--repair", help="Then make the books agree.")] = False,
    days: Annotated[int, typer.Option(help="How far back to look.")] = 100,
    settled_minutes: Annotated[int, typer.Option(help="How old a batch must be to be judged.")] = 60,
) -> None:
    """Compare our books with the government's receipts. Ends with an error if they differ."""
    from adapters import functions, sync_reports
    from transforms.sync_reconciliation import REPAIRS

    with step("Books") as say:
        told = functions.call(setting("SYNC_RECONCILER"), {"days": days, "settled_minutes": settled_minutes})
        report = sync_reports.report(told["report"])
        words = f"{report.batches} batches, {report.receipts} receipts: {_differences(report.counts)}"
        say(Attention(words) if report.discrepancies else words)
    console.print(f"[dim]{setting('REPORTS_BUCKET')}/{told['report']}[/]")
    if not report.discrepancies:
        return
    shown = Table("what", "school", "batch", "lines", "repair", box=None, header_style="bold", pad_edge=False)
    for each in report.discrepancies:
        shown.add_row(
            each.kind.value,
            each.school_id,
            each.sync_batch_id[:12],
            str(len(each.line_ids)),
            REPAIRS[each.kind],
        )
    console.print(shown)
    if not repair:
        console.print("luca sync reconcile --repair does the repairs")
        raise typer.Exit(1)
    _repair(report.discrepancies)


def _repair(discrepancies: Iterable[Any]) -> None:
    from pipelines.government.reopening import repair

    with step("Repair") as say:
        schools = []
        for done in repair(discrepancies):
            say(
                f"{done.school_id}: {done.taken_over} receipts taken over, {done.sent_again} lines again, "
                f"{done.left_out} corrected since, {done.for_people} for people"
            )
            if done.taken_over or done.sent_again:
                schools.append(done.school_id)
        say(summary([run_school(school, "open") for school in schools]))


def run_school(school_id: str, scope: str) -> dict[str, Any]:
    """Runs a school's machine until nothing is left, and gives the sum of its executions."""
    from adapters import executions

    total = {
        "school_id": school_id,
        "outcome": "done",
        "batches": 0,
        "accepted": 0,
        "refused": 0,
        "failed": 0,
    }
    while True:
        state = {"school_id": school_id, "scope": scope}
        end = executions.run(setting("GOVERNMENT_SYNC"), state).output
        for name in ("batches", "accepted", "refused", "failed"):
            total[name] += end[name]
        if not end["more"]:
            return total


def summary(ends: Iterable[dict[str, Any]]) -> str:
    """What runs came to, in one line."""
    ends = list(ends)
    batches, accepted, refused, failed = (
        sum(end.get(name, 0) for end in ends) for name in ("batches", "accepted", "refused", "failed")
    )
    return (
        f"{len(ends)} schools, {batches:,} batches: {accepted:,} grades accepted, {refused:,} refused, "
        f"{failed:,} failed"
    )


def _show_failed(ends: Iterable[dict[str, Any]]) -> None:
    """Says what needs a person, and ends with an error if something does."""
    broken = [end for end in ends if end["outcome"] == "failed"]
    for end in broken:
        console.print(f"{end['school_id']}: ended early: {end['error']}; starting again goes on from there")
    if any(end.get("refused") or end.get("failed") for end in ends):
        console.print("some grades were not taken: luca sync failures")
    elif not broken:
        return
    raise typer.Exit(1)


def _reasons(failure: Any) -> str:
    codes = sorted({refusal.code or "no reason given" for refusal in failure.refusals})
    return f"{failure.message[:70]}{' (' + ', '.join(codes) + ')' if codes else ''}"


def _differences(counts: dict[str, int]) -> str:
    differing = [f"{count:,} lines {kind}" for kind, count in counts.items() if count]
    return ", ".join(differing) or "they agree"

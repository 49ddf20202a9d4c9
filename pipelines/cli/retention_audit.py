"""`luca audit retention`: is anything kept longer than it may be, or would anything go too early?"""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from pipelines.cli.progress import Attention, console, step

if TYPE_CHECKING:
    from pipelines.audits.retention.result import Audit

CRITICAL, WARNINGS = 3, 4  # exit codes: 1 is an audit that failed, 2 a wrong option


def retention(
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day (UTC) to judge by; today.")
    ] = None,
    school: Annotated[
        list[str] | None, typer.Option(help="Compare the cohorts of this school alone (repeatable).")
    ] = None,
    cohorts: Annotated[
        bool, typer.Option("--cohorts/--no-cohorts", help="Compare the lake with the rosters by Athena.")
    ] = True,
    out: Annotated[Path, typer.Option(help="The page to write; beside it, as *.es.html, in Spanish.")] = Path(
        "out/retention.html"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print the audit as JSON.")] = False,
) -> None:
    """Compare what AWS holds with docs/retention.md: rules, objects, versions, cohorts, logs, queues, tables.

    Ends with 0 when all is as it should be, 3 with a critical finding, 4 with warnings alone, 1 when the
    audit itself failed.
    """
    import msgspec

    from pipelines.audits.retention import history
    from pipelines.audits.retention.page import pages
    from pipelines.audits.retention.result import Severity
    from pipelines.audits.retention.run import audit, emit_metrics
    from pipelines.reports.pages import file_name

    now, day = datetime.now(UTC), as_of.date() if as_of else None
    with step("Retention") if not as_json else nullcontext(lambda text: None) as say:
        done = audit(now=now, as_of=day, schools=school, compare_cohorts=cohorts, say=say)
        told = f"{done.objects:,} objects: {done.verdict}"
        say(told if done.severity is Severity.INFO else Attention(told))
    earlier = history.earlier()
    out.parent.mkdir(parents=True, exist_ok=True)
    for language, written in pages(done, earlier, out.stem).items():
        out.with_name(file_name(out.stem, language)).write_text(written, encoding="utf-8")
    if as_of is None and school is None:  # what was asked for another day or a part is no history
        history.keep(done, pages(done, earlier, history.INDEX))
        emit_metrics(done)
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(done), indent=1).decode())
    else:
        _show(done)
        console.print(f"[dim]{out}[/]")
    if done.severity is not Severity.INFO:
        raise typer.Exit(CRITICAL if done.severity is Severity.CRITICAL else WARNINGS)


def _show(done: Audit) -> None:
    if not done.findings:
        return
    shown = Table("", "check", "where", box=None, header_style="bold", pad_edge=False)
    shown.add_column("how many", justify="right")
    shown.add_column("what")
    colours = ("dim", "yellow", "red")
    for finding in done.findings:
        severity = f"[{colours[finding.severity]}]{finding.severity.word}[/]"
        shown.add_row(severity, finding.check, finding.where, f"{finding.count:,}", str(finding.what))
    console.print(shown)
    for way_out in dict.fromkeys(finding.way_out for finding in done.findings):
        console.print(f"  → {way_out}", markup=False, soft_wrap=True)

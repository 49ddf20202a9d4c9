"""`luca quality`: judge what was published, and let a held load go."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from pipelines.cli.progress import Attention, console, step
from transforms.lake_schema import LAKE_TABLES

if TYPE_CHECKING:
    from expectations.history import Finding

BROKEN = 3  # exit code: a rule is broken

app = typer.Typer(help="The quality of what was published, and of loads that are held.", no_args_is_help=True)


Day = Annotated[
    datetime | None,
    typer.Option("--day", formats=["%Y-%m-%d"], help="The schools' own date; yesterday (UTC) by default."),
]
TableName = Annotated[str | None, typer.Argument(help="A lake table; all of them by default.")]


@app.command()
def day(table: TableName = None, day: Day = None) -> None:
    """Judge a day of the lake by the weeks before it: silent schools, volume, mix, copies, freshness."""
    from pipelines.quality.daily import judge_day

    now = datetime.now(UTC)
    of = day.date() if day else now.date() - timedelta(days=1)
    for name in [table] if table else LAKE_TABLES:
        with step(f"Day of {name}") as say:
            judged = judge_day(name, of, now)
            say(Attention(judged.summary) if _warns(judged.findings) else judged.summary)
        _show(judged.findings)


@app.command()
def deep(table: TableName = None, day: Day = None) -> None:
    """Judge the published rows of a day by the rules of the gate, with Great Expectations on Athena.

    Ends with 3 where a rule is broken, informative ones aside, and with 1 where a tool failed.
    """
    from pipelines.quality.deep import judge_day_deeply

    now = datetime.now(UTC)
    of = day.date() if day else now.date() - timedelta(days=1)
    warned = False
    for name in [table] if table else LAKE_TABLES:
        with step(f"Deep suite of {name}") as say:
            judged = judge_day_deeply(name, of, now)
            say(Attention(judged.summary) if _warns(judged.findings) else judged.summary)
        _show(judged.findings)
        warned |= _warns(judged.findings)
    if warned:
        raise typer.Exit(BROKEN)


def _warns(findings: Sequence[Finding]) -> bool:
    """Whether somebody must look: informative findings ask nobody."""
    from expectations.rules import Severity

    return any(found.severity is not Severity.INFO for found in findings)


def _show(findings: Sequence[Finding]) -> None:
    shown = Table(box=None, header_style="bold")
    for title in ("severity", "rule", "school", "what is so"):
        shown.add_column(title)
    for found in findings:
        shown.add_row(found.severity, found.rule, found.school_id, found.words.en)
    if findings:
        console.print(shown)


@app.command()
def page(
    out: Annotated[Path, typer.Option(help="The folder of the page; loads have theirs in it too.")] = Path(
        "out/quality"
    ),
) -> None:
    """Write the page of the last four weeks: rules and schools day by day, quarantine, volume, freshness.

    It leads to Great Expectations' Data Docs, which are written before it (luca quality docs).
    """
    from pipelines.reports.data_docs import FOLDER, write_data_docs
    from pipelines.reports.quality import write_quality_page

    with step("Data Docs") as say:
        say(str(write_data_docs(out / FOLDER)))
    with step("Quality") as say:
        say(str(write_quality_page(out, written_at=datetime.now(UTC))))


@app.command()
def docs(
    out: Annotated[Path, typer.Option(help="The folder of the pages; index.html leads to all.")] = Path(
        "out/quality/data-docs"
    ),
    newest: Annotated[int, typer.Option(min=1, help="How many loads of each table.")] = 20,
) -> None:
    """Write Great Expectations' Data Docs: the validations of the newest loads and their suites.

    Into a folder, and into the reports bucket under quality/data-docs/. The pages open without a
    server and fetch nothing. `luca quality page` writes them too, of 20 loads of each table.
    """
    from pipelines.reports.data_docs import write_data_docs

    with step("Data Docs") as say:
        say(str(write_data_docs(out, newest=newest)))


@app.command("let-go")
def let_go(
    table: Annotated[str, typer.Argument(help="The lake table whose load is held.")],
    because: Annotated[str, typer.Option(help="Why the schools are at fault, and not we; for the ledger.")],
) -> None:
    """Let a held load go: its next run quarantines the schools that the verdict stops."""
    from pipelines.load import holding

    load = holding.let_go(table, because, datetime.now(UTC))
    console.print(f"load {load.load_id} is let go: run luca load {table}")

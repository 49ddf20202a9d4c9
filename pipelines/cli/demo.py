"""`luca demo`: the whole way on this machine, with a local cloud of its own, and its books."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.table import Table

from infra.local.cloud import LocalCloud
from pipelines.books import COLUMNS, Books, drawn_up
from pipelines.cli import simulate
from pipelines.cli.progress import console, step
from pipelines.simulation.scenario import Scenario, Tally, create_schools
from transforms.lake_schema import LAKE_TABLES

MARTS = ("weekly_student_behavior", "weekly_school_behavior")


def demo(
    schools: simulate.Schools = 6,
    weeks: simulate.Weeks = 3,
    events: simulate.Events = 30_000,
    seed: simulate.Seed = 1,
    damaged_roster: simulate.DamagedRoster = False,
    oulad: simulate.Oulad = None,
    module: simulate.Modules = None,
    out: Annotated[Path, typer.Option(help="Folder for what it writes; replaced.")] = Path("out/demo"),
) -> None:
    """From a school's event to its weekly trend: HTTP, queue, store, stream, lake, gate, dbt, books.

    Writes report.html (open it in a browser), account.json, the quality reports, the dbt docs and
    each lake table and mart as Parquet. Ends with an error if an event is missing anywhere.
    """
    began = time.monotonic()
    scenario = simulate.choose(
        schools, weeks, events, seed, damaged_roster=damaged_roster, oulad=oulad, modules=module
    )
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="luca-demo-") as state:
        with step("Local cloud, from infra/*.yaml"):
            cloud = LocalCloud.start(Path(state))
        with cloud:
            os.environ.update(cloud.environment)
            books = _the_way(scenario, cloud, out)
    console.print()
    console.print(_account(books))
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in books.rejections().items())
    console.print(f"[dim]rejected, by reason: {reasons or 'none'}[/]", soft_wrap=True)
    console.print(f"[dim]{out}/report.html · account.json · quality/ · dbt-docs/ · tables/[/]")
    books.require_balance()
    seconds = time.monotonic() - began
    console.print(f"[bold green]{books.verdict}[/] [dim]({seconds:.0f} s)[/]", soft_wrap=True)


def _the_way(scenario: Scenario, cloud: LocalCloud, out: Path) -> Books:
    """Everything between the first request and the books."""
    from pipelines.load.run import load, recent_loads
    from pipelines.reports.weekly import Link, write_report
    from pipelines.trends import run_trends

    with step("Schools") as say:
        create_schools(scenario)
        say(f"{len(scenario.schools)} with {len(scenario.students):,} students")
    tally = simulate.send_all(scenario, cloud.environment["LUCA_API_ENDPOINT"], cloud.token)
    with step("Stored, streamed and landed") as say:
        cloud.settle(timeout=1_800, progress=say)
        say("queue empty, pipes idle, buffers flushed")
    for table in LAKE_TABLES:
        with step(f"Load {table}") as say:
            results = load(table, now=datetime.now(UTC), docs=out / "quality", progress=say)
            say("; ".join(result.summary for result in results) or "nothing has landed")
    with step("Trends") as say:
        say(run_trends(docs_dir=out / "dbt-docs", progress=say).summary)
    with step("Books, tables and report") as say:
        books = _books(tally)
        (out / "account.json").write_text(json.dumps(books.as_dict(), indent=2) + "\n")
        _export(out / "tables")
        links = [
            Link("quality/index.html", "Quality reports", "every expectation of every load"),
            Link("dbt-docs/index.html", "dbt docs", "each column of each mart, and the lineage"),
        ]
        write_report(
            out / "report.html", written_at=datetime.now(UTC), books=books, loads=recent_loads(), links=links
        )
        say(str(out))
    return books


def _books(tally: Tally) -> Books:
    from pipelines import counts

    once, rows = counts.landed()
    figures: dict[str, Counter[str]] = {
        "stored": counts.stored(),
        "landed": once,
        "landed_rows": rows,
        "quarantined": counts.quarantined(),
        "in_lake": counts.in_lake(),
        "in_trends": counts.in_trends(),
    }
    return drawn_up(tally.by_school, figures, counts.rejected())


def _export(folder: Path) -> None:
    """Each lake table and mart as one Parquet file, for a look with any tool."""
    from adapters import athena
    from adapters.settings import setting

    folder.mkdir()
    tables = [(name, "LAKE_DATABASE") for name in LAKE_TABLES] + [(name, "MARTS_DATABASE") for name in MARTS]
    for name, database in tables:
        frame = athena.query(
            f"SELECT * FROM {name}", work_group=setting("JOBS_WORK_GROUP"), database=setting(database)
        )
        frame.to_parquet(folder / f"{name}.parquet", index=False)


def _account(books: Books) -> Table:
    table = Table(
        title="The account, event by event",
        title_justify="left",
        title_style="bold",
        box=SIMPLE,
        show_footer=True,
        padding=(0, 1),
        pad_edge=False,
    )
    totals = books.totals()
    # Two-line headers keep the table within the 80 columns of a plain terminal.
    headers = {"duplicates": "dupli-\ncates", "quarantined": "quaran-\ntined", "in_trends": "in\ntrends"}
    table.add_column("school", footer="all", no_wrap=True)
    for column in COLUMNS:
        table.add_column(
            headers.get(column, column.replace("_", "\n")),
            justify="right",
            no_wrap=True,
            footer=f"{totals[column]:,}",
        )
    for school in books.schools:
        table.add_row(school.school_id, *(f"{getattr(school, column):,}" for column in COLUMNS))
    return table

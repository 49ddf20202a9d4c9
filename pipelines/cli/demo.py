"""`luca demo`: the whole way on this machine, with a local cloud of its own, and its books."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from pipelines.books import COLUMNS, Books, UnbalancedBooksError, drawn_up
from pipelines.cli import demo_grades, demo_pages, profiles, simulate
from pipelines.cli.demo_grades import GradeBooks
from pipelines.cli.local import stop_signal
from pipelines.cli.progress import console, step
from pipelines.simulation.scenario import Scenario, Tally, create_schools
from transforms.calendar import iso_week
from transforms.lake_schema import LAKE_TABLES

if TYPE_CHECKING:
    from infra.local.cloud import LocalCloud

WAIT_SCALE = 0.01  # the government's 5, 15 and 45 s, and the 2 s between batches, shortened
MARTS = (
    "school_weeks",
    "weekly_student_behavior",
    "weekly_student_trends",
    "early_warnings",
    "student_period_grades",
    "weekly_class_behavior",
    "weekly_cohort_behavior",
    "weekly_school_behavior",
)


def demo(
    schools: simulate.Schools = 6,
    weeks: simulate.Weeks = 3,
    events: simulate.Events = 30_000,
    seed: simulate.Seed = 1,
    damaged_roster: simulate.DamagedRoster = False,
    oulad: simulate.Oulad = None,
    module: simulate.Modules = None,
    out: Annotated[Path, typer.Option(help="Folder for what it writes; replaced.")] = Path("out/demo"),
    pages: Annotated[
        bool, typer.Option("--pages", help="Then serve the teacher's pages over it until ctrl-C.")
    ] = False,
) -> None:
    """From a school's event to its weekly trend: HTTP, queue, store, stream, lake, gate, dbt, books.

    Writes report.html (open it in a browser), account.json, the quality reports, the dbt docs and
    each lake table and mart as Parquet. Ends with an error if an event is missing anywhere.
    """
    from infra.local.cloud import LocalCloud  # as of `pipelines.cli.local`

    if pages and oulad is not None:
        raise typer.BadParameter("--pages shows the last weeks, and the records of --oulad are years old")
    began = time.monotonic()
    scenario = simulate.choose(
        schools, weeks, events, seed, damaged_roster=damaged_roster, oulad=oulad, modules=module
    )
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="luca-demo-") as state:
        with step("Local cloud, from infra/*.yaml"):
            cloud = LocalCloud.start(Path(state), wait_scale=WAIT_SCALE)
        with cloud:
            os.environ.update(cloud.environment)
            books, grades = _the_way(scenario, cloud, out, oulad, module)
            _tell(books, grades, out, time.monotonic() - began)
            if pages:
                _serve(scenario, cloud)


def _tell(books: Books, grades: list[GradeBooks], out: Path, seconds: float) -> None:
    """The accounts and what they say.

    Raises:
        UnbalancedBooksError: Something is missing.
    """
    console.print()
    console.print(_account(books))
    console.print()
    console.print(_grades_account(grades))
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in books.rejections().items())
    console.print(f"[dim]rejected, by reason: {reasons or 'none'}[/]", soft_wrap=True)
    console.print(f"[dim]{out}/report.html · account.json · quality/ · dbt-docs/ · tables/[/]")
    books.require_balance()
    _require_grades(grades)
    console.print(f"[bold green]{demo_grades.verdict(grades)}[/]", soft_wrap=True)
    console.print(f"[bold green]{books.verdict}[/] [dim]({seconds:.0f} s)[/]", soft_wrap=True)


def _serve(scenario: Scenario, cloud: LocalCloud) -> None:
    """Shows the way to the pages, and keeps them open."""
    stop = stop_signal()
    school = scenario.schools[0].school_id
    week = iso_week(datetime.now(UTC).date() - timedelta(days=7))  # the last whole one: events end there
    with demo_pages.served(cloud.state_dir / "logs" / "api.log") as address:
        link = f"{address}/login?next=/classes%3Fweek%3D{week}"
        console.print(f"\nThe teacher's pages of {school}: {link}", soft_wrap=True)
        console.print("Log in with the token of the next line; ctrl-C ends everything.")
        typer.echo(cloud.token(school))
        while not stop.wait(0.5):
            pass


def _the_way(
    scenario: Scenario, cloud: LocalCloud, out: Path, oulad: Path | None, modules: list[str] | None
) -> tuple[Books, list[GradeBooks]]:
    """Everything between the first request and the books."""
    from pipelines.load.run import load, recent_loads
    from pipelines.reports import runs
    from pipelines.reports.quality import write_quality_page
    from pipelines.reports.schools import FOLDER, write_school_reports
    from pipelines.reports.weekly import QUALITY, RUNS, Link, write_report
    from pipelines.trends import run_trends

    with step("Schools") as say:
        create_schools(scenario)
        say(f"{len(scenario.schools)} with {len(scenario.students):,} students")
    tally = simulate.send_all(scenario, cloud.environment["LUCA_API_ENDPOINT"], cloud.token)
    with step("Scores and the night") as say:
        term = simulate.record_scores(scenario, oulad, modules)
        when = demo_grades.nights(scenario, cloud, datetime.now(UTC).date())
        say(f"{term.evaluations.total():,} scores, {len(term.groups):,} grades to make at {when}")
    with step("Stored, streamed and landed") as say:
        cloud.settle(timeout=1_800, progress=say)
        say("queue empty, pipes idle, buffers flushed")
    for table in LAKE_TABLES:
        with step(f"Load {table}") as say:
            results = load(table, now=datetime.now(UTC), docs=out / "quality", progress=say)
            say("; ".join(result.summary for result in results) or "nothing has landed")
    with step("Trends") as say:
        # In its own folder: a `luca trends` or another demo may run beside it.
        work = cloud.state_dir / "dbt"
        say(run_trends(docs_dir=out / "dbt-docs", work_dir=work, progress=say).summary)
    profiles.run()
    official = oulad is None  # the grades that we make of OULAD's marks are not its university's results
    if official:
        with step("Government, on a bad day") as say:
            say(demo_grades.synchronise())
        with step("Reconciliation") as say:
            say(demo_grades.reconcile())
    with step("Books, tables and report") as say:
        books = _books(tally)
        grades = demo_grades.drawn_up(term, official=official)
        account = {**books.as_dict(), "grades": [school.as_dict() for school in grades]}
        (out / "account.json").write_text(json.dumps(account, indent=2) + "\n")
        _export(out / "tables")
        write_quality_page(out / "quality", written_at=datetime.now(UTC))
        links = [
            QUALITY,
            RUNS,
            Link("dbt-docs/index.html", "dbt docs", "each column of each mart, and the lineage"),
        ]
        runs.write_page(out / runs.FOLDER, written_at=datetime.now(UTC))
        write_school_reports(out / FOLDER, written_at=datetime.now(UTC))
        write_report(
            out / "report.html", written_at=datetime.now(UTC), books=books, loads=recent_loads(), links=links
        )
        say(str(out))
    return books, grades


def _require_grades(grades: Sequence[GradeBooks]) -> None:
    if found := demo_grades.faults(grades):
        raise UnbalancedBooksError("the grades do not add up:\n  " + "\n  ".join(found))


def _books(tally: Tally) -> Books:
    from pipelines import counts

    once, rows = counts.landed()
    figures: dict[str, Counter[str]] = {
        "stored": counts.stored(),
        "landed": once,
        "landed_rows": rows,
        "quarantined": counts.quarantined(),
        "discarded": counts.discarded(),
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
    totals = books.totals()
    # Two-line headers keep the table within the 80 columns of a plain terminal.
    headers = {
        "duplicates": "dupli-\ncates",
        "quarantined": "quaran-\ntined",
        "discarded": "dis-\ncarded",
        "in_trends": "in\ntrends",
    }
    names = [headers.get(column, column.replace("_", "\n")) for column in COLUMNS]
    rows = [[school.school_id, *(getattr(school, column) for column in COLUMNS)] for school in books.schools]
    return _by_school("The account, event by event", names, rows, [totals[column] for column in COLUMNS])


def _grades_account(grades: Sequence[GradeBooks]) -> Table:
    columns = ("evaluations", "waiting", "grades", "synced", "on_record")
    rows = [[school.school_id, *(getattr(school, column) for column in columns)] for school in grades]
    totals = [sum(getattr(school, column) for school in grades) for column in columns]
    names = ["scores", "still\nwaiting", "grades", "sent and\nreceipted", "on the gov-\nernment's record"]
    return _by_school("Official grades, from the first score to the record", names, rows, totals)


def _by_school(
    title: str, names: Sequence[str], rows: Sequence[Sequence[object]], totals: Sequence[int]
) -> Table:
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        header_style="dim",
        footer_style="bold",
        box=None,
        show_footer=True,
        padding=(0, 0, 0, 1),
        pad_edge=False,
    )
    table.add_column("school", footer="all", no_wrap=True)
    for name, total in zip(names, totals, strict=True):
        table.add_column(name, justify="right", footer=f"{total:,}", vertical="bottom")
    for school, *values in rows:
        table.add_row(str(school), *(f"{value:,}" for value in values))
    return table

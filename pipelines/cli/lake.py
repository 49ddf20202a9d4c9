"""`luca load`, `trends`, `query`, `report`: work on the lake, here and in AWS alike."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from adapters.settings import setting
from pipelines.cli.progress import print_frame, step
from pipelines.load.shards import USUAL, Bounds
from transforms.lake_schema import LAKE_TABLES

OUT = Path("out")


def load(
    table: Annotated[str | None, typer.Argument(help="A lake table; all of them by default.")] = None,
    reports: Annotated[Path, typer.Option(help="Where the quality reports go.")] = OUT / "quality",
    shards: Annotated[int, typer.Option(min=1, help="Most shards of a load.")] = USUAL.shards,
    files: Annotated[int, typer.Option(min=1, help="Most files of a shard.")] = USUAL.files,
) -> None:
    """Judge what has landed and publish it to the lake. Safe to run at any time, and again."""
    from pipelines.load.run import load as run

    for name in [table] if table else LAKE_TABLES:
        with step(f"Load {name}") as say:
            results = run(
                name, now=datetime.now(UTC), docs=reports, bounds=Bounds(shards, files), progress=say
            )
            say("; ".join(result.summary for result in results) or "nothing new has landed")


def trends(
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Build the marts anew from all of the lake.")
    ] = False,
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="Build from this date's week on: for events that came later than the look-back of 4 weeks.",
        ),
    ] = None,
    docs: Annotated[Path | None, typer.Option(help="Write the dbt docs site into this folder.")] = None,
    profiles: Annotated[bool, typer.Option(help="Then bring them back to the students' profiles.")] = True,
    work_dir: Annotated[
        Path | None, typer.Option(help="Where dbt keeps the parsed project, its artifacts and its log.")
    ] = None,
) -> None:
    """Build the weekly trends with dbt on Athena, test them, and bring them back to the profiles."""
    from pipelines.cli.profiles import run as publish_profiles
    from pipelines.reports import late
    from pipelines.trends import run_trends
    from pipelines.trends.commands import WORK

    with step("Trends") as say:
        result = run_trends(
            full_refresh=full_refresh,
            since=since.date() if since else None,
            docs_dir=docs,
            work_dir=work_dir or WORK,
            progress=say,
        )
        changed = late.read("DBT_WORK_GROUP").told()
        say(f"{result.summary}. {changed}" if changed else result.summary)
    if profiles:
        publish_profiles()


def query(
    sql: Annotated[str, typer.Argument(help="Athena SQL; databases: luca_lake, luca_marts, luca_landing.")],
    csv: Annotated[bool, typer.Option("--csv", help="Print as CSV.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print as one JSON object a line.")] = False,
    database: Annotated[
        str | None, typer.Option(help="Where unqualified tables are; the lake by default.")
    ] = None,
    limit: Annotated[int, typer.Option(help="Most rows of the table form.")] = 100,
) -> None:
    """Ask Athena, as an analyst does."""
    from adapters import athena

    frame = athena.query(
        sql, work_group=setting("ANALYSTS_WORK_GROUP"), database=database or setting("LAKE_DATABASE")
    )
    if csv:
        frame.to_csv(sys.stdout, index=False)
        return
    if as_json:
        for row in frame.astype(object).where(frame.notna(), None).to_dict("records"):
            typer.echo(json.dumps(row, default=str, ensure_ascii=False))
        return
    print_frame(frame, limit)


def report(
    out: Annotated[Path, typer.Option(help="The page to write.")] = OUT / "report.html",
) -> None:
    """Write the weekly reports, of the platform and of each school, the lake's quality and the trends' runs.

    In English and, as *.es.html, in Spanish: pages that open without a server.
    """
    from pipelines.load.run import recent_loads
    from pipelines.reports import runs, schools
    from pipelines.reports.quality import write_quality_page
    from pipelines.reports.weekly import QUALITY, RUNS, write_report

    now = datetime.now(UTC)
    with step("Quality") as say:
        say(str(write_quality_page(out.parent / "quality", written_at=now)))
    with step("Runs of the trends") as say:
        say(str(runs.write_page(out.parent / runs.FOLDER, written_at=now)))
    with step("Reports of schools") as say:
        pages = schools.write_school_reports(out.parent / schools.FOLDER, written_at=now)
        say(f"{len(pages)} pages in {out.parent / schools.FOLDER}")
    with step("Report") as say:
        write_report(out, written_at=now, loads=recent_loads(), links=[QUALITY, RUNS])
        say(str(out))

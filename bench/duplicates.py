"""What a load costs to look for rows that the lake has: with a week of history in it, and with fifty.

The same files land in both lakes, a tenth of their rows being there already. Time is the load's; bytes
are what Athena read for it, in all its queries. Each run is a process of its own on a lake of its own,
made of files as loads write them, a school, cohort and week each.

Usage: `python -m bench.duplicates [--rows N] [--runs N]`.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from adapters.aws import client
from adapters.lake import PartitionValues
from bench._invented_landing import events, in_week
from bench.compaction import fill
from bench.load import make_lake, parquet, peak_mb, services
from bench.outcome import Goal, Measure, publish
from pipelines.load.run import load
from transforms.lake_schema import BEHAVIOR_EVENTS, LOAD_ID

FIGURES = ("seconds", "cpu_seconds", "athena_mb", "peak_mb")
SHORT, LONG = 1, 50  # weeks of history
ROWS_A_WEEK, SCHOOLS, STUDENTS = 20_000, 6, 18  # three cohorts of each school
KNOWN = 10  # one row of so many is in the lake already
FILES = 20
MOST_MORE = 1.10
NEWEST = datetime(2026, 3, 9, tzinfo=UTC)  # the Monday of the week that lands
NOW = NEWEST + timedelta(days=7)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("job", nargs="?", choices=["load"], help="one measurement, for ourselves")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    if options.job:
        print(json.dumps(one_load()))
        return
    with services() as environment:
        report(options, measure(options, environment))


def measure(options: argparse.Namespace, environment: dict[str, str]) -> dict[int, list[dict[str, float]]]:
    """Loads the same files after a short history and after a long one, in turns."""
    week = history(1)[0]
    new = in_week(events(options.rows, schools=SCHOOLS, students=STUDENTS, seed=LONG + 1), NEWEST)
    known = week.slice(0, options.rows // KNOWN)
    landing = pa.concat_tables([new.slice(len(known)), known])
    each = -(-len(landing) // FILES)
    files = [parquet(landing.slice(start, each)) for start in range(0, len(landing), each)]
    runs: dict[int, list[dict[str, float]]] = {SHORT: [], LONG: []}
    for number in range(options.runs):
        for weeks, results in runs.items():
            lake = make_lake(f"weeks-{weeks}-{number}", environment, files)
            fill(lake, lake_files(history(weeks)))
            done = subprocess.run(
                [sys.executable, "-m", "bench.duplicates", "load"],
                env={**os.environ, **lake},
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            found = json.loads(done.stdout.splitlines()[-1])
            if found.pop("duplicates") != len(known):
                raise RuntimeError(f"after {weeks} weeks not all {len(known):,} known rows were found")
            results.append(found)
            print(f"{weeks:2} weeks {json.dumps(found)}", flush=True)
    return runs


def report(options: argparse.Namespace, runs: dict[int, list[dict[str, float]]]) -> None:
    """Publishes the medians."""
    medians = {
        weeks: {name: round(statistics.median(run[name] for run in results), 3) for name in FIGURES}
        for weeks, results in runs.items()
    }
    ratios = {name: round(medians[LONG][name] / medians[SHORT][name], 3) for name in FIGURES}
    publish(
        "duplicates",
        given=f"{options.rows:,} rows in {FILES} files after {SHORT} and {LONG} weeks of {ROWS_A_WEEK:,} "
        f"rows, medians of {options.runs} runs",
        measures=[Measure(f"after {weeks} weeks", **found) for weeks, found in medians.items()],
        ratios={f"{name.replace('_', ' ')}, {LONG} weeks / {SHORT}": value for name, value in ratios.items()},
        goals=[
            Goal(f"at most {MOST_MORE} times the {words} after {LONG} weeks", ratios[name] <= MOST_MORE)
            for name, words in (("seconds", "time"), ("athena_mb", "bytes read by Athena"))
        ],
    )


def one_load() -> dict[str, float]:
    """The load, and what it read."""
    started = time.perf_counter()
    (result,) = load(BEHAVIOR_EVENTS.name, now=NOW)
    seconds = time.perf_counter() - started
    return {
        "seconds": round(seconds, 3),
        "cpu_seconds": round(time.process_time(), 3),
        "athena_mb": round(bytes_read() / 1e6, 3),
        "peak_mb": peak_mb(),
        "duplicates": result.total("duplicate"),
    }


def bytes_read() -> int:
    """What Athena read for the queries of this process's lake, which no other has."""
    athena = client("athena")
    pages = athena.get_paginator("list_query_executions").paginate(
        WorkGroup=os.environ["LUCA_JOBS_WORK_GROUP"]
    )
    ids = [found for page in pages for found in page["QueryExecutionIds"]]
    queries = [athena.get_query_execution(QueryExecutionId=found)["QueryExecution"] for found in ids]
    ours = os.environ["LUCA_LANDING_DATABASE"]
    return sum(
        query["Statistics"]["DataScannedInBytes"]
        for query in queries
        if query["QueryExecutionContext"]["Database"] == ours
    )


def history(weeks: int) -> list[pa.Table]:
    """The rows of each week before the newest, the nearest first."""
    return [
        in_week(
            events(ROWS_A_WEEK, schools=SCHOOLS, students=STUDENTS, seed=1 + back),
            NEWEST - timedelta(weeks=1 + back),
        )
        for back in range(weeks)
    ]


def lake_files(weeks: list[pa.Table]) -> dict[PartitionValues, list[bytes]]:
    """Each week as a load publishes it: a file for each school, cohort and month, sorted by day."""
    bodies: dict[PartitionValues, list[bytes]] = {}
    for number, week in enumerate(weeks):
        for partition, rows in parted(week):
            published = rows.append_column(LOAD_ID.name, pa.repeat(f"load_{number}", len(rows)))
            sink = io.BytesIO()
            pq.write_table(published.select(BEHAVIOR_EVENTS.lake_schema.names), sink, compression="zstd")
            bodies.setdefault(partition, []).append(sink.getvalue())
    return bodies


def parted(rows: pa.Table) -> Iterator[tuple[PartitionValues, pa.Table]]:
    """The rows of each partition, by day."""
    month = pc.strftime(rows["local_date"], "%Y-%m")
    rows = rows.append_column("month", month).sort_by([("local_date", "ascending")])
    keys = ["graduation_year", "month", "school_id"]
    for group in rows.select(keys).group_by(keys).aggregate([]).to_pylist():
        where = pc.and_(
            pc.and_(
                pc.equal(rows["graduation_year"], group["graduation_year"]),
                pc.equal(rows["month"], group["month"]),
            ),
            pc.equal(rows["school_id"], group["school_id"]),
        )
        year, of_year = group["month"].split("-")
        yield (str(group["graduation_year"]), year, of_year, group["school_id"]), rows.filter(where)


if __name__ == "__main__":
    main()

"""The weekly marts: what one more week reads after 10 weeks of history and after 50, and many events at once.

**One more week.** The same run, by Athena's own account of the bytes that its queries scan: what it reads
must not grow with what lies in the lake already. Those nodes are printed whose bytes grow most.

**Many events.** A year of events lies in the lake, and the weekly marts are built from nothing. Ours is the
time by the clock in which dbt works on any of them: what it asks of Athena before, the query that computes
the rows, and their publication, file by file and into the catalog. Its start, views and tests are not
counted. The floor is bare DuckDB on the same files with the same threads and memory: one GROUP BY of the same
columns for each of the three marts that read events, its rows fetched and thrown away. Files of both are on
the local disk.

Usage: `python -m bench.marts [--events N] [--only history|events]`.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from adapters import athena, lake
from adapters.aws import client
from adapters.batches import batches
from adapters.settings import setting
from bench._invented_landing import events, in_week
from bench.history import JOBS, land, measured, weeks
from bench.history import ROWS as ROWS_A_WEEK
from bench.history import STUDENTS as STUDENTS_OF_HISTORY
from bench.outcome import Goal, Measure, publish
from infra.local.athena.engine import MEMORY_LIMIT, THREADS
from infra.local.cloud import LocalCloud
from pipelines.trends import run_trends
from transforms.calendar import week_start
from transforms.events import EVENT_TYPES, STATUSES
from transforms.lake_schema import BEHAVIOR_EVENTS, PARTITION_KEYS

SHORT, LONG = 10, 50  # weeks of history
MOST_MORE_BYTES = 1.2
YEAR, STUDENTS, SCHOOLS_OF_MANY = 50, 20_000, 4
MOST_TIME, MOST_MB = 2.0, 5_000  # of the floor's seconds; of memory
MARTS = (
    *("school_weeks", "weekly_student_behavior", "weekly_student_trends"),
    *("weekly_class_behavior", "weekly_cohort_behavior", "weekly_school_behavior"),
)
NODE = re.compile(r'"node_id": "(?:model|test|source)\.luca\.([\w.]+)"')
COUNTED = ", ".join(
    [
        "count(*), sum(points), min(load_id), max(load_id), max(received_at)",
        *(f"count(*) FILTER (WHERE event_type = '{kind}')" for kind in EVENT_TYPES),
        *(f"count(*) FILTER (WHERE status = '{status}')" for status in STATUSES),
        *(f"count(*) FILTER (WHERE polarity = '{polarity}')" for polarity in ("positive", "negative")),
    ]
)
WRITES = re.compile(r"\*/\s*create table")
WEEK = "date_trunc('week', local_date)"
FLOOR = (
    f"SELECT school_id, {WEEK}, count(*), count(DISTINCT local_date), max(received_at), min(load_id), "
    "max(load_id) FROM events GROUP BY ALL",
    f"SELECT school_id, student_key, {WEEK}, max(graduation_year), {COUNTED} FROM events GROUP BY ALL",
    f"SELECT school_id, class_id, subject, {WEEK}, count(DISTINCT student_key), {COUNTED} "
    "FROM events GROUP BY ALL",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--only", choices=["history", "events"], help="One of the two, for ourselves.")
    options = parser.parse_args()
    measures: list[Measure] = []
    ratios: dict[str, float] = {}
    goals: list[Goal] = []
    if options.only != "events":
        one_more_week(measures, ratios, goals)
    if options.only != "history":
        many_events(options.events, measures, ratios, goals)
    publish(
        "marts",
        given=f"a week of {ROWS_A_WEEK:,} events of {STUDENTS_OF_HISTORY:,} students after {SHORT} and "
        f"{LONG} weeks; {options.events:,} events of {STUDENTS:,} students in {YEAR} weeks",
        measures=measures,
        ratios=ratios,
        goals=goals,
    )


def one_more_week(measures: list[Measure], ratios: dict[str, float], goals: list[Goal]) -> None:
    """Measures the run of one more week after either history."""
    short, long = week_after(SHORT), week_after(LONG)
    for node in sorted(long["bytes"], key=lambda node: short["bytes"][node] - long["bytes"][node])[:8]:
        print(f"{node:60} {short['bytes'][node]:>12,} → {long['bytes'][node]:>12,} bytes")
    more = long["bytes"].total() / short["bytes"].total()
    slower = long["seconds"] / short["seconds"]
    for length, taken in ((SHORT, short), (LONG, long)):
        measures.append(
            Measure(
                f"one week after {length}",
                seconds=taken["seconds"],
                engine_seconds=taken["engine_seconds"],
                mb_scanned=taken["bytes"].total() / 1e6,
                queries=taken["queries"],
            )
        )
    ratios[f"bytes scanned, {LONG} weeks / {SHORT}"] = more
    ratios[f"time, {LONG} weeks / {SHORT}"] = slower
    ratios["time of the queries alone"] = long["engine_seconds"] / short["engine_seconds"]
    goals.append(
        Goal(f"one week reads ≤ {MOST_MORE_BYTES} × as much after {LONG} weeks", more <= MOST_MORE_BYTES)
    )


def week_after(history: int) -> dict[str, Any]:
    """Builds a history, then measures the trends of one more week on it."""
    with local_cloud():
        *past, newest = weeks(history + 1)
        for number, week in enumerate(past):
            land(week, number)
        for name in JOBS:
            measured(name)  # the history itself, not counted
        land(newest, history)
        measured("load")
        before = {query["QueryExecutionId"] for query in queries()}
        taken = measured("trends")
        ran = [query for query in queries() if query["QueryExecutionId"] not in before]
        scanned: Counter[str] = Counter()
        for query in ran:
            scanned[node_of(query)] += query["Statistics"]["DataScannedInBytes"]
        engine = sum(query["Statistics"]["EngineExecutionTimeInMillis"] for query in ran) / 1000
        return {**taken, "engine_seconds": engine, "bytes": scanned, "queries": len(ran)}


def many_events(count: int, measures: list[Measure], ratios: dict[str, float], goals: list[Goal]) -> None:
    """Measures the weekly marts of many events beside the floor."""
    with local_cloud(), tempfile.TemporaryDirectory() as folder:
        fill(count, Path(folder))
        floor = floor_seconds(Path(folder))
        warm()
        work = Path(os.environ["BENCH_DBT"])
        with watched("pipelines.trends") as dbt_peak:
            run_trends(select=" ".join(f"+{mart}" for mart in MARTS), work_dir=work)
        computed: Counter[str] = Counter()
        for query in queries():
            if WRITES.search(query["Query"]):
                computed[node_of(query)] += query["Statistics"]["EngineExecutionTimeInMillis"]
        peak = peak_mb("infra.local.analytics_process")
        spans = {mart: span for mart, span in spans_of(work / "run_results.json").items() if mart in MARTS}
    if not peak or not max(dbt_peak):
        raise RuntimeError(
            "Athena's process or dbt's was not found among the children: their memory is not known"
        )
    ours = together(spans.values())
    for mart, (begun, ended) in spans.items():
        print(f"{mart:40} {ended - begun:8.2f} s, of which Athena computed {computed[mart] / 1000:.2f} s")
    measures.append(
        Measure("ours", seconds=ours, peak_mb=peak, dbt_peak_mb=max(dbt_peak), rows_per_second=count / ours)
    )
    measures.append(Measure("floor", seconds=floor, rows_per_second=count / floor))
    ratios["weekly marts: time over the floor"] = ours / floor
    goals.append(Goal(f"weekly marts in ≤ {MOST_TIME} × a bare aggregation", ours <= MOST_TIME * floor))
    goals.append(
        Goal(
            f"all of Athena within {MOST_MB:,} MB, DuckDB's limit of {MEMORY_LIMIT} among it",
            peak <= MOST_MB,
        )
    )


def spans_of(results: Path) -> dict[str, tuple[float, float]]:
    """From when to when dbt worked on each model, in seconds since 1970."""
    spans = {}
    for node in json.loads(results.read_text())["results"]:
        moments = [
            datetime.fromisoformat(step[at]).timestamp()
            for step in node["timing"]
            for at in ("started_at", "completed_at")
        ]
        if moments:
            spans[node["unique_id"].split(".")[2]] = (min(moments), max(moments))
    return spans


def together(spans: Iterable[tuple[float, float]]) -> float:
    """Seconds that lie within any span."""
    seconds, until = 0.0, 0.0
    for begun, ended in sorted(spans):
        seconds += max(0.0, ended - max(begun, until))
        until = max(until, ended)
    return seconds


@contextmanager
def local_cloud() -> Iterator[None]:
    """A cloud of its own, which this process's clients find."""
    with tempfile.TemporaryDirectory() as state, LocalCloud.start(Path(state)) as cloud:
        os.environ.update(cloud.environment)
        client.cache_clear()  # it knows the cloud before this one
        os.environ["BENCH_DBT"] = f"{state}/dbt"
        yield


def queries() -> list[dict[str, Any]]:
    """All that dbt has asked Athena, as Athena shows it."""
    service = client("athena")
    pages = service.get_paginator("list_query_executions").paginate(WorkGroup=setting("DBT_WORK_GROUP"))
    ids = [found for page in pages for found in page["QueryExecutionIds"]]
    return [
        query
        for some in batches(ids, 50)
        for query in service.batch_get_query_execution(QueryExecutionIds=some)["QueryExecutions"]
    ]


def node_of(query: dict[str, Any]) -> str:
    """The model, test or source that asked, from the comment that dbt puts before a query."""
    found = NODE.search(query["Query"])
    return found[1] if found else "dbt itself"


def fill(count: int, folder: Path) -> None:
    """Puts a year of events into the lake as a load would, and the same files into a folder."""
    last = week_start(datetime.now(UTC).date())
    places: dict[tuple[str, ...], str] = {}
    week = events(count // YEAR, schools=SCHOOLS_OF_MANY, students=STUDENTS)
    week = week.set_column(0, "event_id", pa.array(map(str, range(len(week)))))  # no mart reads them
    week = week.set_column(
        week.schema.get_field_index("correlation_id"), "correlation_id", pa.nulls(len(week), pa.string())
    )
    for number in range(YEAR):
        rows = lake_rows(week, last - timedelta(weeks=YEAR - number), number)
        for values, part in by_partition(rows):
            prefix = lake.partition_path(BEHAVIOR_EVENTS.name, values)
            body = io.BytesIO()
            pq.write_table(part, body, compression="zstd", store_schema=False)
            lake.write(setting("LAKE_BUCKET"), f"{prefix}{number:04d}.parquet", body.getvalue())
            path = folder / prefix / f"{number:04d}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body.getvalue())
            places[values] = prefix
    lake.register_partitions(BEHAVIOR_EVENTS.name, places)


def lake_rows(week: pa.Table, monday: date, number: int) -> pa.Table:
    """A week's rows as they lie in the lake: the same students as in the others, who do other things."""
    made = in_week(week, datetime.combine(monday, datetime.min.time(), UTC))
    shift = number * 7_919 % len(made)
    for name in ("event_type", "status", "polarity", "points"):
        at = made.schema.get_field_index(name)
        turned = pa.chunked_array([*made[name].slice(shift).chunks, *made[name].slice(0, shift).chunks])
        made = made.set_column(at, made.schema.field(at), turned)
    for name, pattern in (("year", "%Y"), ("month", "%m")):
        made = made.append_column(name, pc.strftime(made["local_date"], pattern))
    return made.append_column("load_id", pa.array([f"load-{number:04d}"] * len(made)))


def by_partition(rows: pa.Table) -> Iterator[tuple[tuple[str, ...], pa.Table]]:
    """A table's partitions, with the columns of the lake's files."""
    rows = rows.sort_by([(key, "ascending") for key in PARTITION_KEYS])
    sizes = (
        rows.select(PARTITION_KEYS).group_by(PARTITION_KEYS, use_threads=False).aggregate([([], "count_all")])
    )
    columns, at = BEHAVIOR_EVENTS.lake_schema.names, 0
    for row in sizes.to_pylist():
        yield tuple(str(row[key]) for key in PARTITION_KEYS), rows.slice(at, row["count_all"]).select(columns)
        at += row["count_all"]


def floor_seconds(folder: Path) -> float:
    """How long bare DuckDB takes for the same columns of the same files."""
    with duckdb.connect(config={"threads": THREADS, "memory_limit": MEMORY_LIMIT}) as bare:
        files = f"{folder}/lake/{BEHAVIOR_EVENTS.name}/**/*.parquet"
        bare.execute(f"CREATE VIEW events AS SELECT * FROM read_parquet('{files}', hive_partitioning = true)")
        bare.execute("SELECT max(points) FROM events").fetchall()
        began = time.perf_counter()
        for sql in FLOOR:
            bare.execute(sql).fetchnumpy()
        return time.perf_counter() - began


def warm() -> None:
    """Lets Athena fetch the lake's files to its disk, which a real one never has to."""
    athena.query(
        f"SELECT max(points) FROM {BEHAVIOR_EVENTS.name}",
        work_group=setting("DBT_WORK_GROUP"),
        database=setting("LAKE_DATABASE"),
    )


@contextmanager
def watched(module: str) -> Iterator[list[float]]:
    """Looks ten times a second at what a child of this process has in memory; fills the list, MB.

    Asked at its end, the system would count what this process held when it started the child.
    """
    seen, over = [0.0], threading.Event()

    def look() -> None:
        while not over.wait(0.1):
            seen.append(peak_mb(module))

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(look)
        try:
            yield seen
        finally:
            over.set()
            looking.result()


def peak_mb(module: str) -> float:
    """The most memory (MB) that the child of this process with this module has had; 0 where there is none."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            status, command = (process / "status").read_text(), (process / "cmdline").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        if module in command and f"PPid:\t{os.getpid()}\n" in status:
            found = re.search(r"VmHWM:\s+(\d+) kB", status)
            return int(found[1]) / 1000 if found else 0
    return 0


if __name__ == "__main__":
    main()

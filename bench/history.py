"""One more week, after 5 weeks of history and after 50: time and memory of the load and the trends.

What a week costs must not grow with what lies in the lake already. Every job runs in a process of
its own on the local cloud; its peak includes the processes that it starts (dbt is one).
"""

from __future__ import annotations

import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from adapters import lake
from adapters.aws import client
from adapters.settings import setting
from bench._invented_landing import events, in_week
from bench.load import peak_mb
from bench.outcome import Goal, Measure, publish
from infra.local.cloud import LocalCloud
from pipelines.load.run import load
from pipelines.trends import run_trends
from transforms.calendar import week_start

SHORT, LONG = 5, 50  # weeks of history
ROWS, STUDENTS, SCHOOLS = 10_000, 1_000, 6  # a week
MOST_MORE = 1.10  # of the memory after the short history
JOBS = {
    "load": lambda: load("behavior_events", now=datetime.now(UTC)),
    "trends": lambda: run_trends(work_dir=Path(os.environ["BENCH_DBT"])),
}


def land(table: pa.Table, number: int) -> None:
    """Puts one file into the landing."""
    body = io.BytesIO()
    pq.write_table(table, body)
    hour = f"{datetime.now(UTC):%Y-%m-%d-%H}"
    lake.write(
        setting("LANDING_BUCKET"), f"behavior_events/hour={hour}/{number:04d}.parquet", body.getvalue()
    )


def weeks(count: int) -> list[pa.Table]:
    """The last whole weeks, the same students in each."""
    every = events(ROWS * count, schools=SCHOOLS, students=STUDENTS)
    last = datetime.combine(week_start(datetime.now(UTC).date()), datetime.min.time(), UTC)
    return [
        in_week(every.slice(number * ROWS, ROWS), last - timedelta(weeks=count - number))
        for number in range(count)
    ]


def one_job(name: str) -> None:
    """Runs a job and prints what it took: in a process of its own."""
    began = time.perf_counter()
    JOBS[name]()
    unit = 1024**2 if sys.platform == "darwin" else 1024  # bytes there, KiB here
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / unit
    print(json.dumps({"seconds": time.perf_counter() - began, "peak_mb": max(peak_mb(), children)}))


def measured(name: str) -> dict[str, float]:
    """What a job takes."""
    command = [sys.executable, "-m", "bench.history", name]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    taken: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return taken


def last_week_after(history: int) -> dict[str, dict[str, float]]:
    """Builds a history, then measures one more week on it."""
    with tempfile.TemporaryDirectory() as state, LocalCloud.start(Path(state)) as cloud:
        os.environ.update(cloud.environment)
        client.cache_clear()  # it knows the cloud before this one
        os.environ["BENCH_DBT"] = f"{state}/dbt"
        *past, newest = weeks(history + 1)
        for number, week in enumerate(past):
            land(week, number)
        for name in JOBS:
            measured(name)  # the history itself, not counted
        land(newest, history)
        return {name: measured(name) for name in JOBS}


def main() -> None:
    """Measures and publishes."""
    if len(sys.argv) > 1:
        one_job(sys.argv[1])
        return
    short, long = last_week_after(SHORT), last_week_after(LONG)
    growth = {name: long[name]["peak_mb"] / short[name]["peak_mb"] for name in JOBS}
    publish(
        "history",
        given=f"a week of {ROWS:,} events of {STUDENTS:,} students after {SHORT} and {LONG} weeks of history",
        measures=[
            Measure(f"{name} after {length} weeks", **taken[name])
            for name in JOBS
            for length, taken in ((SHORT, short), (LONG, long))
        ],
        ratios={
            **{f"{name}: memory, {LONG} weeks / {SHORT}": ratio for name, ratio in growth.items()},
            **{
                f"{name}: time, {LONG} weeks / {SHORT}": long[name]["seconds"] / short[name]["seconds"]
                for name in JOBS
            },
        },
        goals=[
            Goal(f"{name}: memory flat in the length of history (≤ {MOST_MORE} ×)", ratio <= MOST_MORE)
            for name, ratio in growth.items()
        ],
    )


if __name__ == "__main__":
    main()

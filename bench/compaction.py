"""Compaction: partitions of many small files to one sorted file each. Beside it, bare pyarrow.

The floor reads the same files from the same S3, sorts each partition by the same columns and writes it as
one file, two partitions side by side and through the same client, and nothing else: no lease, no ledger, no
catalog, no Bloom filters, no page index. Each run is a process of its own on a lake of its own. S3 and
DynamoDB are ministack in a child, Glue is in this process, and all of it shares the machine's cores.

Usage: `python -m bench.compaction [--rows N] [--partitions N] [--files N] [--runs N]`.
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
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from adapters import lake
from adapters.aws import client
from bench._invented_landing import events
from bench.load import make_lake, peak_mb, services
from bench.outcome import Goal, Measure, publish
from pipelines.partitions.compaction import Wish, compact
from transforms.lake_schema import BEHAVIOR_EVENTS, LOAD_ID, PARTITION_KEYS

FIGURES = ("seconds", "cpu_seconds", "peak_mb")
LEAST_SPEED, MOST_MB = 0.8, 1_500  # of the floor's speed; of memory
READERS, WRITERS = 4, 2
TABLE = BEHAVIOR_EVENTS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "job", nargs="?", choices=["floor", "ours", "again"], help="one measurement, for ourselves"
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--partitions", type=int, default=20)
    parser.add_argument("--files", type=int, default=20, help="In each partition.")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    if options.job:
        print(json.dumps({"floor": floor, "ours": ours, "again": again}[options.job]()))
        return
    with services() as environment:
        report(options, measure(options, environment))


def measure(options: argparse.Namespace, environment: dict[str, str]) -> dict[str, list[dict[str, float]]]:
    """Runs the floor and the compaction in turns, each on a lake of its own, and the compaction once more."""
    files = lake_files(options.rows, options.partitions, options.files)
    runs: dict[str, list[dict[str, float]]] = {"ours": [], "again": [], "floor": []}
    for number in range(options.runs):
        places: dict[str, dict[str, str]] = {}
        for job, results in runs.items():
            kind = "ours" if job == "again" else job
            if kind not in places:
                places[kind] = make_lake(f"{kind}-{number}", environment, [])
                fill(places[kind], files)
            command = [sys.executable, "-m", "bench.compaction", job]
            done = subprocess.run(
                command, env={**os.environ, **places[kind]}, stdout=subprocess.PIPE, text=True, check=True
            )
            results.append(json.loads(done.stdout.splitlines()[-1]))
            print(f"{job:6} {json.dumps(results[-1])}", flush=True)
    return runs


def report(options: argparse.Namespace, runs: dict[str, list[dict[str, float]]]) -> None:
    """Publishes the medians."""
    medians = {
        job: {name: round(statistics.median(run[name] for run in results), 3) for name in FIGURES}
        for job, results in runs.items()
    }
    for job in ("ours", "floor"):
        medians[job]["rows_per_second"] = round(options.rows / medians[job]["seconds"])
    speed = round(medians["floor"]["seconds"] / medians["ours"]["seconds"], 2)
    publish(
        "compaction",
        given=f"{options.rows:,} rows, {options.partitions} partitions of {options.files} files, "
        f"medians of {options.runs} runs",
        measures=[Measure(job, **of_job) for job, of_job in medians.items()],
        ratios={
            "speed over the floor": speed,
            "time of a second run over the first": round(
                medians["again"]["seconds"] / medians["ours"]["seconds"], 3
            ),
        },
        goals=[
            Goal(f"at least {LEAST_SPEED} times the floor's speed", speed >= LEAST_SPEED),
            Goal(f"at most {MOST_MB:,} MB", medians["ours"]["peak_mb"] <= MOST_MB),
        ],
    )


def ours() -> dict[str, float]:
    """The compaction, with all that it does."""
    started = time.perf_counter()
    done = compact(TABLE, Wish(most_small=1))
    seconds = time.perf_counter() - started
    if not done.partitions or done.files[1] != done.partitions:
        raise RuntimeError(f"not every partition is one file: {done.summary}")
    return figures(seconds)


def again() -> dict[str, float]:
    """The compaction of what is compact."""
    started = time.perf_counter()
    done = compact(TABLE, Wish(most_small=1))
    if done.partitions:
        raise RuntimeError(f"what was compact was compacted again: {done.summary}")
    return figures(time.perf_counter() - started)


def floor() -> dict[str, float]:
    """Bare pyarrow: read a partition, sort it, write it."""
    s3, bucket = client("s3"), os.environ["LUCA_LAKE_BUCKET"]
    started = time.perf_counter()
    partitions: dict[str, list[str]] = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="lake/"):
        for item in page["Contents"]:
            partitions.setdefault(item["Key"].rpartition("/")[0], []).append(item["Key"])

    def read(key: str) -> pa.Table:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return pq.ParquetFile(pa.BufferReader(body)).read(use_threads=False)

    def rewrite(place: str) -> None:
        rows = pa.concat_tables(readers.map(read, partitions[place])).combine_chunks()
        rows = rows.sort_by([(name, "ascending") for name in (TABLE.day, "student_key", TABLE.identity)])
        sink = pa.BufferOutputStream()
        pq.write_table(rows, sink, compression="zstd")
        s3.put_object(Bucket=bucket, Key=f"floor/{place}.parquet", Body=sink.getvalue().to_pybytes())

    with ThreadPoolExecutor(READERS) as readers, ThreadPoolExecutor(WRITERS) as writers:
        list(writers.map(rewrite, partitions))
    return figures(time.perf_counter() - started)


def figures(seconds: float) -> dict[str, float]:
    """What this process took: its processor time holds on a machine that others use too."""
    return {
        "seconds": round(seconds, 3),
        "cpu_seconds": round(time.process_time(), 3),
        "peak_mb": peak_mb(),
    }


def lake_files(rows: int, partitions: int, files: int) -> dict[lake.PartitionValues, list[bytes]]:
    """Invented events as a load's files, by partition: a school and cohort each, in one month."""
    bodies: dict[lake.PartitionValues, list[bytes]] = {}
    table = events(rows, schools=1, students=400 * partitions)
    table = table.append_column(LOAD_ID.name, pa.repeat("load", len(table))).drop_columns(
        list(PARTITION_KEYS[:1])
    )
    each = -(-rows // (partitions * files))
    for number in range(partitions):
        partition = (str(2026 + number % 11), "2026", "02", f"school_{number + 1}")
        for start in range(number * files * each, min(rows, (number + 1) * files * each), each):
            part: Any = table.slice(start, each).select(TABLE.lake_schema.names)
            part = part.take(pc.sort_indices(part[TABLE.day]))
            sink = io.BytesIO()
            pq.write_table(part, sink, compression="zstd")
            bodies.setdefault(partition, []).append(sink.getvalue())
    return bodies


def fill(environment: dict[str, str], files: dict[lake.PartitionValues, list[bytes]]) -> None:
    """Puts the files into a lake and tells its catalog."""
    s3 = boto3.client("s3", endpoint_url=environment["AWS_ENDPOINT_URL"])
    bucket, places = environment["LUCA_LAKE_BUCKET"], {}
    for partition, bodies in files.items():
        places[partition] = lake.partition_path(TABLE.name, partition)
        for number, body in enumerate(bodies):
            s3.put_object(Bucket=bucket, Key=f"{places[partition]}{number:06d}.parquet", Body=body)
    os.environ.update(environment)
    client.cache_clear()
    lake.register_partitions(TABLE.name, places)


if __name__ == "__main__":
    main()

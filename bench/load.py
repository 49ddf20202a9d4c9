"""The load, a million rows in 200 files: read, judge, sort, publish. Beside it, bare pyarrow.

The floor reads the same files from the same S3, sorts them by partition and writes the partitions,
side by side, encoded as ours are and through the same client, and nothing else: no claims, no rules,
no copies, no ledger, no catalog. Each run is a process of its own on files that nothing has cached; Great
Expectations' import is in our time. S3 and DynamoDB are ministack in a child, Glue and Athena are
in this process, and all of it shares the machine's cores.

Usage: `python -m bench.load [--rows N] [--files N] [--runs N]`.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from moto.server import ThreadedMotoServer

from adapters.aws import client
from bench._invented_landing import events
from bench.outcome import Goal, Measure, publish
from infra.local.athena import AthenaServer, WorkGroup
from infra.local.aws import ADMINISTRATOR, REGION, Store
from pipelines.load.run import load
from pipelines.partitions.files import encoding
from transforms import load_history
from transforms.lake_schema import BEHAVIOR_EVENTS, PARTITION_KEYS

FIGURES = ("seconds", "cpu_seconds", "peak_mb")  # the stages of each run are printed as it ends
MOST_TIME, MOST_MB = 1.5, 1_200  # of the floor's seconds; of memory
HOUR = "2026-03-10-12"
FORMATS = "org.apache.hadoop.hive.ql.io.parquet"
NOW = datetime(2026, 3, 10, 13, tzinfo=UTC)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("job", nargs="?", choices=["floor", "ours"], help="one measurement, for ourselves")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    if options.job:
        print(json.dumps({"floor": floor, "ours": ours}[options.job]()))
        return
    with services() as environment:
        report(options, measure(options, environment))


def measure(options: argparse.Namespace, environment: dict[str, str]) -> dict[str, list[dict[str, float]]]:
    """Runs the floor and the load in turns, each on a lake of its own."""
    files = landing_files(options.rows, options.files)
    runs: dict[str, list[dict[str, float]]] = {"ours": [], "floor": []}
    for number in range(options.runs):
        for job, results in runs.items():
            lake = make_lake(f"{job}-{number}", environment, files)
            command = [sys.executable, "-m", "bench.load", job]
            done = subprocess.run(
                command, env={**os.environ, **lake}, stdout=subprocess.PIPE, text=True, check=True
            )
            results.append(json.loads(done.stdout.splitlines()[-1]))
            print(f"{job:6} {json.dumps(results[-1])}", flush=True)
    return runs


def report(options: argparse.Namespace, runs: dict[str, list[dict[str, float]]]) -> None:
    """Publishes the medians."""
    figures = {
        job: {name: round(statistics.median(run[name] for run in results), 3) for name in FIGURES}
        for job, results in runs.items()
    }
    for of_job in figures.values():
        of_job["rows_per_second"] = round(options.rows / of_job["seconds"])
    ratio = round(figures["ours"]["seconds"] / figures["floor"]["seconds"], 2)
    publish(
        "load",
        given=f"{options.rows:,} rows in {options.files} files, medians of {options.runs} runs",
        measures=[Measure(job, **of_job) for job, of_job in figures.items()],
        ratios={
            "time over the floor": ratio,
            "processor time over the floor": round(
                figures["ours"]["cpu_seconds"] / figures["floor"]["cpu_seconds"], 2
            ),
            "memory over the floor": round(figures["ours"]["peak_mb"] / figures["floor"]["peak_mb"], 2),
        },
        goals=[
            Goal(f"at most {MOST_TIME} times the floor's time", ratio <= MOST_TIME),
            Goal(f"at most {MOST_MB:,} MB", figures["ours"]["peak_mb"] <= MOST_MB),
        ],
    )


def ours() -> dict[str, float]:
    """The load, with all that it does."""
    started = time.perf_counter()
    (result,) = load("behavior_events", now=NOW)
    seconds = time.perf_counter() - started
    if result.total("published") != result.total("landed"):
        raise RuntimeError(f"not all was published: {result.summary}")
    return {**took(seconds), **result.seconds}


def floor() -> dict[str, float]:
    """Bare pyarrow: read, sort by partition, write the partitions."""
    s3, (landing, lake) = client("s3"), (os.environ[f"LUCA_{name}_BUCKET"] for name in ("LANDING", "LAKE"))
    started = time.perf_counter()
    found = s3.list_objects_v2(Bucket=landing, Prefix="behavior_events/")["Contents"]

    def read(key: str) -> pa.Table:
        body = s3.get_object(Bucket=landing, Key=key)["Body"].read()
        return pq.ParquetFile(pa.BufferReader(body)).read(use_threads=False)

    def write(part: pa.Table) -> None:
        sink = pa.BufferOutputStream()
        bare = part.drop_columns(list(PARTITION_KEYS))
        pq.write_table(bare, sink, **encoding(bare.schema))
        path = "/".join(f"{key}={part[key][0]}" for key in PARTITION_KEYS)
        s3.put_object(Bucket=lake, Key=f"{path}/rows.parquet", Body=sink.getvalue().to_pybytes())

    with ThreadPoolExecutor(4) as pool:
        rows = pa.concat_tables(pool.map(read, [item["Key"] for item in found])).combine_chunks()
        rows = rows.append_column("year", pc.strftime(rows["local_date"], "%Y"))
        rows = rows.append_column("month", pc.strftime(rows["local_date"], "%m"))
        rows = rows.sort_by([(key, "ascending") for key in PARTITION_KEYS])
        ends = (
            rows.select(PARTITION_KEYS)
            .group_by(PARTITION_KEYS, use_threads=False)
            .aggregate([([], "count_all")])
        )
        parts, start = [], 0
        for count in ends["count_all"].to_pylist():
            parts.append(rows.slice(start, count))
            start += count
        list(pool.map(write, parts))
    return took(time.perf_counter() - started)


def took(seconds: float) -> dict[str, float]:
    """The figures of a process that has done its job: its processor time counts its start and imports."""
    return {"seconds": round(seconds, 3), "cpu_seconds": round(time.process_time(), 2), "peak_mb": peak_mb()}


def peak_mb() -> int:
    """The most memory that this process has held, MB. getrusage would count its parent's."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) // 1000


def landing_files(rows: int, files: int) -> list[bytes]:
    """Invented events as Firehose's files."""
    table, each = events(rows), -(-rows // files)
    return [parquet(table.slice(start, each)) for start in range(0, rows, each)]


def parquet(rows: pa.Table) -> bytes:
    """Rows as Firehose writes them."""
    sink = io.BytesIO()
    pq.write_table(rows, sink, compression="snappy")
    return sink.getvalue()


@contextmanager
def services() -> Iterator[dict[str, str]]:
    """S3 and DynamoDB in a child, Glue and Athena on threads here; yields the environment."""
    os.environ.update(ADMINISTRATOR, AWS_DEFAULT_REGION=REGION)
    with tempfile.TemporaryDirectory(prefix="luca-bench-") as folder:
        store = Store(Path(folder))
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        glue = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        glue.start()
        glue_endpoint = "http://{}:{}".format(*glue.get_host_and_port())
        store.wait()
        boto3.client("s3", endpoint_url=store.endpoint).create_bucket(Bucket="luca-results")
        athena = AthenaServer(
            {"luca-jobs": WorkGroup("luca-jobs", "s3://luca-results/jobs/", enforce=True)},
            cache_dir=Path(folder) / "athena",
            glue_endpoint=glue_endpoint,
            s3_endpoint=store.endpoint,
        )
        athena.start()
        try:
            yield {
                "AWS_ENDPOINT_URL": store.endpoint,
                "AWS_ENDPOINT_URL_GLUE": glue_endpoint,
                "AWS_ENDPOINT_URL_ATHENA": athena.endpoint,
                "LUCA_JOBS_WORK_GROUP": "luca-jobs",
                "POWERTOOLS_SERVICE_NAME": "bench",
                "POWERTOOLS_METRICS_DISABLED": "true",
            }
        finally:
            athena.stop()
            glue.stop()
            store.stop()


def make_lake(name: str, environment: dict[str, str], files: list[bytes]) -> dict[str, str]:
    """Buckets, ledger and catalog of one run, with the files landed; returns its environment."""
    s3 = boto3.client("s3", endpoint_url=environment["AWS_ENDPOINT_URL"])
    dynamodb = boto3.client("dynamodb", endpoint_url=environment["AWS_ENDPOINT_URL"])
    glue = boto3.client("glue", endpoint_url=environment["AWS_ENDPOINT_URL_GLUE"])
    buckets = {kind: f"luca-{kind.lower()}-{name}" for kind in ("LANDING", "LAKE", "REPORTS")}
    for bucket in buckets.values():
        s3.create_bucket(Bucket=bucket)
    for number, body in enumerate(files):
        key = f"behavior_events/hour={HOUR}/{number:06d}.parquet"
        s3.put_object(Bucket=buckets["LANDING"], Key=key, Body=body)
    kinds = {"PK": "HASH", "SK": "RANGE"}
    dynamodb.create_table(
        TableName=f"ledger-{name}",
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in kinds.items()],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in kinds],
        BillingMode="PAY_PER_REQUEST",
    )
    databases = {kind: f"luca_{kind.lower()}_{name.replace('-', '_')}" for kind in ("LANDING", "LAKE")}
    for database in databases.values():
        glue.create_database(DatabaseInput={"Name": database})
    kinds_of = {"graduation_year": "int"}
    for table, columns, keys in (
        (BEHAVIOR_EVENTS.name, BEHAVIOR_EVENTS.lake_columns, PARTITION_KEYS),
        (load_history.NAME, load_history.COLUMNS, load_history.PARTITION_KEYS),
    ):
        glue.create_table(
            DatabaseName=databases["LAKE"],
            TableInput={
                "Name": table,
                "TableType": "EXTERNAL_TABLE",
                "Parameters": {"classification": "parquet"},
                "PartitionKeys": [{"Name": key, "Type": kinds_of.get(key, "string")} for key in keys],
                "StorageDescriptor": {
                    "Columns": [{"Name": column.name, "Type": column.glue_type} for column in columns],
                    "Location": f"s3://{buckets['LAKE']}/lake/{table}/",
                    "InputFormat": f"{FORMATS}.MapredParquetInputFormat",
                    "OutputFormat": f"{FORMATS}.MapredParquetOutputFormat",
                    "SerdeInfo": {"SerializationLibrary": f"{FORMATS}.serde.ParquetHiveSerDe"},
                },
            },
        )
    return {
        **environment,
        **{f"LUCA_{kind}_BUCKET": bucket for kind, bucket in buckets.items()},
        **{f"LUCA_{kind}_DATABASE": database for kind, database in databases.items()},
        "LUCA_LEDGER": f"ledger-{name}",
    }


if __name__ == "__main__":
    main()

"""The audit of retention over 100,000 objects in 1,000 partitions, beside a bare listing of the same objects.

The listing comes from pages made beforehand, so that it is the audit that is measured and no emulator's
index; log groups, queues and tables are the local cloud's. Cohorts are not compared: that is Athena's work.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from adapters.aws import client
from bench.outcome import Goal, Measure, publish
from infra.local.cloud import LocalCloud
from pipelines.audits.retention.run import audit

MOST_SECONDS, MOST_MB, MOST_OVER_FLOOR = 30, 500, 2
NOW = datetime(2026, 2, 4, 9, tzinfo=UTC)


def main() -> None:
    """Measures and publishes; `ours` and `floor` are the children's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("job", nargs="?", choices=("ours", "floor"))
    parser.add_argument("--objects", type=int, default=100_000)
    parser.add_argument("--partitions", type=int, default=1_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    if options.job:
        print(json.dumps({"ours": ours, "floor": floor}[options.job]()))
        return
    with tempfile.TemporaryDirectory() as state, LocalCloud.start(Path(state)) as cloud:
        bucket = cloud.environment["LUCA_LAKE_BUCKET"]
        with listed(options.objects, options.partitions, bucket) as endpoint:
            environment = {**os.environ, **cloud.environment, "AWS_ENDPOINT_URL_S3": endpoint}
            runs = {job: [run(job, environment) for _ in range(options.runs)] for job in ("ours", "floor")}
    report(options, runs)


@contextmanager
def listed(objects: int, partitions: int, bucket: str) -> Iterator[str]:
    """The server of listings; yields its URL."""
    command = [sys.executable, "-m", "bench._listed_bucket", str(objects), str(partitions), bucket]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def run(job: str, environment: dict[str, str]) -> dict[str, float]:
    """One run in a process of its own."""
    command = [sys.executable, "-m", "bench.retention_audit", job]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(f"{job:6} {json.dumps(found)}", flush=True)
    return found


def ours() -> dict[str, float]:
    """The audit, with all that it asks but the cohorts."""
    started = time.perf_counter()
    done = audit(now=NOW, compare_cohorts=False)
    seconds = time.perf_counter() - started
    overdue = sum(finding.count for finding in done.findings if finding.check == "overdue")
    return {**figures(seconds), "objects": done.objects, "overdue": overdue}


def floor() -> dict[str, float]:
    """Every page of the same listing, parsed by boto3 and counted."""
    started = time.perf_counter()
    pages = client("s3").get_paginator("list_object_versions")
    count = sum(
        len(page.get("Versions", [])) for page in pages.paginate(Bucket=os.environ["LUCA_LAKE_BUCKET"])
    )
    return {**figures(time.perf_counter() - started), "objects": count}


def figures(seconds: float) -> dict[str, float]:
    """What this process took."""
    return {
        "seconds": round(seconds, 3),
        "cpu_seconds": round(time.process_time(), 3),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def report(options: argparse.Namespace, runs: dict[str, list[dict[str, float]]]) -> None:
    """Publishes the medians."""
    medians = {
        job: {name: round(statistics.median(run[name] for run in found), 3) for name in found[0]}
        for job, found in runs.items()
    }
    ours, over = medians["ours"], medians["ours"]["seconds"] / medians["floor"]["seconds"]
    old = options.objects // options.partitions
    publish(
        "retention_audit",
        given=f"{options.objects:,} objects in {options.partitions:,} partitions, {old} of them overdue, "
        f"medians of {options.runs} runs",
        measures=[Measure(job, **of_job) for job, of_job in medians.items()],
        ratios={"time over a bare listing": over},
        goals=[
            Goal(f"at most {MOST_SECONDS} s", ours["seconds"] <= MOST_SECONDS),
            Goal(f"at most {MOST_MB} MB", ours["peak_mb"] <= MOST_MB),
            Goal(f"at most {MOST_OVER_FLOOR} times a bare listing", over <= MOST_OVER_FLOOR),
            Goal(
                "every object counted, every overdue one found",
                (ours["objects"], ours["overdue"]) == (options.objects, old),
            ),
        ],
    )


if __name__ == "__main__":
    main()

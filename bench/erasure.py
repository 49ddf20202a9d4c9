"""One student out of a lake of millions of rows: bytes read beyond the files that hold the student.

S3, Glue and the ledger are the local cloud's. The lake is compact, as it is after a night.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from adapters import lake, object_versions
from adapters.aws import client
from adapters.object_versions import Meter, VersionFile
from adapters.settings import setting
from bench._invented_landing import events
from bench.outcome import Goal, Measure, publish
from infra.local.cloud import LocalCloud
from pipelines.erasure import parquet_rows
from pipelines.erasure.holders import Work
from pipelines.erasure.lake_tables import TableHolder
from pipelines.erasure.subject import Subject
from transforms.lake_schema import BEHAVIOR_EVENTS, LOAD_ID
from transforms.retention.registry import PLACES

ROWS = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
MOST_BEYOND = 0.01  # of the lake's bytes


def fill(count: int) -> Subject:
    """Writes a lake of so many rows, one file a partition; gives a student of it."""
    every = events(count).append_column(LOAD_ID.name, pa.repeat("bench", count))
    month = pc.strftime(every["local_date"], format="%Y/%m")
    every = every.append_column(
        "place",
        pc.binary_join_element_wise(
            every["graduation_year"].cast(pa.string()), month, every["school_id"], "/"
        ),
    )
    every = every.sort_by([("place", "ascending"), ("local_date", "ascending"), ("student_key", "ascending")])
    runs = pc.run_end_encode(every["place"].combine_chunks())
    start, places = 0, {}
    for place, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
        values = tuple(place.split("/"))
        prefix = lake.partition_path(BEHAVIOR_EVENTS.name, values, 0)
        rows = every.slice(start, end - start).select(BEHAVIOR_EVENTS.lake_schema.names)
        body = io.BytesIO()
        pq.write_table(rows, body, compression="zstd", row_group_size=131_072)
        lake.write(setting("LAKE_BUCKET"), f"{prefix}part-00000.parquet", body.getvalue())
        places[values], start = prefix, end
    lake.register_partitions(BEHAVIOR_EVENTS.name, places)
    return Subject(every["school_id"][0].as_py(), "bench", frozenset({every["student_key"][0].as_py()}))


def main() -> None:
    """Measures and publishes."""
    with tempfile.TemporaryDirectory() as state, LocalCloud.start(Path(state)) as cloud:
        os.environ.update(cloud.environment)
        client.cache_clear()
        boto3.DEFAULT_SESSION = None
        subject = fill(ROWS)
        places = {place.name: place for place in PLACES}
        name = BEHAVIOR_EVENTS.name
        holder = TableHolder(BEHAVIOR_EVENTS, places[f"landing/{name}"], places[f"lake/lake/{name}"])
        stored = {
            each.key: each for each in object_versions.versions(setting("LAKE_BUCKET"), holder.lake.keys)
        }
        total = sum(each.size for each in stored.values())

        work = Work(subject)
        began = time.perf_counter()
        found = list(holder.find(work))
        looked, seconds = work.meter, time.perf_counter() - began
        affected = {each.what for each in found}
        within = Meter()
        for key in affected:
            parquet_rows.count(VersionFile(stored[key], within), subject)
        beyond = looked.size - within.size

        work = Work(subject)
        began = time.perf_counter()
        holder.remove(work)
        erasing = time.perf_counter() - began
        after = {
            each.key: each for each in object_versions.versions(setting("LAKE_BUCKET"), holder.lake.keys)
        }
        untouched = all(after.get(key) == each for key, each in stored.items() if key not in affected)
        publish(
            "erasure",
            given=f"one student ({sum(each.rows for each in found):,} rows in {len(affected)} files) of a "
            f"lake of {ROWS:,} rows, {len(stored)} files, {total:,} bytes; {datetime.now(UTC):%Y-%m-%d}",
            measures=[
                Measure("look", seconds=seconds, bytes_read=looked.size, requests=looked.requests),
                Measure("erase", seconds=erasing, bytes_read=work.meter.size, bytes_written=work.output.size),
                Measure("affected files", bytes_read=sum(stored[key].size for key in affected)),
            ],
            ratios={"read beyond the affected files / the lake": beyond / total},
            goals=[
                Goal(
                    f"reads ≤ {MOST_BEYOND:.0%} of the lake beyond the affected files",
                    beyond <= MOST_BEYOND * total,
                ),
                Goal("every other file is the same version as before", untouched),
                Goal("nothing is left", not list(holder.find(Work(subject)))),
            ],
        )


if __name__ == "__main__":
    main()

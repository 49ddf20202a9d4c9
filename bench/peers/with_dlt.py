"""A load by dlt's filesystem destination; runs in an environment of its own, without ours.

`rows` checks each row by a Pydantic model, which is how dlt takes rules, and drops copies. `arrow` hands
Arrow tables over and checks nothing: what dlt takes at least. In the favour of both: their files are by
school alone, not by cohort and month, and there are no ledger, no catalog and no look into the lake.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import dlt
import pyarrow as pa
import pyarrow.parquet as pq
import s3fs
from pydantic import BaseModel, Field

Uuid = Annotated[str, Field(pattern="^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$")]
Pseudonym = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
Code = Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,64}$")]
Positive = Annotated[int, Field(ge=1)]


class Event(BaseModel):
    """A behaviour event as the rules of one row want it."""

    event_id: Uuid
    school_id: Code
    student_key: Pseudonym
    teacher_key: Pseudonym | None
    pseudonym_version: Positive
    graduation_year: Annotated[int, Field(ge=0, le=2100)]
    event_type: Literal[
        "attendance",
        "participation",
        "activity_completed",
        "class_response",
        "assignment_submitted",
        "help_request",
        "conduct",
    ]
    status: Literal["present", "late", "absent", "excused"] | None
    polarity: Literal["positive", "neutral", "negative"] | None
    subject: Code | None
    class_id: Code | None
    points: Annotated[int, Field(ge=-100, le=100)]
    points_version: Positive
    occurred_at: dt.datetime
    received_at: dt.datetime
    local_date: dt.date
    utc_offset_minutes: Annotated[int, Field(ge=-720, le=840)]
    correlation_id: Uuid
    contract_version: Positive


def main(way: str) -> None:
    started = time.perf_counter()
    credentials = {
        "aws_access_key_id": os.environ["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": os.environ["AWS_SECRET_ACCESS_KEY"],
        "region_name": os.environ["AWS_DEFAULT_REGION"],
        "endpoint_url": os.environ["AWS_ENDPOINT_URL"],
    }
    with tempfile.TemporaryDirectory(prefix="luca-bench-dlt-") as folder:
        pipeline = dlt.pipeline(
            "load",
            pipelines_dir=folder,
            dataset_name="lake",
            destination=dlt.destinations.filesystem(
                bucket_url=f"s3://{os.environ['LUCA_LAKE_BUCKET']}", credentials=credentials
            ),
        )
        resource = {"rows": by_rows, "arrow": by_arrow}[way]()
        pipeline.run(resource, loader_file_format="parquet").raise_on_failed_jobs()
        loaded = sum(
            count
            for name, count in pipeline.last_trace.last_normalize_info.row_counts.items()
            if not name.startswith("_dlt")
        )
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": round(seconds, 3), "peak_mb": peak_mb(), "rows": loaded}))


def landing() -> Iterator[pa.Table]:
    """The rows of each landing file."""
    s3 = s3fs.S3FileSystem(endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    for path in sorted(s3.glob(f"{os.environ['LUCA_LANDING_BUCKET']}/behavior_events/**/*.parquet")):
        yield pq.read_table(pa.BufferReader(s3.cat_file(path)))


def by_rows() -> Any:
    """Rows that the model has checked, a table for each school, without copies."""
    seen: set[tuple[str, str]] = set()

    @dlt.resource(columns=Event, table_name=lambda row: row["school_id"])
    def events() -> Iterator[list[dict[str, Any]]]:
        for table in landing():
            fresh = []
            for row in table.to_pylist():
                identity = (row["school_id"], row["event_id"])
                if identity not in seen:
                    seen.add(identity)
                    fresh.append(row)
            yield fresh

    return events


def by_arrow() -> Any:
    """The files' tables as they are."""
    return dlt.resource(landing, name="behavior_events")


def peak_mb() -> int:
    """The most memory that this process has held, MB."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) // 1000


if __name__ == "__main__":
    main(sys.argv[1])

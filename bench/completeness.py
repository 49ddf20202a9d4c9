"""The account of one day after 5 weeks of history and after 50: it must cost the day, not the history.

The day's events come from memory, as an export would give them; lake and Athena are the local cloud's.
"""

from __future__ import annotations

import io
import os
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from adapters import lake
from adapters.aws import client
from adapters.settings import setting
from adapters.stored_events import TypedItem
from bench.history import weeks
from bench.outcome import Goal, Measure, publish
from infra.local.cloud import LocalCloud
from pipelines.audits.completeness.books import audit
from pipelines.audits.completeness.report import DayReport
from transforms.completeness import Place, bounds
from transforms.lake_schema import BEHAVIOR_EVENTS, LOAD_ID

SHORT, LONG = 5, 50  # weeks of history
MOST_MORE = 1.10  # of the bytes that Athena reads after the short history
MISSING = 7


class OneDay:
    """The store's events of a day, made of the lake's rows and a few that never landed."""

    def __init__(self, rows: pa.Table) -> None:
        self._rows: list[dict[str, Any]] = rows.select(
            ["event_id", "school_id", "received_at", "local_date"]
        ).to_pylist()

    def items(self, start: datetime, end: datetime) -> Iterator[TypedItem]:
        """See `adapters.stored_events.StoredEvents`."""
        lost = [{**row, "event_id": f"lost-{number}"} for number, row in enumerate(self._rows[:MISSING])]
        for row in (*self._rows, *lost):
            yield {
                "PK": {"S": f"TENANT#{row['school_id']}#STUDENT#x"},
                "event_id": {"S": row["event_id"]},
                "received_at": {"S": f"{row['received_at'].isoformat(timespec='milliseconds')}Z"},
                "local_date": {"S": row["local_date"].isoformat()},
            }


def fill(rows: pa.Table) -> None:
    """Writes rows to the lake, a file a partition."""
    rows = rows.append_column(LOAD_ID.name, pa.repeat("bench", rows.num_rows))
    place = pc.binary_join_element_wise(
        rows["graduation_year"].cast(pa.string()),
        pc.strftime(rows["local_date"], format="%Y/%m"),
        rows["school_id"],
        "/",
    )
    places = {}
    for name in pc.unique(place).to_pylist():
        values = tuple(name.split("/"))
        some = rows.filter(pc.equal(place, name)).sort_by([("local_date", "ascending")])
        body = io.BytesIO()
        pq.write_table(some.select(BEHAVIOR_EVENTS.lake_schema.names), body, compression="zstd")
        places[values] = lake.partition_path(BEHAVIOR_EVENTS.name, values, 0)
        lake.write(setting("LAKE_BUCKET"), f"{places[values]}part-00000.parquet", body.getvalue())
    lake.register_partitions(BEHAVIOR_EVENTS.name, places)


def scanned() -> int:
    """Bytes that Athena has read for the jobs."""
    athena, total = boto3.client("athena"), 0
    for page in athena.get_paginator("list_query_executions").paginate(WorkGroup=setting("JOBS_WORK_GROUP")):
        for batch in (
            page["QueryExecutionIds"][at : at + 50] for at in range(0, len(page["QueryExecutionIds"]), 50)
        ):
            found = athena.batch_get_query_execution(QueryExecutionIds=batch)["QueryExecutions"]
            total += sum(each["Statistics"]["DataScannedInBytes"] for each in found)
    return total


def after(history: int) -> tuple[DayReport, dict[str, float]]:
    """Audits the first day of the last week after a history of so many weeks."""
    with tempfile.TemporaryDirectory() as state, LocalCloud.start(Path(state)) as cloud:
        os.environ.update(cloud.environment)
        client.cache_clear()
        boto3.DEFAULT_SESSION = None
        rows = pa.concat_tables(weeks(history))
        fill(rows)
        day = (pc.max(rows["received_at"]).as_py() - timedelta(days=3)).date()
        start, end = (moment.replace(tzinfo=None) for moment in bounds(day))
        received = rows["received_at"]
        mine = rows.filter(pc.and_(pc.greater_equal(received, start), pc.less(received, end)))
        before, began = scanned(), time.perf_counter()
        report = audit(day, OneDay(mine), now=datetime.now(UTC), edge=False)
        seconds = time.perf_counter() - began
        return report, {"seconds": seconds, "bytes_read": scanned() - before, "events": mine.num_rows}


def main() -> None:
    """Measures and publishes."""
    (short_report, short), (long_report, long) = after(SHORT), after(LONG)
    growth = long["bytes_read"] / short["bytes_read"]
    found = [report.total(Place.MISSING) == MISSING for report in (short_report, long_report)]
    publish(
        "completeness",
        given=f"one day of {int(short['events']):,} events after {SHORT} and {LONG} weeks of history",
        measures=[Measure(f"after {SHORT} weeks", **short), Measure(f"after {LONG} weeks", **long)],
        ratios={
            f"bytes, {LONG} weeks / {SHORT}": growth,
            f"time, {LONG} weeks / {SHORT}": long["seconds"] / short["seconds"],
        },
        goals=[
            Goal(f"bytes flat in the length of history (≤ {MOST_MORE} ×)", growth <= MOST_MORE),
            Goal(f"the {MISSING} lost events are found", all(found)),
        ],
    )


if __name__ == "__main__":
    main()

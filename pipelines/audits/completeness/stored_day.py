"""The store's events of one day as files that Athena can read. No person is in them."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from adapters import lake
from adapters.batches import batches
from adapters.settings import setting
from adapters.stored_events import TypedItem
from transforms import keys
from transforms.lake_schema import TIMESTAMP, Column

ROWS_A_PART = 1_000_000  # of 70 bytes: what is in memory at once

COLUMNS = (
    Column("school_id", pa.string(), "The school"),
    Column("event_id", pa.string(), "The event"),
    Column("received_at", TIMESTAMP, "When the queue took it, UTC"),
)
_SCHEMA = pa.schema([(column.name, column.type) for column in COLUMNS])


@dataclass
class StoredDay:
    """The files, and which dates of the lake their events can be under.

    Attributes:
        files: Keys in the landing bucket.
        months: Of the events' own dates, `YYYY-MM`.
        first: The earliest of those dates.
        last: The latest.
    """

    files: list[str] = field(default_factory=list)
    months: set[str] = field(default_factory=set)
    first: str = "9999-12-31"
    last: str = "0000-01-01"

    def see(self, local_date: str) -> None:
        """Widens the dates that the lake is asked for."""
        self.months.add(local_date[:7])
        self.first, self.last = min(self.first, local_date), max(self.last, local_date)


def written(items: Iterable[TypedItem], prefix: str) -> StoredDay:
    """Writes events to the landing bucket, a part at a time.

    Args:
        items: Of behaviour events.
        prefix: Where to; ends with `/`.
    """
    stored = StoredDay()
    for number, part in enumerate(batches(items, ROWS_A_PART)):
        rows = []
        for item in part:
            stored.see(item["local_date"]["S"])
            rows.append(_row(item))
        body = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows, _SCHEMA), body, compression="zstd")
        key = f"{prefix}{number:05d}.parquet"
        lake.write(setting("LANDING_BUCKET"), key, body.getvalue())
        stored.files.append(key)
    return stored


def _row(item: TypedItem) -> dict[str, Any]:
    received = datetime.fromisoformat(item["received_at"]["S"]).astimezone(UTC).replace(tzinfo=None)
    return {
        "school_id": keys.parse_student_pk(item["PK"]["S"]).school_id,
        "event_id": item["event_id"]["S"],
        "received_at": received,
    }

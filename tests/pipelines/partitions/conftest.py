"""A lake with partitions of many files, put there without a load."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adapters import lake as lake_adapter
from adapters.aws import client
from transforms.lake_schema import BEHAVIOR_EVENTS


@pytest.fixture
def publish(lake: Any) -> Callable[..., None]:
    """Puts rows into the lake as one file of their partition, as a load does."""

    def put(rows: list[dict[str, Any]], name: str, generation: int = 0) -> None:
        first = rows[0]
        year, month = f"{first['local_date']:%Y %m}".split()
        partition = (str(first["graduation_year"]), year, month, first["school_id"])
        place = lake_adapter.partition_path("behavior_events", partition, generation)
        table = pa.Table.from_pylist([{**row, "load_id": name} for row in rows], BEHAVIOR_EVENTS.lake_schema)
        sink = io.BytesIO()
        pq.write_table(table, sink)
        client("s3").put_object(
            Bucket="luca-lake-000000000000", Key=f"{place}{name}.parquet", Body=sink.getvalue()
        )
        lake_adapter.register_partitions("behavior_events", {partition: place})

    return put

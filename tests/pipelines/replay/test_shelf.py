"""Rows come back by school and month in the order in which they came, wherever they waited."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipelines.replay.shelf import LIMIT, Shelf
from pipelines.replay.span import SchoolMonth
from tests.pipelines.conftest import Lake
from transforms.lake_schema import BEHAVIOR_EVENTS

SCHEMA = BEHAVIOR_EVENTS.landing_schema.append(pa.field("load_id", pa.string()))


@pytest.mark.parametrize("limit", [0, LIMIT])
def test_in_order_by_school_and_month(tmp_path: Path, limit: int) -> None:
    made = Lake("")
    shelf = Shelf(BEHAVIOR_EVENTS, tmp_path, limit)
    given: list[dict[str, Any]] = [
        made.event(school_id=school, local_date=day, load_id=load)
        for load in ("l1", "l2")
        for day in (date(2026, 3, 1), date(2026, 2, 28), date(2026, 2, 1))
        for school in ("b", "a")
    ]
    for start in range(0, len(given), 4):
        shelf.add(pa.Table.from_pylist(given[start : start + 4], SCHEMA))

    assert shelf.rows == len(given)
    assert any(tmp_path.iterdir()) is (limit == 0)
    assert shelf.months == {SchoolMonth("2026", month, school) for month in ("02", "03") for school in "ab"}
    for month in shelf.months:
        wanted = [
            row
            for row in given
            if (row["school_id"], f"{row['local_date']:%m}") == (month.school_id, month.month)
        ]
        assert shelf.take(month).to_pylist() == wanted
    assert not any(tmp_path.iterdir())
    assert shelf.take(SchoolMonth("2026", "04", "a")).num_rows == 0

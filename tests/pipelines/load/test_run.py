from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.service


def test_what_landed_is_in_the_lake(lake: Any) -> None:
    rows = [lake.event() for _ in range(5)]
    lake.land(rows[:3])
    lake.land(rows[3:])
    result = lake.load_one()
    assert result.total("published") == 5
    assert sorted(row["event_id"] for row in lake.published()) == sorted(row["event_id"] for row in rows)


def test_a_second_run_has_nothing_to_do(lake: Any) -> None:
    lake.land([lake.event()])
    lake.load_one()
    before = lake.objects()
    assert lake.load() == []
    assert lake.objects() == before

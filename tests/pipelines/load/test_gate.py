from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from expectations.behavior_events import BEHAVIOR_EVENTS
from pipelines.load.gate import known_query


def query(**changes: Any) -> str:
    given: dict[str, Any] = {
        "source": "luca_landing.load_1",
        "expectations": BEHAVIOR_EVENTS,
        "load_id": "1",
        "days": ["2025-12-31", "2026-01-02", "2026-02-03"],
        "schools": ["a", "b"],
    }
    return known_query(**{**given, **changes})


@pytest.fixture(autouse=True)
def database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUCA_LAKE_DATABASE", "luca_lake")


def test_the_search_is_bounded_by_months_days_and_schools() -> None:
    sql = query()
    assert "(there.year = '2025' AND there.month IN ('12'))" in sql
    assert "(there.year = '2026' AND there.month IN ('01', '02'))" in sql
    assert "there.local_date IN (DATE '2025-12-31', DATE '2026-01-02', DATE '2026-02-03')" in sql
    assert "there.school_id IN ('a', 'b')" in sql


def test_the_cohort_is_left_open() -> None:
    assert "graduation_year" not in query()


def test_a_load_does_not_find_itself() -> None:
    assert "there.load_id <> '1'" in query()


@pytest.mark.parametrize("nothing", [{"days": []}, {"schools": []}])
def test_nothing_to_look_for_finds_nothing(nothing: dict[str, Any]) -> None:
    assert "false" in query(**nothing)


def test_the_query_stays_below_what_athena_takes() -> None:
    days = [str(date.fromordinal(730_000 + number)) for number in range(5_000)]
    many = query(days=days, schools=["x" * 64] * 2_000)
    assert len(many) < 262_144
    assert f"BETWEEN DATE '{days[0]}' AND DATE '{days[-1]}'" in many
    assert "there.school_id IN" not in query(schools=["x" * 64] * 2_001)

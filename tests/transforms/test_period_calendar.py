from __future__ import annotations

from datetime import date

import pytest

from transforms.period_calendar import current, gaps, overlaps
from transforms.periods import AcademicConfig, Period


def year(*periods: tuple[str, str, str]) -> AcademicConfig:
    made = [Period(name, date.fromisoformat(start), date.fromisoformat(end)) for name, start, end in periods]
    return AcademicConfig("school_1", 1, made, {})


TRIMESTERS = year(("Q1", "2026-01-15", "2026-04-15"), ("Q2", "2026-04-16", "2026-07-15"))


def test_periods_side_by_side_neither_overlap_nor_leave_a_gap() -> None:
    assert overlaps(TRIMESTERS) == []
    assert gaps(TRIMESTERS) == []


def test_one_shared_day_is_an_overlap_whatever_the_order() -> None:
    config = year(("Q2", "2026-04-15", "2026-07-15"), ("Q1", "2026-01-15", "2026-04-15"))
    assert [(one.id, other.id) for one, other in overlaps(config)] == [("Q1", "Q2")]


def test_a_long_period_overlaps_all_that_lie_in_it_and_hides_their_gaps() -> None:
    config = year(
        ("Y", "2026-01-01", "2026-12-31"),
        ("Q1", "2026-01-15", "2026-04-15"),
        ("Q3", "2026-09-01", "2026-10-01"),
    )
    assert [(one.id, other.id) for one, other in overlaps(config)] == [("Y", "Q1"), ("Y", "Q3")]
    assert gaps(config) == []


def test_a_gap_is_its_first_and_last_day() -> None:
    config = year(("Q1", "2026-01-15", "2026-04-15"), ("Q2", "2026-04-20", "2026-07-15"))
    assert gaps(config) == [(date(2026, 4, 16), date(2026, 4, 19))]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2025-12-01", "Q1"),
        ("2026-01-15", "Q1"),
        ("2026-04-15", "Q1"),
        ("2026-04-16", "Q2"),
        ("2026-08-01", "Q2"),
    ],
)
def test_the_period_of_now_is_the_running_one_else_the_last_that_began(day: str, expected: str) -> None:
    found = current(TRIMESTERS, date.fromisoformat(day))
    assert found is not None
    assert found.id == expected


def test_a_school_without_periods_has_none_now() -> None:
    assert current(year(), date(2026, 1, 1)) is None

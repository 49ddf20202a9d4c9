from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.retention import cohorts
from transforms.retention.cohorts import expires_on, years_after


def test_a_cohort_expires_two_years_after_the_last_day_of_its_year() -> None:
    assert expires_on(2029) == date(2032, 1, 1)


@pytest.mark.parametrize(
    ("day", "later"),
    [
        (date(2028, 2, 29), date(2030, 3, 1)),  # not on the 28th, which would be a day early
        (date(2026, 2, 28), date(2028, 2, 28)),
        (date(2026, 12, 31), date(2028, 12, 31)),
    ],
)
def test_the_same_date_two_years_on(day: date, later: date) -> None:
    assert years_after(day, 2) == later


def test_a_school_that_graduates_on_a_leap_day_keeps_two_whole_years(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cohorts, "GRADUATION", (2, 29))
    assert cohorts.expires_on(2028) == date(2030, 3, 2)


@pytest.mark.property
@given(st.dates(date(1990, 1, 1), date(2100, 12, 31)), st.integers(1, 10))
def test_a_date_is_never_earlier_in_a_later_year(day: date, years: int) -> None:
    later = years_after(day, years)
    assert later.year == day.year + years
    assert (later.month, later.day) >= (day.month, day.day)

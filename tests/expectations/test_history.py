from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expectations import history
from expectations.history import ALL_SCHOOLS, DAYS_BACK, WEEKS_AT_LEAST, Counts, Finding
from expectations.rules import Severity

TUESDAY = date(2026, 3, 10)
MONDAY = TUESDAY - timedelta(days=1)
USUAL = {"attendance": 300, "participation": 100}


def school_days(until: date = TUESDAY, back: int = DAYS_BACK) -> list[date]:
    days = (until - timedelta(days=number) for number in range(back + 1))
    return [day for day in days if day.isoweekday() <= 5]


def steady(**changes: dict[str, int]) -> dict[date, dict[str, int]]:
    """A school's usual weeks, with some days (ISO dates with `_`) changed."""
    days = {day: dict(USUAL) for day in school_days()}
    for name, counts in changes.items():
        days[date.fromisoformat(name.strip("_").replace("_", "-"))] = counts
    return days


def on(day: date, counts: dict[str, int]) -> dict[date, dict[str, int]]:
    return {**steady(), day: counts}


def told(school: Counts, day: date = TUESDAY) -> list[Finding]:
    return list(history.volumes({"a": school, "b": steady(), "c": steady()}, day))


def rules(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(found.school_id, found.rule) for found in findings]


def test_a_steady_school_says_nothing() -> None:
    assert told(steady()) == []


def test_a_school_that_falls_silent_is_told_on_its_second_school_day_and_once() -> None:
    silent = {day: counts for day, counts in steady().items() if day < MONDAY}
    assert told(silent, MONDAY) == [], "one day may be an outing"
    (found,) = told(silent, TUESDAY)
    assert (found.rule, found.severity, found.school_id) == ("school_speaks", Severity.WARNING, "a")
    assert (found.found, found.usual) == (0, 400)
    since_friday = {day: counts for day, counts in silent.items() if day < MONDAY - timedelta(days=3)}
    assert told(since_friday, TUESDAY) == [], "it was told on Monday"
    assert rules(told(since_friday, MONDAY)) == [("a", "school_speaks")]


def test_weekends_are_no_silence() -> None:
    assert told(steady(), MONDAY - timedelta(days=1)) == []


def test_a_day_on_which_most_schools_are_silent_is_a_holiday() -> None:
    silent = {day: counts for day, counts in steady().items() if day < MONDAY}
    found = history.volumes({"a": silent, "b": silent, "c": steady()}, TUESDAY)
    assert list(found) == []


def test_the_only_school_has_nobody_to_share_a_holiday_with() -> None:
    silent = {day: counts for day, counts in steady().items() if day < MONDAY}
    assert rules(list(history.volumes({"a": silent}, TUESDAY))) == [("a", "school_speaks")]


def test_a_new_school_and_one_back_from_holidays_are_not_judged() -> None:
    weeks = TUESDAY - timedelta(weeks=WEEKS_AT_LEAST - 1)
    young = {day: counts for day, counts in steady().items() if day >= weeks}
    assert told({**young, TUESDAY: {"attendance": 5000}}) == []
    assert told({day: counts for day, counts in young.items() if day < MONDAY}) == []


@pytest.mark.parametrize(
    ("rows", "expected"),
    [(800, []), (801, ["volume_not_doubled"]), (200, []), (199, ["volume_not_halved"])],
)
def test_a_day_is_held_against_the_median_of_its_weekday(rows: int, expected: list[str]) -> None:
    attendance = rows * 3 // 4
    found = told(on(TUESDAY, {"attendance": attendance, "participation": rows - attendance}))
    assert rules(found) == [("a", rule) for rule in expected]
    assert all((finding.found, finding.usual) == (rows, 400) for finding in found)


def test_a_school_that_had_such_a_day_lately_is_allowed_another() -> None:
    festival = {"attendance": 900, "participation": 300}
    assert told({**on(TUESDAY, festival), TUESDAY - timedelta(weeks=3): festival}) == []


def test_a_few_rows_may_double() -> None:
    small = {day: {"attendance": 30} for day in school_days()}
    assert told({**small, TUESDAY: {"attendance": 99}}) == []


def test_a_type_that_turns_into_another_is_told_of_both() -> None:
    found = told(on(TUESDAY, {"attendance": 200, "participation": 200}))
    assert rules(found) == [("a", "mix_of_types_steady")] * 2
    assert [(finding.found, finding.usual) for finding in found] == [(50, 75), (50, 25)]
    assert found[0].words.en == "50% of the rows are attendance; 75% are usual on this weekday"


def test_a_mix_may_move_a_little() -> None:
    assert told(on(TUESDAY, {"attendance": 225, "participation": 175})) == []


def test_many_copies_are_told_and_few_are_not() -> None:
    landed = {"many": 100, "some": 100, "few_rows": 99, "none": 100}
    dropped = {"many": 11, "some": 10, "few_rows": 99}
    (found,) = history.copies(landed, dropped)
    assert (found.school_id, found.rule, found.found, found.usual) == ("many", "copies_few", 11, 10)


def test_a_table_that_got_nothing_for_a_day_is_told() -> None:
    judged = datetime(2026, 3, 11, 3, tzinfo=UTC)
    old, late = judged - timedelta(hours=27), judged - timedelta(hours=26)
    assert list(history.freshness([old, late], judged)) == []
    (found,) = history.freshness([old], judged)
    assert (found.school_id, found.rule, found.found) == (ALL_SCHOOLS, "table_fresh", 27)
    assert [found.rule for found in history.freshness([], judged)] == ["table_fresh"]


@pytest.mark.property
@given(
    st.lists(st.floats(0.7, 1.3), min_size=DAYS_BACK + 1, max_size=DAYS_BACK + 1),
    st.integers(0, 2_000),
    st.integers(0, 6),
)
def test_a_school_that_varies_by_a_third_never_alarms(noise: list[float], size: int, weekday: int) -> None:
    day = TUESDAY + timedelta(days=weekday)
    counts = {
        other: {"attendance": int(size * factor), "conduct": int(size * factor / 3)}
        for other, factor in zip(school_days(day), noise, strict=False)
    }
    assert list(history.volumes({"a": counts}, day)) == []

"""A day judged by the weeks before it, on a lake that loads have filled."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from expectations.behavior_events import BEHAVIOR_EVENTS
from expectations.catalogue import UnknownTableError
from expectations.history import ALL_SCHOOLS, DAYS_BACK
from pipelines.quality import kept
from pipelines.quality.daily import history_query, in_months, judge_day
from pipelines.quality.kept import Kind

TUESDAY = date(2026, 2, 3)
MORNING = datetime(2026, 2, 4, 9, tzinfo=UTC)


def school_days() -> Iterator[date]:
    days = (TUESDAY - timedelta(days=back) for back in range(DAYS_BACK + 1))
    return (day for day in days if day.isoweekday() <= 5)


def on(lake: Any, school: str, day: date, rows: int, **changes: Any) -> list[dict[str, Any]]:
    noon = datetime.combine(day, time(18))
    times = {"occurred_at": noon, "received_at": noon, "local_date": day}
    return [lake.event(school_id=school, **times, **changes) for _ in range(rows)]


@pytest.fixture
def history(lake: Any) -> Any:
    """Ten weeks of three schools with twelve rows a school day; one of them silent since Monday."""
    rows = [
        row
        for day in school_days()
        for school in ("school_1", "school_2", "school_3")
        if school != "school_3" or day < TUESDAY - timedelta(days=1)
        for row in on(lake, school, day, 12)
    ]
    lake.land(rows)
    lake.load_one(now=datetime(2026, 2, 3, 19, tzinfo=UTC))
    return lake


@pytest.mark.service
def test_a_school_that_sent_nothing_is_found_and_the_others_are_left_alone(history: Any) -> None:
    judged = judge_day("behavior_events", TUESDAY, MORNING)
    (found,) = judged.findings
    assert (found.rule, found.school_id, found.found, found.usual) == ("school_speaks", "school_3", 0, 12)
    assert judged.rows == {"school_1": 12, "school_2": 12}
    assert "1 warning" in judged.summary


@pytest.mark.service
def test_copies_are_taken_from_the_ledger(history: Any) -> None:
    again = on(history, "school_1", TUESDAY, 80)
    history.land([*again, *again[:30]], hour="2026-02-03-20")
    history.load_one(now=datetime(2026, 2, 3, 21, tzinfo=UTC))
    found = {finding.rule: finding for finding in judge_day("behavior_events", TUESDAY, MORNING).findings}
    assert "copies_few" not in found, "30 of the day's 702 landed rows"
    history.land(again, hour="2026-02-03-21")
    history.land(again, hour="2026-02-03-22")
    history.load_one(now=datetime(2026, 2, 3, 23, tzinfo=UTC))
    found = {finding.rule: finding for finding in judge_day("behavior_events", TUESDAY, MORNING).findings}
    assert (
        found["copies_few"].words.en
        == f"190 of {len(list(school_days())) * 12 + 270:,} landed rows were copies"
    )


@pytest.mark.service
def test_a_result_is_kept_and_a_second_one_takes_its_place(history: Any) -> None:
    first = judge_day("behavior_events", TUESDAY, MORNING)
    assert list(kept.since(Kind.HISTORY, "behavior_events", TUESDAY)) == [first]
    again = judge_day("behavior_events", TUESDAY, MORNING + timedelta(hours=1))
    assert list(kept.since(Kind.HISTORY, "behavior_events", TUESDAY)) == [again]
    assert list(kept.since(Kind.HISTORY, "behavior_events", TUESDAY + timedelta(days=1))) == []
    assert list(kept.since(Kind.DEEP, "behavior_events", TUESDAY)) == []


@pytest.mark.service
def test_a_table_to_which_nothing_comes_is_told_where_a_school_is_awaited(history: Any) -> None:
    wednesday = TUESDAY + timedelta(days=1)
    judged = judge_day("behavior_events", wednesday, MORNING + timedelta(days=1))
    (found,) = judged.findings
    assert (found.rule, found.school_id) == ("table_fresh", ALL_SCHOOLS)
    saturday = judge_day("behavior_events", TUESDAY + timedelta(days=4), MORNING + timedelta(days=5))
    assert saturday.findings == ()


@pytest.mark.service
def test_an_empty_lake_is_no_alarm(lake: Any) -> None:
    assert judge_day("behavior_events", TUESDAY, MORNING).findings == ()
    assert judge_day("academic_changes", TUESDAY, MORNING).findings == ()


def test_an_unknown_table_is_refused() -> None:
    with pytest.raises(UnknownTableError, match="'trends' is no lake table: use one of behavior_events"):
        judge_day("trends", TUESDAY, MORNING)


def test_the_query_reads_the_partitions_of_its_weeks_alone() -> None:
    sql = history_query(BEHAVIOR_EVENTS, TUESDAY)
    assert "(year = '2025' AND month IN ('11', '12')) OR (year = '2026' AND month IN ('01', '02'))" in sql
    assert "local_date BETWEEN DATE '2025-11-25' AND DATE '2026-02-03'" in sql


def test_months_are_named_one_by_one() -> None:
    assert in_months(date(2026, 1, 31), date(2026, 3, 1)) == (
        "((year = '2026' AND month IN ('01', '02', '03')))"
    )

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from adapters.typed_json import from_typed, to_typed
from transforms.activity import UnknownWeekError
from transforms.keys import trend_sk
from transforms.weekly_trends import WeeklyTrend, expires_at, merged, weeks_shown

ROW = {
    "iso_week": "2026-W06",
    "points": "-4",
    "event_count": "3",
    "trend": "falling",
    "points_change": None,
    "points_moving_avg_4w": "2.3333333333333335",
    "attendance_rate": "0.6666666666666666",
    "is_school_week": "true",
    "points_slope_4w": "-0.5",
    "points_slope_low_4w": "-1.0E0",
    "points_slope_high_4w": None,
    "attendance_rate_4w": None,
    "absence_rate_8w": "0.1",
    "silent_school_weeks": "0",
    "as_of": "2026-02-09 01:02:03.004",
    "is_final": "false",
    "warnings": "falling_points silent",
    "rules_version": "1",
}


def trend(**changes: Any) -> WeeklyTrend:
    return WeeklyTrend(**{"iso_week": "2026-W06", "points": 3, "events": 1, "trend": "steady", **changes})


def test_a_row_of_the_marts_is_read_as_athena_writes_it() -> None:
    assert WeeklyTrend.from_mart(ROW) == WeeklyTrend(
        iso_week="2026-W06",
        points=-4,
        events=3,
        trend="falling",
        points_mean_4w=2.3333,
        points_slope_4w=-0.5,
        points_slope_low_4w=-1.0,
        attendance_rate=0.6667,
        absence_rate_8w=0.1,
        warnings=["falling_points", "silent"],
        rules_version=1,
        as_of="2026-02-09T01:02:03.004Z",
    )


def test_what_the_store_gives_back_is_what_was_written() -> None:
    written = WeeklyTrend.from_mart(ROW)
    item = to_typed({"SK": trend_sk("2026-W06"), "analysis": written.analysis()})
    assert WeeklyTrend.from_item(from_typed(item)) == written
    assert json.loads(written.analysis())["attendance_rate"] == 0.6667


def test_an_attribute_of_a_later_version_is_passed_over() -> None:
    later = {**json.loads(trend().analysis()), "mood": "good"}
    item = {"SK": "TREND#2026-W06", "analysis": json.dumps(later)}
    assert WeeklyTrend.from_item(item) == trend()


def test_a_withdrawn_week_is_none() -> None:
    assert WeeklyTrend.from_item({"SK": "TREND#2026-W06", "expires_at": 1}) is None


def test_what_is_no_analysis_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="points"):
        WeeklyTrend.from_item({"SK": "TREND#2026-W06", "analysis": '{"iso_week": "2026-W06"}'})


def test_only_the_moment_of_the_newest_event_is_no_news() -> None:
    assert trend(as_of="a").says_the_same(trend(as_of="b"))
    assert not trend(as_of="a").says_the_same(trend(as_of="a", points=4))


@pytest.mark.parametrize("order", [1, -1])
def test_the_version_with_events_speaks_for_a_week(order: int) -> None:
    rows = [(1, trend(points=0, events=0, warnings=["silent"])), (2, trend(points=5, events=2))][::order]
    assert merged(rows) == trend(points=5, events=2)


def test_of_weeks_without_events_the_newest_version_speaks() -> None:
    rows = [(10, trend(events=0, silent_school_weeks=1)), (9, trend(events=0, silent_school_weeks=8))]
    assert merged(rows).silent_school_weeks == 1


def test_a_week_under_two_versions_adds_up_and_compares_nothing() -> None:
    halves = [
        (1, trend(points=5, events=2, points_change=9, is_final=True, as_of="2026-02-03", warnings=["x"])),
        (2, trend(points=-1, events=1, attendance_rate=0.5, as_of="2026-02-04", rules_version=3)),
    ]
    assert merged(halves) == trend(points=4, events=3, trend=None, as_of="2026-02-04", rules_version=3)


@pytest.mark.parametrize(
    ("now", "last"),
    [
        ("2026-02-09T11:59:00+00:00", "2026-W05"),  # in UTC−12 it is Sunday still
        ("2026-02-09T12:00:00+00:00", "2026-W06"),
        ("2026-02-09T12:00:00+09:00", "2026-W05"),
        ("2026-02-15T23:00:00+00:00", "2026-W06"),
        ("2027-01-04T12:00:00+00:00", "2026-W53"),
    ],
)
def test_the_last_week_shown_is_over_everywhere(now: str, last: str) -> None:
    shown = weeks_shown(datetime.fromisoformat(now))
    assert shown[-1] == last
    assert len(shown) == 8
    assert shown == sorted(shown)


def test_a_week_is_kept_for_sixteen_weeks() -> None:
    kept = datetime.fromtimestamp(expires_at("2026-W06"), UTC) - datetime(2026, 2, 2, tzinfo=UTC)
    assert kept.days == 112
    with pytest.raises(UnknownWeekError, match="2025-W53"):
        expires_at("2025-W53")

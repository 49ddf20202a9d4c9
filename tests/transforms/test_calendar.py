from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms import calendar

moments = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


def test_an_event_late_in_the_evening_falls_on_the_schools_own_date() -> None:
    moment = datetime(2026, 2, 4, 5, 30, tzinfo=UTC)
    assert calendar.local(moment, "America/Mexico_City") == (date(2026, 2, 3), -360)
    assert calendar.local(moment, "Asia/Kathmandu") == (date(2026, 2, 4), 345)


def test_the_offset_follows_summer_time() -> None:
    winter, summer = datetime(2026, 1, 15, 12, tzinfo=UTC), datetime(2026, 7, 15, 12, tzinfo=UTC)
    assert calendar.local(winter, "Europe/Madrid")[1] == 60
    assert calendar.local(summer, "Europe/Madrid")[1] == 120


def test_a_zone_that_does_not_exist_is_named_in_the_error() -> None:
    with pytest.raises(calendar.UnknownZoneError, match=r"'Mars/Olympus' is unknown: use a name of the IANA"):
        calendar.zone("Mars/Olympus")


@pytest.mark.parametrize("name", ["", "../etc/passwd", "a\x00b"])
def test_a_zone_name_cannot_reach_files(name: str) -> None:
    with pytest.raises(calendar.UnknownZoneError):
        calendar.zone(name)


@given(moments)
def test_utc_texts_are_24_characters_and_name_the_moment(moment: datetime) -> None:
    text = calendar.utc_text(moment.astimezone(timezone(timedelta(hours=-6))))
    assert len(text) == 24
    assert abs(datetime.fromisoformat(text) - moment) < timedelta(milliseconds=1)


@given(st.lists(moments, min_size=2, max_size=2))
def test_utc_texts_sort_as_their_moments(two: list[datetime]) -> None:
    early, late = sorted(two)
    assert calendar.utc_text(early) <= calendar.utc_text(late)


@pytest.mark.parametrize(
    ("day", "week", "monday"),
    [
        (date(2026, 2, 3), "2026-W06", date(2026, 2, 2)),
        (date(2027, 1, 1), "2026-W53", date(2026, 12, 28)),
        (date(2024, 12, 30), "2025-W01", date(2024, 12, 30)),
    ],
)
def test_weeks_are_iso_weeks(day: date, week: str, monday: date) -> None:
    assert calendar.iso_week(day) == week
    assert calendar.week_start(day) == monday

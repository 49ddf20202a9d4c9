from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import available_timezones

import pytest

from transforms.calendar import UnknownZoneError, zone
from transforms.nights import TICK, due_night, night_of, tick_of


@pytest.mark.parametrize(
    ("day", "time_zone", "expected"),
    [
        (date(2026, 2, 3), "America/Mexico_City", "2026-02-03T08:00"),
        (date(2026, 2, 3), "Asia/Kathmandu", "2026-02-02T20:15"),
        (date(2026, 2, 3), "Pacific/Auckland", "2026-02-02T13:00"),
        # 02:00 does not exist: the moment at which clocks jump from it.
        (date(2026, 3, 8), "America/New_York", "2026-03-08T07:00"),
        # 02:00 exists twice: the first time.
        (date(2026, 10, 25), "Europe/Madrid", "2026-10-25T00:00"),
    ],
)
def test_a_night_begins_at_two_by_the_schools_own_clocks(day: date, time_zone: str, expected: str) -> None:
    assert night_of(day, time_zone) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def clocks() -> dict[tuple[timedelta | None, ...], str]:
    """One zone for each way in which clocks go through the year 2026."""
    noons = [datetime(2026, 1, 1, 12) + timedelta(days=number) for number in range(365)]
    names = sorted(available_timezones() - {"localtime"})
    return {tuple(noon.replace(tzinfo=zone(name)).utcoffset() for noon in noons): name for name in names}


def test_over_all_ticks_every_zone_has_each_of_its_nights_once() -> None:
    for offsets, name in clocks().items():
        changes = [day for day in range(364) if offsets[day] != offsets[day + 1]]
        # Only the days around a change of the clocks differ from the others.
        for change in changes or [150]:
            days = [date(2026, 1, 1) + timedelta(days=change + number) for number in (-1, 0, 1, 2)]
            tick = datetime.combine(days[0] - timedelta(days=1), time(), UTC)
            nights: Counter[date] = Counter()
            while tick.date() < days[-1] + timedelta(days=2):
                if night := due_night(tick, name):
                    nights[night] += 1
                tick += TICK
            assert {day: nights[day] for day in days} == dict.fromkeys(days, 1), name


def test_a_late_schedule_still_means_its_own_tick() -> None:
    late = datetime.fromisoformat("2026-02-03T09:07:31+01:00")
    assert tick_of(late) == datetime(2026, 2, 3, 8, tzinfo=UTC)
    assert due_night(tick_of(late), "America/Mexico_City") == date(2026, 2, 3)
    assert due_night(tick_of(late) + TICK, "America/Mexico_City") is None


def test_a_zone_that_does_not_exist_is_named() -> None:
    with pytest.raises(UnknownZoneError, match="Mars/Olympus"):
        due_night(datetime(2026, 2, 3, tzinfo=UTC), "Mars/Olympus")

"""When a school's night is: 02:00 of its own clocks, once for each of its dates.

Source: mission text, section 4.1 ("Nightly 02:00").
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from transforms.calendar import zone

NIGHTLY_AT = time(2)  # of the school's clocks
TICK = timedelta(minutes=15)  # zones differ by quarters of an hour (Nepal, Chatham Islands)


def night_of(day: date, time_zone: str) -> datetime:
    """The moment at which the nightly job of a school's date begins, in UTC.

    Where clocks jump over 02:00 it is the moment of the jump, where they show it twice the first time.

    Raises:
        UnknownZoneError: No such zone.
    """
    # fold=0 means just that: https://docs.python.org/3/library/datetime.html#datetime.datetime.fold
    return datetime.combine(day, NIGHTLY_AT, zone(time_zone)).astimezone(UTC)


def tick_of(moment: datetime) -> datetime:
    """The last full quarter of an hour, in UTC, at or before an aware moment."""
    moment = moment.astimezone(UTC)
    return moment.replace(minute=moment.minute - moment.minute % 15, second=0, microsecond=0)


def due_night(tick: datetime, time_zone: str) -> date | None:
    """The school's date whose night begins within the quarter of an hour from `tick`, if any.

    Args:
        tick: Aware, as `tick_of` gives it.
        time_zone: IANA name.

    Returns:
        Over all ticks, each date of a zone exactly once.

    Raises:
        UnknownZoneError: No such zone.
    """
    here = tick.astimezone(zone(time_zone)).date()
    # The neighbours too: where clocks jump over midnight the date at the tick is another.
    for day in (here - timedelta(days=1), here, here + timedelta(days=1)):
        if tick <= night_of(day, time_zone) < tick + TICK:
            return day
    return None

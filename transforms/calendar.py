"""Dates of schools: zones, local dates, ISO weeks. No SQL of ours ever converts a time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo


class UnknownZoneError(ValueError):
    """A time zone that the IANA database does not name."""


@lru_cache(512)
def zone(name: str) -> ZoneInfo:
    """The IANA zone of that name.

    Raises:
        UnknownZoneError: There is none.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise UnknownZoneError(
            f"time zone {name!r} is unknown: use a name of the IANA database such as 'America/Mexico_City'"
        ) from error


def utc_text(moment: datetime) -> str:
    """Writes an aware moment as `2026-02-03T14:15:00.000Z`: UTC, milliseconds, 24 characters.

    Fixed width, so that texts sort as the moments do; digits beyond milliseconds are cut.
    """
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def local(moment: datetime, zone_name: str) -> tuple[date, int]:
    """Where a moment falls in a school's calendar.

    Args:
        moment: Aware, any zone.
        zone_name: IANA name of the school's zone.

    Returns:
        The school's date at that moment, and its offset from UTC in minutes (−360 for UTC−6).

    Raises:
        UnknownZoneError: No such zone.
    """
    there = moment.astimezone(zone(zone_name))
    offset = there.utcoffset() or timedelta()
    return there.date(), int(offset.total_seconds() // 60)


def iso_week(day: date) -> str:
    """The ISO 8601 week of a date as `2026-W06`; the year is the week's, not the date's."""
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02d}"


def week_start(day: date) -> date:
    """The Monday of a date's ISO week."""
    return day - timedelta(days=day.weekday())

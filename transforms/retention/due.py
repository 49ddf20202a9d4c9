"""When an object's time is over, by its key and its age: what the audit asks of each."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from transforms.retention.cohorts import UNKNOWN, expires_on
from transforms.retention.places import Days, Place
from transforms.retention.registry import place_of

_FIRST_FOLDER = re.compile(r"graduation_year=(\d{1,4})/")
_YEAR = re.compile(r"\d{4}")


class Standing(NamedTuple):
    """What the registry says of a key.

    Attributes:
        place: Where it lies.
        cohort: Its year of graduation, 0 where that is unknown; None where it lies by no cohort.
        fixed: The first day on which it may not be there, where its folder tells; else its age does.
        misplaced: Whether its place is by cohort and its folder tells none: no rule will remove it.
    """

    place: Place
    cohort: int | None = None
    fixed: date | None = None
    misplaced: bool = False


def standing_of(bucket: str, key: str) -> Standing | None:
    """What the registry says of a key; None where it knows no place of it.

    Args:
        bucket: Its name in the settings, such as `LAKE`.
        key: Of the object.
    """
    place = place_of(bucket, key)
    if place is None or not place.by_cohort:
        return Standing(place) if place else None
    found = _FIRST_FOLDER.match(key, len(place.keys))
    if not found:
        return Standing(place, misplaced=True)
    cohort = int(found[1])
    if cohort != UNKNOWN:
        return Standing(place, cohort, expires_on(cohort))
    year = None
    if key.startswith(place.year_folder, found.end()):
        year = _YEAR.match(key, found.end() + len(place.year_folder))
    if year is None:
        return Standing(place, UNKNOWN, misplaced=True)
    return Standing(place, UNKNOWN, expires_on(int(year[0])))


def due_on(standing: Standing, written: datetime) -> date | None:
    """The first day (UTC) on which an object may not be there; None where nothing removes it.

    Args:
        standing: Of its key.
        written: When it was written; aware.
    """
    if standing.fixed is not None:
        return standing.fixed
    if isinstance(standing.place.rule, Days):
        return days_after(written, standing.place.rule.days)
    return None


def days_after(moment: datetime, days: float) -> date:
    """The day on which S3 acts on an age: whole days, then the next midnight UTC.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
    """
    later = moment.astimezone(UTC) + timedelta(days=days)
    midnight = later.replace(hour=0, minute=0, second=0, microsecond=0)
    return (midnight if midnight == later else midnight + timedelta(days=1)).date()

"""A student's behaviour events as a person reads them, and a week's score with its parts.

The score of a week is the sum of the points of its events, and nothing else: every part can be
opened to the events that it counts, and the parts sum to the number shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from msgspec import Struct

from transforms import calendar, keys
from transforms.event_items import HOT_FOR

ISO_WEEK = r"^[0-9]{4}-W(?:0[1-9]|[1-4][0-9]|5[0-3])$(?!\n)"
_is_iso_week = re.compile(ISO_WEEK).match

TypedItem = Mapping[str, Any]
"""An item in DynamoDB's typed JSON."""


class UnknownWeekError(ValueError):
    """A text that names no week."""


class Activity(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One event, as it counts.

    Attributes:
        event_id: The sender's UUID.
        occurred_at: UTC text of 24 characters.
        local_date: The school's date at that moment.
        type: Such as `participation`.
        outcome: What the rules give points to: the type, or `attendance.late`.
        points: What it counts.
        points_version: Of the rules that gave the points.
        subject: Code of the subject, if it was told.
        class_id: Code of the class, if it was told.
        teacher_id: Who reported it, if it was told.
    """

    event_id: str
    occurred_at: str
    local_date: str
    type: str
    outcome: str
    points: int
    points_version: int
    subject: str | None = None
    class_id: str | None = None
    teacher_id: str | None = None


class Part(Struct, frozen=True, kw_only=True, gc=False):
    """What events of one outcome add to a week's score.

    Attributes:
        outcome: Such as `attendance.late`.
        count: How many events.
        each: Points of one.
        points: `count` times `each`.
        points_version: Of the rules; an outcome has a part for each version that a week saw.
    """

    outcome: str
    count: int
    each: int
    points: int
    points_version: int


class Week(Struct, frozen=True, kw_only=True, gc=False):
    """A student's week.

    Attributes:
        iso_week: `2026-W06`.
        first_day: Its Monday, the school's date.
        last_day: Its Sunday.
        events: How many events it has.
        score: The sum of their points.
        parts: What the score is made of, the largest contribution first.
    """

    iso_week: str
    first_day: date
    last_day: date
    events: int
    score: int
    parts: list[Part]


def activity(item: TypedItem) -> Activity:
    """Reads an event's item.

    Raises:
        KeyError: The item is no behaviour event.
    """
    # Written out by hand: a profile reads dozens, and a general deserializer is five times slower.
    get = item.get
    subject, class_id, teacher = get("subject"), get("class_id"), get("teacher_id")
    detail = get("status") or get("polarity")
    event_type: str = item["event_type"]["S"]
    return Activity(
        event_id=item["event_id"]["S"],
        occurred_at=item["occurred_at"]["S"],
        local_date=item["local_date"]["S"],
        type=event_type,
        outcome=f"{event_type}.{detail['S']}" if detail else event_type,
        points=int(item["points"]["N"]),
        points_version=int(item["points_version"]["N"]),
        subject=subject["S"] if subject else None,
        class_id=class_id["S"] if class_id else None,
        teacher_id=teacher["S"] if teacher else None,
    )


def week(activities: Iterable[Activity], monday: date) -> Week:
    """Adds up a week.

    Args:
        activities: Any; those of other weeks are left out.
        monday: The week's first day.
    """
    first, last = monday.isoformat(), (monday + timedelta(days=6)).isoformat()
    counts: dict[tuple[str, int, int], int] = {}
    events = 0
    for each in activities:
        if first <= each.local_date <= last:
            key = (each.outcome, each.points, each.points_version)
            counts[key] = counts.get(key, 0) + 1
            events += 1
    parts = [
        Part(outcome=outcome, count=count, each=points, points=count * points, points_version=version)
        for (outcome, points, version), count in counts.items()
    ]
    parts.sort(key=lambda part: (-abs(part.points), part.outcome, part.points_version))
    return Week(
        iso_week=calendar.iso_week(monday),
        first_day=monday,
        last_day=monday + timedelta(days=6),
        events=events,
        score=sum(part.points for part in parts),
        parts=parts,
    )


def week_monday(iso_week: str) -> date:
    """The Monday of a week such as `2026-W06`.

    Raises:
        UnknownWeekError: There is no such week.
    """
    if _is_iso_week(iso_week):
        try:
            return date.fromisocalendar(int(iso_week[:4]), int(iso_week[6:]), 1)
        except ValueError:
            pass  # a year without a week 53: told below
    raise UnknownWeekError(f"week {iso_week!r:.40}: use an ISO 8601 week such as '2026-W06'")


def event_keys(first: date, last: date) -> tuple[str, str]:
    """Sort keys between which all events of some local dates lie, whatever the zone.

    Keys hold UTC; a local date is at most 14 hours away from it, and a school may have changed
    its zone. So a day more is read on either side, and `local_date` decides.
    """
    before, after = first - timedelta(days=1), last + timedelta(days=2)
    return keys.event_sk(before.isoformat(), ""), keys.event_sk(after.isoformat(), "")


def kept_since(today: date) -> date:
    """The oldest local date of which the store still holds events."""
    return today - HOT_FOR

"""An accepted event as the store keeps it: hot for 30 days, with its points and local date."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from transforms import calendar, keys
from transforms.events import CONTRACT_VERSION, BehaviorEvent
from transforms.schools import School

HOT_FOR = timedelta(days=30)  # mission text, section 4.3
SECONDS_A_DAY = 86_400


def expires_at(occurred_at: datetime, received_at: datetime) -> int:
    """When the store may forget an event: 30 days after the later of its time and its receipt.

    Args:
        occurred_at: Aware.
        received_at: Aware.

    Returns:
        Seconds since 1970 (UTC), rounded up to a whole day, so that a second delivery on the
        same day writes the same item.
    """
    until = max(occurred_at, received_at) + HOT_FOR
    return -(-int(until.timestamp()) // SECONDS_A_DAY) * SECONDS_A_DAY


def event_item(
    event: BehaviorEvent, school: School, received_at: datetime, correlation_id: str
) -> dict[str, Any]:
    """The item of the single table for one event.

    Args:
        event: Decoded and checked.
        school: Its school: gives the points and the local date.
        received_at: When the queue took it: the same at every delivery of the message.
        correlation_id: From the request, to be found again in the lake.

    Returns:
        Plain Python values; `local_date` is the school's date, `utc_offset_minutes` its offset
        then, times are UTC texts of 24 characters. Fields without a value are left out.
    """
    local_date, offset = calendar.local(event.occurred_at, school.time_zone)
    occurred_at = calendar.utc_text(event.occurred_at)
    event_id = event.event_id.lower()
    item: dict[str, Any] = {
        "PK": f"TENANT#{school.school_id}#STUDENT#{event.student_id}",  # the contract checked both
        "SK": keys.event_sk(occurred_at, event_id),
        "event_id": event_id,
        "event_type": event.event_type,
        "occurred_at": occurred_at,
        "received_at": calendar.utc_text(received_at),
        "local_date": local_date.isoformat(),
        "utc_offset_minutes": offset,
        "points": school.points.of(event.outcome),
        "points_version": school.points.version,
        "correlation_id": correlation_id,
        "contract_version": CONTRACT_VERSION,
        "expires_at": expires_at(event.occurred_at, received_at.astimezone(UTC)),
    }
    for name in ("teacher_id", "subject", "class_id", "status", "polarity"):
        value = getattr(event, name)
        if value is not None:
            item[name] = value
    return item

"""Events as the store has them, for tests."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.typed_json import to_typed


@dataclass(frozen=True)
class StoreOf:
    """A store that has just these items, each of which comes twice."""

    typed: Sequence[dict[str, Any]]

    def items(self, start: datetime, end: datetime) -> Iterator[dict[str, Any]]:
        """See `adapters.stored_events.StoredEvents.items`."""
        for item in [*self.typed, *self.typed]:
            if start.isoformat() <= item["received_at"]["S"] < end.isoformat():
                yield item


def item(number: int, day: str, school: str = "school_1", **changes: Any) -> dict[str, Any]:
    """The item of an event of a day, in typed JSON."""
    occurred_at = f"{day}T14:15:00.000Z"
    event_id = str(uuid.UUID(int=number))
    plain = {
        "PK": f"TENANT#{school}#STUDENT#student_{number}",
        "SK": f"EVENT#{occurred_at}#{event_id}",
        "event_id": event_id,
        "event_type": "participation",
        "occurred_at": occurred_at,
        "received_at": f"{day}T14:15:03.000Z",
        "local_date": day,
        "utc_offset_minutes": 0,
        "points": number,
        "points_version": 1,
        "teacher_id": "teacher_1",
        "correlation_id": str(uuid.UUID(int=number << 64)),
        "contract_version": 1,
        **changes,
    }
    return to_typed(plain)

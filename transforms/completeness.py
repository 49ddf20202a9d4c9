"""Whether a day adds up: what became of every event that a school sent.

    sent = rejected + repeated + stored
    stored = in lake + quarantined + in flight, and nothing else

A day is that of receipt, in UTC: the queue's own time, which neither a sender's clock nor a redelivery
changes (decision 0002).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

from transforms.bilingual import Words

# From the store to the landing: the pipe's window and retries, and Firehose's buffer of a minute.
PIPE_GRACE = timedelta(hours=1)
# From the landing to the lake: loads run every hour, and one may be under way.
LOAD_GRACE = timedelta(hours=3)


class Place(StrEnum):
    """Where a stored event was found."""

    IN_LAKE = "in_lake"
    QUARANTINED = "quarantined"
    IN_FLIGHT = "in_flight"  # on its way, and not late
    HELD = "held"  # landed long ago and neither published nor quarantined
    MISSING = "missing"  # nowhere behind the store, and late


@dataclass(frozen=True, slots=True)
class DayAccount:
    """One school's day.

    Attributes:
        school_id: The school.
        sent: Requests that the edge took; None where the edge keeps no log.
        rejected: Messages in the rejected queue.
        stored: Distinct events in the store.
        places: How many of them were found where.
    """

    school_id: str
    sent: int | None
    rejected: int
    stored: int
    places: Mapping[Place, int]

    def count(self, place: Place) -> int:
        """How many stored events were found in a place."""
        return self.places.get(place, 0)

    @property
    def repeated(self) -> int | None:
        """Requests beyond those stored and rejected: the sender's repetitions. None where unknown."""
        return None if self.sent is None else self.sent - self.rejected - self.stored

    def faults(self) -> list[Words]:
        """What is wrong with the day, in words; empty where nothing is."""
        faults = []
        if missing := self.count(Place.MISSING):
            faults.append(
                Words(
                    f"{self.school_id}: {missing:,} events were stored and never landed: "
                    "`luca audit completeness --repair` sends them again",
                    f"{self.school_id}: {missing:,} eventos se guardaron y nunca llegaron: "
                    "`luca audit completeness --repair` los envía de nuevo",
                )
            )
        if held := self.count(Place.HELD):
            faults.append(
                Words(
                    f"{self.school_id}: {held:,} events landed and were not published: see `luca loads` for "
                    "files set aside, `luca replay` for a lake file that was lost",
                    f"{self.school_id}: {held:,} eventos llegaron y no se publicaron: vea `luca loads` por "
                    "archivos apartados, `luca replay` por un archivo del lago que se perdió",
                )
            )
        if self.repeated is not None and self.repeated < 0:
            faults.append(
                Words(
                    f"{self.school_id}: {self.stored + self.rejected:,} events are stored or rejected and "
                    f"{self.sent:,} were sent: something writes past the edge, or the access log has a gap",
                    f"{self.school_id}: {self.stored + self.rejected:,} eventos guardados o rechazados y "
                    f"{self.sent:,} enviados: algo escribe sin pasar por la entrada, o el registro de "
                    "accesos tiene un hueco",
                )
            )
        return faults

    def as_dict(self) -> dict[str, Any]:
        """For `--json`: whole numbers; `sent` and `repeated` may be null."""
        return {
            "school_id": self.school_id,
            "sent": self.sent,
            "rejected": self.rejected,
            "repeated": self.repeated,
            "stored": self.stored,
            **{place.value: self.count(place) for place in Place},
        }


def bounds(day: date) -> tuple[datetime, datetime]:
    """The first moment of a day and of the next, aware, UTC."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return start, start + timedelta(days=1)


def place_of(received_at: datetime, landed_at: datetime | None, now: datetime, *, quarantined: bool) -> Place:
    """Where an event is that the lake does not have.

    Args:
        received_at: When the queue took it, aware.
        landed_at: The hour of a landing file that holds it, aware; None where none does.
        now: Aware.
        quarantined: Whether a quarantine file holds it.
    """
    if quarantined:
        return Place.QUARANTINED
    if landed_at is not None:
        return Place.IN_FLIGHT if now - landed_at < LOAD_GRACE else Place.HELD
    return Place.IN_FLIGHT if now - received_at < PIPE_GRACE else Place.MISSING


def drawn_up(
    stored: Mapping[str, int],
    elsewhere: Iterable[tuple[str, Place]],
    sent: Mapping[str, int] | None,
    rejected: Mapping[str, int],
) -> list[DayAccount]:
    """The day's accounts, by school.

    Args:
        stored: Distinct events of the store.
        elsewhere: School and place of each stored event that is not in the lake.
        sent: Requests that the edge took; None where it keeps no log.
        rejected: Messages of the rejected queue.
    """
    found: dict[str, dict[Place, int]] = {}
    for school, place in elsewhere:
        places = found.setdefault(school, {})
        places[place] = places.get(place, 0) + 1
    accounts = []
    for school in sorted({*stored, *found, *(sent or {}), *rejected}):
        places = found.get(school, {})
        total = stored.get(school, 0)
        places[Place.IN_LAKE] = total - sum(places.values())
        accounts.append(
            DayAccount(
                school,
                None if sent is None else sent.get(school, 0),
                rejected.get(school, 0),
                total,
                places,
            )
        )
    return accounts

"""What was seen of an event, and where."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Station(StrEnum):
    """A place on the way, in the order of the way."""

    DEAD_LETTERS = "dead letters"  # the worker failed on it time after time
    REJECTED = "rejected queue"  # it breaks the contract
    STORED = "store"
    NOT_CONVERTED = "landing errors"  # Firehose could not write it as Parquet
    LANDED = "landing"
    LOAD = "load"
    QUARANTINED = "quarantine"
    LAKE = "lake"


@dataclass(frozen=True, slots=True)
class Sighting:
    """One place that has it. Nothing in it names a person.

    Attributes:
        station: Where.
        at: When it came there; aware, None where the place does not say.
        what: Key of the object, id of the load, or kind of the item.
        says: What the place says of it, in words.
        waits: Whether it stays here until somebody does something.
        table: The lake table that it belongs to, once that is known.
    """

    station: Station
    at: datetime | None
    what: str
    says: str = ""
    waits: bool = False
    table: str = ""

"""What was done to the schools' pseudonym keys, in the ledger. No key and no pseudonym is in it.

| item | PK | SK |
|---|---|---|
| what is under way | `KEYS#{school}` | `OPEN` |
| the life of a version | `KEYS#{school}` | `v000002` |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from adapters import ledger_table
from adapters.leases import Lease
from transforms import keys
from transforms.calendar import utc_text


class KeyWork(StrEnum):
    """What can be under way."""

    ROTATION = "rotation"
    DESTRUCTION = "destruction"


@dataclass(frozen=True, slots=True)
class OpenWork:
    """Work on a school's key that was begun and not ended.

    Attributes:
        work: What.
        version: The version that is made or destroyed.
    """

    work: KeyWork
    version: int


def open_work(school_id: str) -> OpenWork | None:
    """What is under way on a school's key, or None."""
    item = ledger_table.get(_open_key(school_id))
    return None if item is None else OpenWork(KeyWork(item["work"]), int(item["version"]))


def begin(school_id: str, work: OpenWork, lease: Lease, now: datetime) -> None:
    """Notes what is going to be done, before it is done.

    Raises:
        ConditionError: Another run has the lease, or something is under way.
    """
    item = {
        **_open_key(school_id),
        "work": work.work.value,
        "version": work.version,
        "begun_at": utc_text(now),
    }
    ledger_table.write([lease.fence, ledger_table.put_new(item)])


def end(school_id: str, work: OpenWork, facts: Mapping[str, Any], lease: Lease) -> None:
    """Notes what became of a version, and that nothing is under way any more.

    Raises:
        ConditionError: Another run has the lease.
    """
    version = {"PK": f"KEYS#{_school(school_id)}", "SK": f"v{work.version:06d}"}
    ledger_table.write(
        [
            lease.fence,
            ledger_table.change(
                version, dict(facts), "attribute_not_exists(#destroyed_at)", names=_DESTROYED
            ),
            ledger_table.delete_if(_open_key(school_id), "attribute_exists(PK)"),
        ]
    )


def lives(school_id: str) -> dict[int, dict[str, Any]]:
    """By version, what the ledger knows: when and why it was made or destroyed."""
    items = ledger_table.items(f"KEYS#{_school(school_id)}")
    return {int(item["SK"][1:]): item for item in items if item["SK"] != "OPEN"}


_DESTROYED = {"#destroyed_at": "destroyed_at"}


def _open_key(school_id: str) -> dict[str, str]:
    return {"PK": f"KEYS#{_school(school_id)}", "SK": "OPEN"}


def _school(school_id: str) -> str:
    return keys.identifier("school_id", school_id)

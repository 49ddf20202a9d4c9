"""What waits in quarantine, and what became of what waited: by lake table, load and school."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from adapters import ledger, objects, quarantine
from adapters.quarantine import BROKEN_RULES, Held, Record, noted_rules
from expectations.catalogue import EXPECTATIONS
from expectations.rules import Expectations

Loads: TypeAlias = dict[str, tuple[ledger.Load, Mapping[str, Mapping[str, Any]]]]
"""By load id, the load and what the ledger knows of its schools."""


class NothingHeldError(LookupError):
    """There is no such holding, or nothing of it waits."""


class HoldingUnreadableError(RuntimeError):
    """An object of the quarantine is damaged."""


class HoldingState(StrEnum):
    """Where the rows of a holding are."""

    WAITING = "waiting"  # all as the load left them
    PARTLY = "partly settled"  # some were released, the others wait
    SETTLED = "settled"  # all were released or discarded
    EXPIRED = "expired"  # nothing waits, and not all was released or discarded: the lifecycle rule took it


@dataclass(frozen=True)
class Holding:
    """What a load held back of a school.

    Attributes:
        table: The lake table.
        load_id: The load.
        school_id: The school; `(none)` of rows that name none.
        quarantined: Rows that the load put here.
        released: Rows given back to the landing since.
        discarded: Rows given up since.
        waiting: Rows that are here now.
        rules: How many waiting rows break each rule, as they were judged last.
        held_at: When the load was opened; aware.
        expires_at: When the lifecycle rule takes the first of it; None where nothing waits.
        objects: Where the waiting rows are.
        record: What was done so far.
    """

    table: str
    load_id: str
    school_id: str
    quarantined: int
    released: int
    discarded: int
    waiting: int
    rules: Mapping[str, int]
    held_at: datetime
    expires_at: datetime | None
    objects: tuple[Held, ...] = field(repr=False)
    record: Record = field(repr=False)

    @property
    def state(self) -> HoldingState:
        """Where its rows are."""
        if self.waiting:
            return HoldingState.PARTLY if self.released or self.discarded else HoldingState.WAITING
        if self.quarantined > self.released + self.discarded:
            return HoldingState.EXPIRED
        return HoldingState.SETTLED

    @property
    def adds_up(self) -> bool:
        """Whether each row that the load put here is released, discarded, here, or expired."""
        known = self.released + self.discarded + self.waiting
        return self.quarantined == known or self.state is HoldingState.EXPIRED

    def days_left(self, now: datetime) -> int | None:
        """Whole days until the lifecycle rule takes the first of it; None where nothing waits."""
        return None if self.expires_at is None else max((self.expires_at - now) // timedelta(days=1), 0)


def holdings(table: str, *, settled: bool = False) -> Iterator[Holding]:
    """What waits in quarantine, the oldest load first.

    Args:
        table: The lake table.
        settled: Then also the holdings that were worked on and have nothing left.

    Raises:
        NothingHeldError: There is no such table.
        HoldingUnreadableError: An object is damaged.
    """
    expectations_of(table)
    records = {(each.load_id, each.school_id): each for each in quarantine.records(table)}
    loads: Loads = {}
    for key, found in groupby(quarantine.held(table), key=lambda each: (each.load_id, each.school_id)):
        yield _holding(tuple(found), records.pop(key, Record(table, *key)), loads)
    if settled:
        yield from (_holding((), record, loads) for record in records.values())


def expectations_of(table: str) -> Expectations:
    """What must hold of a lake table.

    Raises:
        NothingHeldError: There is no such table.
    """
    if table not in EXPECTATIONS:
        raise NothingHeldError(f"{table!r} is no lake table: use one of {', '.join(EXPECTATIONS)}")
    return EXPECTATIONS[table]


def holding(table: str, load_id: str, school_id: str) -> Holding:
    """One holding.

    Raises:
        NothingHeldError: The load held nothing back of that school, or there is no such table.
        HoldingUnreadableError: An object of it is damaged.
    """
    expectations_of(table)
    held = tuple(quarantine.held(table, load_id, school_id))
    try:
        found = _holding(held, quarantine.record(table, load_id, school_id), {})
    except LookupError as error:
        raise NothingHeldError(str(error)) from error
    if not found.quarantined:
        raise NothingHeldError(
            f"load {load_id} of {table} held nothing back of {school_id!r}: "
            "`luca quarantine list` tells what waits"
        )
    return found


def _holding(held: tuple[Held, ...], record: Record, loads: Loads) -> Holding:
    rules: Counter[str] = Counter()
    waiting = 0
    for each in held:
        for rows in _parts(each):
            waiting += rows.num_rows
            rules.update(name for names in noted_rules(rows) for name in names)
    if record.load_id not in loads:
        load = ledger.find(record.table, record.load_id)
        loads[record.load_id] = (load, ledger.read_schools(load))
    load, schools = loads[record.load_id]
    return Holding(
        record.table,
        record.load_id,
        record.school_id,
        schools.get(record.school_id, {}).get("quarantined", 0),
        record.released,
        record.discarded,
        waiting,
        dict(sorted(rules.items())),
        load.opened_at,
        min(each.object.written_at for each in held) + quarantine.KEPT if held else None,
        held,
        record,
    )


def _parts(each: Held) -> Iterator[pa.Table]:
    """What an object's rows break, a row group at a time; nothing else of it is fetched."""
    try:
        file = pq.ParquetFile(objects.opened(each.object))
        for group in range(file.metadata.num_row_groups):
            yield file.read_row_group(group, columns=[BROKEN_RULES])
    except (pa.ArrowException, OSError) as error:
        raise HoldingUnreadableError(
            f"{each.object.key} is no whole Parquet file ({type(error).__name__}): restore an older version"
        ) from error

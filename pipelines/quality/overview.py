"""What is known of the quality of the last weeks: loads from the ledger, judged days, the quarantine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from adapters import ledger, quarantine
from adapters.ledger import Load, LoadState
from pipelines.load.holding import REASON, REASON_IN_SPANISH
from pipelines.quality import kept
from pipelines.quality.kept import JudgedDay, Kind
from transforms.bilingual import Words
from transforms.lake_schema import LAKE_TABLES

DAYS = 28  # four weeks: what fits a page, and what a person remembers


@dataclass(frozen=True, slots=True)
class JudgedLoad:
    """A load and what it did, by school.

    Attributes:
        load_id: Its name.
        opened_at: Aware.
        published_at: Aware; None where it is open.
        held: Why the whole load is held; None where it is not.
        error: Why its last run ended early; empty where it did not.
        severities: Of each rule that it was judged by; empty before that.
        schools: By school the counts `landed`, `duplicate`, `quarantined`, `published`, the flag
            `stopped`, and `broken`: rule to rows.
    """

    load_id: str
    opened_at: datetime
    published_at: datetime | None
    held: Words | None
    error: str
    severities: Mapping[str, str]
    schools: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Rows of a school that a load stopped.

    Attributes:
        load_id: The load.
        school_id: The school.
        rows: How many it held back.
        rules: The critical rules that were broken.
        released: How many of them were given back to the landing since.
        discarded: How many were given up.
        there: Whether something of them is still in quarantine.
    """

    load_id: str
    school_id: str
    rows: int
    rules: tuple[str, ...]
    released: int
    discarded: int
    there: bool

    @property
    def waiting(self) -> int:
        """How many rows wait still."""
        return self._left if self.there else 0

    @property
    def expired(self) -> int:
        """How many rows have waited longer than the quarantine keeps them."""
        return 0 if self.there else self._left

    @property
    def _left(self) -> int:
        return self.rows - self.released - self.discarded


@dataclass(frozen=True, slots=True)
class TableQuality:
    """The last weeks of a lake table.

    Attributes:
        table: Its name.
        loads: Oldest first.
        days: Judged days by kind, oldest first.
        quarantined: Newest load first.
    """

    table: str
    loads: tuple[JudgedLoad, ...]
    days: Mapping[Kind, tuple[JudgedDay, ...]]
    quarantined: tuple[Quarantined, ...]


def last_weeks(today: date) -> list[TableQuality]:
    """What is known of every lake table in the `DAYS` days that end today (UTC)."""
    first = today - timedelta(days=DAYS - 1)
    return [_table(name, first, today) for name in LAKE_TABLES]


def _table(name: str, first: date, today: date) -> TableQuality:
    loads = tuple(_judged(load) for load in ledger.loads_opened(name, first, today))
    days = {kind: tuple(kept.since(kind, name, first)) for kind in Kind}
    return TableQuality(name, loads, days, tuple(_quarantined(name, loads)))


def _judged(load: Load) -> JudgedLoad:
    published = load.times.get(LoadState.PUBLISHED.value)
    return JudgedLoad(
        load_id=load.load_id,
        opened_at=load.opened_at,
        published_at=datetime.fromisoformat(published) if published else None,
        held=None if published else _held(load.facts),
        error=load.facts.get("error", ""),
        severities=load.facts.get("severities", {}),
        schools=ledger.read_schools(load),
    )


def _held(facts: Mapping[str, Any]) -> Words | None:
    return Words(facts[REASON], facts.get(REASON_IN_SPANISH, "")) if REASON in facts else None


def _quarantined(table: str, loads: tuple[JudgedLoad, ...]) -> Iterator[Quarantined]:
    there = {(each.load_id, each.school_id) for each in quarantine.held(table)}
    known = {(record.load_id, record.school_id): record for record in quarantine.records(table)}
    for load in reversed(loads):
        for school, counts in sorted(load.schools.items()):
            if counts["quarantined"]:
                rules = (rule for rule in counts["broken"] if load.severities[rule] == "critical")
                holding = (load.load_id, school)
                record = known.get(holding, quarantine.Record(table, *holding))
                yield Quarantined(
                    load_id=load.load_id,
                    school_id=school,
                    rows=counts["quarantined"],
                    rules=tuple(rules),
                    released=record.released,
                    discarded=record.discarded,
                    there=holding in there,
                )

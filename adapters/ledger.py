"""The ledger of loads: how far each load came, and what its shards and schools did.

| item | PK | SK |
|---|---|---|
| a load | `LOAD#{table}` | `{load_id}` |
| its schools, two hundred an item | `LOAD#{table}#{load_id}` | `SCHOOLS#{chunk}` |
| a shard that is done | `LOAD#{table}#{load_id}` | `SHARD#{shard}` |
| a shard's schools, two hundred an item | `LOAD#{table}#{load_id}` | `SHARDSCHOOLS#{shard}#{chunk}` |
| the load that a table has open | `OPEN#{table}` | `OPEN` |

A table has one load open at a time: so a killed load is finished before anything new begins, and
no two loads can publish the same redelivered row without seeing each other. A load's state only
moves forward. Which load took which file is in `adapters.landing_claims`.

Whoever writes holds the lease of the lake table, and every write here is refused once another has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from adapters import ledger_table
from adapters.batches import batches
from adapters.leases import Lease
from adapters.ledger_table import ConditionError
from transforms.calendar import utc_text

SCHOOLS_AN_ITEM = 200  # of 300 bytes, some rules and, loaded at once, 100 weeks each: below an item's 400 KB

SCHOOLS, SHARD, SHARD_SCHOOLS = "SCHOOLS#", "SHARD#", "SHARDSCHOOLS#"  # beginnings of sort keys


class LoadState(StrEnum):
    """How far a load came, in the order of its life."""

    CLAIMING = "claiming"  # it takes its files
    CLAIMED = "claimed"  # its files are fixed
    JUDGED = "judged"  # the verdict is written; rows may be
    PUBLISHED = "published"  # its rows are in the lake or in quarantine


_ORDER = list(LoadState)


class LedgerConflictError(RuntimeError):
    """The ledger says something else than this run."""


@dataclass(frozen=True, slots=True)
class Load:
    """A load's row of the ledger.

    Attributes:
        table: The lake table.
        load_id: Sorts by time.
        state: How far it came.
        times: When it first reached each state, by the state's name; UTC texts.
        hours: The landing hours of its files.
        facts: What else is known, by name: counts, versions, broken rules, the last error.
    """

    table: str
    load_id: str
    state: LoadState
    times: Mapping[str, str]
    hours: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def opened_at(self) -> datetime:
        """When it was opened; aware, the same in every run of it."""
        return datetime.fromisoformat(self.times[LoadState.CLAIMING.value])


@dataclass(frozen=True, slots=True)
class Shard:
    """What a shard of a load did.

    Attributes:
        schools: By school, what became of its rows: whole numbers by name, or maps of them.
        facts: What else is known, by name: files, bytes, objects, milliseconds of its stages.
    """

    schools: Mapping[str, Mapping[str, Any]]
    facts: Mapping[str, Any]


def open_load(table: str, load_id: str, now: datetime, lease: Lease) -> Load:
    """Opens a load: from now on every run of this table works on it until it is published.

    Args:
        table: The lake table.
        load_id: Of the new load.
        now: Aware.
        lease: Of the lake table, held by this run; so in all that writes here.

    Raises:
        LedgerConflictError: The table has a load open already.
        LeaseLostError: Another run has the lease; so of all that writes here.
    """
    moment = utc_text(now)
    row = {
        **load_key(table, load_id),
        "load_id": load_id,
        "state": LoadState.CLAIMING.value,
        _time_of(LoadState.CLAIMING): moment,
    }
    pointer = {**_pointer_key(table), "load_id": load_id, "opened_at": moment}
    try:
        lease.write([ledger_table.put_new(pointer), ledger_table.put_new(row)])
    except ConditionError as error:
        raise LedgerConflictError(
            f"table {table} has a load open already, so {load_id} is not opened: the next run finishes it"
        ) from error
    return _load(table, row)


def the_open_load(table: str) -> Load | None:
    """The load that a table has open, or None."""
    pointer = ledger_table.get(_pointer_key(table))
    return None if pointer is None else find(table, pointer["load_id"])


def find(table: str, load_id: str) -> Load:
    """A load of the ledger.

    Raises:
        LookupError: There is none of that id.
    """
    item = ledger_table.get(load_key(table, load_id))
    if item is None:
        raise LookupError(f"the ledger has no load {load_id!r} of table {table!r}: `luca loads` lists them")
    return _load(table, item)


def loads(table: str, limit: int = 20) -> list[Load]:
    """The newest loads of a table, newest first."""
    return [_load(table, item) for item in ledger_table.last_items(f"LOAD#{table}", limit)]


def loads_opened(table: str, first: date, last: date) -> Iterator[Load]:
    """A table's loads by the days (UTC) on which they were opened, both included, oldest first."""
    after = last + timedelta(days=1)
    for item in ledger_table.items(f"LOAD#{table}", f"{first:%Y%m%d}", f"{after:%Y%m%d}"):
        yield _load(table, item)


def advance(load: Load, state: LoadState, now: datetime, lease: Lease, **facts: Any) -> Load:
    """Moves a load forward and notes what is known by then.

    A load that is there already, by an earlier run that was killed, only has its facts noted again;
    the time stays the first one. With `PUBLISHED` the table's open load is closed in the same breath.

    Args:
        load: As this run knows it.
        state: The next one.
        now: Aware.
        lease: As of `open_load`.
        **facts: Text, whole numbers, lists and maps of them.

    Raises:
        LedgerConflictError: It is further already: another run is at work on it.
    """
    key = load_key(load.table, load.load_id)
    condition, values = ledger_table.one_of(
        "#state", [earlier.value for earlier in _ORDER[: _ORDER.index(state) + 1]]
    )
    changes = {"state": state.value, **facts}
    reached = {_time_of(state): utc_text(now)}
    actions = [ledger_table.change(key, changes, condition, values, remove=("error",), first=reached)]
    if state is LoadState.PUBLISHED:
        mine = {":me": load.load_id}
        actions.append(ledger_table.delete_if(_pointer_key(load.table), "load_id = :me", mine))
    try:
        lease.write(actions)
    except ConditionError as error:
        there = find(load.table, load.load_id)
        raise LedgerConflictError(
            f"load {load.load_id} of {load.table} is {there.state}, this run wanted it {state}: "
            "another run went further with it; run it again"
        ) from error
    return find(load.table, load.load_id)


def note(load: Load, lease: Lease, **facts: Any) -> None:
    """Notes what is known of a load, in any state.

    Args:
        load: The load.
        lease: As of `open_load`.
        **facts: As of `advance`.
    """
    key = load_key(load.table, load.load_id)
    lease.write([ledger_table.change(key, facts, "attribute_exists(PK)")])


def note_error(load: Load, text: str, lease: Lease) -> None:
    """Notes why a run of a load ended early; the next step forward clears it."""
    note(load, lease, error=text[:2000])


def write_schools(load: Load, schools: Mapping[str, Mapping[str, Any]], lease: Lease) -> None:
    """Notes what a load found and did, by school.

    Args:
        load: The load.
        schools: By school, whole numbers, flags and maps of them. The same schools every time.
        lease: As of `open_load`.
    """
    _write_by_school(load, SCHOOLS, schools, lease)


def read_schools(load: Load) -> dict[str, dict[str, Any]]:
    """What `write_schools` noted."""
    return _read_by_school(load, SCHOOLS)


def note_shard(load: Load, number: int, shard: Shard, lease: Lease) -> None:
    """Notes that a shard of a load is done; doing it again changes nothing.

    Args:
        load: The load.
        number: Of the shard, from 0.
        shard: What it did.
        lease: As of `open_load`.
    """
    _write_by_school(load, f"{SHARD_SCHOOLS}{number:04d}#", shard.schools, lease)
    done = {**_of_load(load, f"{SHARD}{number:04d}"), "facts": dict(shard.facts)}
    lease.write([ledger_table.put_over(done)])


def shards_done(load: Load) -> dict[int, Mapping[str, Any]]:
    """The facts of each shard that is done, by its number."""
    found = _items(load, SHARD)
    return {int(item["SK"].removeprefix(SHARD)): item["facts"] for item in found}


def shards(load: Load) -> dict[int, Shard]:
    """What each shard that is done did, by its number."""
    return {
        number: Shard(_read_by_school(load, f"{SHARD_SCHOOLS}{number:04d}#"), facts)
        for number, facts in shards_done(load).items()
    }


def _write_by_school(load: Load, begins: str, schools: Mapping[str, Mapping[str, Any]], lease: Lease) -> None:
    for number, batch in enumerate(batches(sorted(schools.items()), SCHOOLS_AN_ITEM)):
        noted = {school: dict(facts) for school, facts in batch}
        lease.write([ledger_table.put_over({**_of_load(load, f"{begins}{number:04d}"), "schools": noted})])


def _read_by_school(load: Load, begins: str) -> dict[str, dict[str, Any]]:
    schools: dict[str, dict[str, Any]] = {}
    for item in _items(load, begins):
        schools.update(item["schools"])
    return schools


def load_key(table: str, load_id: str) -> dict[str, str]:
    """The key of a load's row."""
    return {"PK": f"LOAD#{table}", "SK": load_id}


def _pointer_key(table: str) -> dict[str, str]:
    return {"PK": f"OPEN#{table}", "SK": "OPEN"}


def _items(load: Load, begins: str) -> Iterator[dict[str, Any]]:
    """The items of a load whose sort keys begin with a text."""
    return ledger_table.items(_of_load(load, "")["PK"], begins, f"{begins}\uffff")


def _of_load(load: Load, sk: str) -> dict[str, str]:
    return {"PK": f"LOAD#{load.table}#{load.load_id}", "SK": sk}


def _time_of(state: LoadState) -> str:
    return f"{state.value}_at"


def _load(table: str, item: Mapping[str, Any]) -> Load:
    times = {state.value: item[_time_of(state)] for state in LoadState if _time_of(state) in item}
    known = {"PK", "SK", "load_id", "state", "hours", *(_time_of(state) for state in LoadState)}
    return Load(
        table,
        item["load_id"],
        LoadState(item["state"]),
        times,
        tuple(sorted(item.get("hours", ()))),
        {name: value for name, value in item.items() if name not in known},
    )

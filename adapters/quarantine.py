"""The quarantine: what waits there, and what the ledger remembers of each change to it.

What a load held back of a school is a *holding*: objects under one prefix of the lake bucket.

| item | PK | SK |
|---|---|---|
| what became of a holding | `HOLDING#{table}` | `{load_id}#{school_id}` |

A holding changes an object at a time. The ledger notes what will be done before it is done, and that it
is done afterwards, so whoever comes after a kill in between knows what was meant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from adapters import ledger_table, objects
from adapters.aws import client
from adapters.ledger_table import ConditionError
from adapters.objects import Object
from adapters.settings import setting
from adapters.transactions import Action
from transforms.retention.registry import kept_for

BROKEN_RULES = "broken_rules"  # the column that a row has in quarantine and nowhere else
PREFIX = "quarantine/"
RECEIPTS = "quarantine-receipts/"


KEPT = kept_for("LAKE", PREFIX)
"""How long an object of the quarantine is kept after it was written last."""


class HoldingBusyError(RuntimeError):
    """The ledger says something else of a holding than this run: another one is at work on it."""


class Deed(StrEnum):
    """What an operator does to an object of a holding."""

    AMEND = "amend"  # rows are replaced by corrected ones
    RELEASE = "release"  # rows go back to the landing, for a load of their own
    DISCARD = "discard"  # rows are given up, against a receipt


@dataclass(frozen=True, slots=True)
class Change:
    """One change to one object of a holding.

    Attributes:
        deed: What is done.
        key: The object, in the lake bucket.
        before: SHA-256 of what it is before, in hex.
        after: The same of what it is afterwards; empty where it is gone.
        rows: How many rows are amended, released or discarded.
        at: When, UTC text.
        by: Who: the ARN of the caller.
        reason: In words; of a release it may be empty.
        writes: Key of what is written elsewhere before the object changes: the landing file of a
            release, the receipt of a discard; empty of an amendment.
        facts: What else is known: versions, digests.
    """

    deed: Deed
    key: str
    before: str
    after: str
    rows: int
    at: str
    by: str
    reason: str = ""
    writes: str = ""
    facts: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """What the ledger knows of a holding.

    Attributes:
        table: The lake table.
        load_id: The load that held the rows back.
        school_id: Whose they are.
        version: Rises with every change of the record.
        released: Rows given back to the landing so far.
        discarded: Rows given up so far.
        open: The change that was begun and is not known to be done.
        done: The changes so far, in order.
    """

    table: str
    load_id: str
    school_id: str
    version: int = 0
    released: int = 0
    discarded: int = 0
    open: Change | None = None
    done: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """An object of a holding.

    Attributes:
        table: The lake table.
        load_id: The load that held its rows back.
        school_id: Whose they are; `expectations.rules.NO_SCHOOL` for rows that name none.
        object: The object.
    """

    table: str
    load_id: str
    school_id: str
    object: Object


def held(table: str, load_id: str = "", school_id: str = "") -> Iterator[Held]:
    """The objects that wait in quarantine, by load and school.

    Args:
        table: The lake table.
        load_id: Only of this load.
        school_id: Only of this school; needs `load_id`.
    """
    prefix = f"{PREFIX}{table}/"
    prefix += f"load_id={load_id}/" if load_id else ""
    prefix += f"school_id={school_id}/" if school_id else ""
    for found in objects.under(setting("LAKE_BUCKET"), prefix):
        parts = dict(part.split("=", 1) for part in found.key.split("/") if "=" in part)
        yield Held(table, parts["load_id"], parts["school_id"], found)


def noted_rules(rows: pa.Table) -> list[list[str]]:
    """By row of an object of a holding, the rules that it breaks, as they were judged last."""
    names: list[Any] = rows[BROKEN_RULES].to_pylist()
    return names


def waiting_rows(table: str) -> Counter[str]:
    """How many rows wait in quarantine, by school, from the footers of its objects.

    Rows that name no school are under `(none)`.
    """
    counts: Counter[str] = Counter()
    for each in held(table):
        counts[each.school_id] += pq.read_metadata(objects.opened(each.object)).num_rows
    return counts


def discarded_rows(table: str) -> Counter[str]:
    """How many rows were discarded from quarantine, by school, as the ledger remembers."""
    counts: Counter[str] = Counter()
    for record in records(table):
        counts[record.school_id] += record.discarded
    return +counts


def caller() -> str:
    """Who this process is to AWS: the ARN that its credentials belong to."""
    return str(client("sts").get_caller_identity()["Arn"])


def record(table: str, load_id: str, school_id: str) -> Record:
    """What the ledger knows of a holding; an empty record where it was never touched."""
    item = ledger_table.get(_key(table, load_id, school_id))
    return Record(table, load_id, school_id) if item is None else _record(table, item)


def records(table: str) -> Iterator[Record]:
    """What the ledger knows of all holdings of a table that were ever touched, by load and school."""
    return (_record(table, item) for item in ledger_table.items(_key(table, "", "")["PK"]))


def begin(before: Record, change: Change, fence: Action) -> Record:
    """Notes what will be done to a holding.

    Raises:
        HoldingBusyError: The record is another by now, or the lease was lost.
    """
    return _write(before, replace(before, open=change), fence)


def end(before: Record, fence: Action) -> Record:
    """Notes that the open change is done, and counts its rows.

    Raises:
        HoldingBusyError: The record is another by now, or the lease was lost.
    """
    change = before.open
    if change is None:
        raise ValueError(f"holding {before.load_id} of {before.school_id} has no open change to end")
    released = before.released + change.rows * (change.deed is Deed.RELEASE)
    discarded = before.discarded + change.rows * (change.deed is Deed.DISCARD)
    done = (*before.done, change)
    return _write(
        before, replace(before, released=released, discarded=discarded, open=None, done=done), fence
    )


def forget(before: Record, fence: Action) -> Record:
    """Notes that the open change never happened.

    Raises:
        HoldingBusyError: The record is another by now, or the lease was lost.
    """
    return _write(before, replace(before, open=None), fence)


def _write(before: Record, after: Record, fence: Action) -> Record:
    after = replace(after, version=before.version + 1)
    item = {**_key(after.table, after.load_id, after.school_id), **asdict(after)}
    unmoved = "attribute_not_exists(PK) OR #version = :version"
    names, values = {"#version": "version"}, {":version": before.version}
    try:
        ledger_table.write([ledger_table.put_if(item, unmoved, values, names), fence])
    except ConditionError as error:
        raise HoldingBusyError(
            f"the {before.table} rows of {before.school_id} in load {before.load_id} are being changed by "
            "another run: let it finish, then look again with `luca quarantine show`"
        ) from error
    return after


def _key(table: str, load_id: str, school_id: str) -> dict[str, str]:
    return {"PK": f"HOLDING#{table}", "SK": f"{load_id}#{school_id}"}


def _record(table: str, item: Mapping[str, Any]) -> Record:
    return Record(
        table,
        item["load_id"],
        item["school_id"],
        item["version"],
        item["released"],
        item["discarded"],
        _change(item["open"]) if item.get("open") else None,
        tuple(_change(each) for each in item["done"]),
    )


def _change(item: Mapping[str, Any]) -> Change:
    return Change(**{**item, "deed": Deed(item["deed"])})

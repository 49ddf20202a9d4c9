"""Rewrites of partitions in the ledger: what is under way, where partitions are, what waits to be deleted.

| item | PK | SK |
|---|---|---|
| a rewrite under way | `REWRITE#{table}` | `{rewrite_id}` |
| where a partition is that was ever rewritten | `PLACE#{table}` | `2029/2026/02/school_1` |
| a generation that nobody reads any more | `RETIRED#{table}` | its prefix |

What a rewrite is going to do is written before it does anything, as `rewrites/{table}/{rewrite_id}.json` of
the lake bucket: it names every file, of which there may be more than an item can hold.

Each change is one transaction with the fence of the table's lease. A generation's number is handed out
once and never again, so what a late writer leaves behind is never taken for somebody else's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum

from adapters import lake, ledger_table
from adapters.lake import PartitionValues
from adapters.leases import Lease, LeaseLostError
from adapters.ledger_table import ConditionError
from adapters.settings import setting
from adapters.transactions import Action
from transforms.calendar import utc_text

PARTITIONS_TOGETHER = 90  # one transaction opens a rewrite, and holds 100 actions


class RewriteState(StrEnum):
    """How far a rewrite came."""

    WRITING = "writing"  # nobody reads what it writes; who finds it so undoes it
    WRITTEN = "written"  # all is there; who finds it so finishes it


@dataclass(frozen=True, slots=True)
class Move:
    """One partition of a rewrite.

    Attributes:
        partition: Its values.
        source: Where its files are, a prefix of the lake bucket; None where the partition is new.
        target: Where they go.
        files: Names of the source's files that the rewrite has read.
    """

    partition: PartitionValues
    source: str | None
    target: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A rewrite under way.

    Attributes:
        table: The lake table.
        rewrite_id: Its name.
        work: What it is for: `compaction`, `erase`.
        every_version: Whether old versions of the partitions' objects are deleted with them.
        moves: Its partitions, in the order in which they move.
        state: How far it came.
    """

    table: str
    rewrite_id: str
    work: str
    every_version: bool
    moves: tuple[Move, ...]
    state: RewriteState = RewriteState.WRITING


@dataclass(frozen=True, slots=True)
class Place:
    """What the ledger knows of a partition.

    Attributes:
        generation: The highest number that was handed out.
        place: Where its files are, a prefix of the lake bucket; None until a rewrite has moved it.
    """

    generation: int
    place: str | None


@dataclass(frozen=True, slots=True)
class Retired:
    """A generation that waits to be deleted.

    Attributes:
        place: Its prefix in the lake bucket.
        partition: Whose it was.
        retired_at: When it was found or left, aware.
        every_version: Whether its objects' versions go too, and those of all that was before it.
    """

    place: str
    partition: PartitionValues
    retired_at: datetime
    every_version: bool


def open_rewrite(
    rewrite: Rewrite, numbers: Mapping[PartitionValues, int], lease: Lease, now: datetime
) -> None:
    """Notes what is going to be done.

    Args:
        rewrite: At most `PARTITIONS_TOGETHER` partitions.
        numbers: By partition, the generation that it takes.
        lease: Of the table.
        now: Aware.

    Raises:
        LeaseLostError: Another run has the lease, or took one of the numbers.
    """
    plan = {"moves": [asdict(move) for move in rewrite.moves]}
    lake.write(
        setting("LAKE_BUCKET"),
        _plan_key(rewrite.table, rewrite.rewrite_id),
        json.dumps(plan).encode(),
        "application/json",
    )
    row = {
        **_rewrite_key(rewrite.table, rewrite.rewrite_id),
        "work": rewrite.work,
        "state": rewrite.state.value,
        "every_version": rewrite.every_version,
        "opened_at": utc_text(now),
    }
    higher = "attribute_not_exists(#generation) OR #generation < :generation"
    taken = [
        ledger_table.change(_place_key(rewrite.table, partition), {"generation": number}, higher)
        for partition, number in numbers.items()
    ]
    _fenced([ledger_table.put_new(row), *taken], rewrite, lease)


def note_written(rewrite: Rewrite, lease: Lease) -> Rewrite:
    """Notes that everything is written, and in which order the partitions move.

    Raises:
        LeaseLostError: Another run has the lease.
    """
    order = [_text(move.partition) for move in rewrite.moves]
    key = _rewrite_key(rewrite.table, rewrite.rewrite_id)
    writing = {":writing": RewriteState.WRITING.value}
    changes = {"state": RewriteState.WRITTEN.value, "order": order}
    _fenced([ledger_table.change(key, changes, "#state = :writing", writing)], rewrite, lease)
    return replace(rewrite, state=RewriteState.WRITTEN)


def note_moved(rewrite: Rewrite, move: Move, lease: Lease, now: datetime) -> None:
    """Notes that a partition is where its rewrite has put it, and that its source may go.

    Raises:
        LeaseLostError: Another run has the lease.
    """
    there = {"place": move.target, "rewrite_id": rewrite.rewrite_id, "moved_at": utc_text(now)}
    actions = [ledger_table.change(_place_key(rewrite.table, move.partition), there, "attribute_exists(PK)")]
    if move.source is not None:
        left = Retired(move.source, move.partition, now, rewrite.every_version)
        actions.append(_retired_action(rewrite.table, left))
    _fenced(actions, rewrite, lease)


def close_rewrite(rewrite: Rewrite, lease: Lease) -> None:
    """Forgets a rewrite that is done or undone.

    Raises:
        LeaseLostError: Another run has the lease.
    """
    key = _rewrite_key(rewrite.table, rewrite.rewrite_id)
    _fenced([ledger_table.delete_if(key, "attribute_exists(PK)")], rewrite, lease)


def open_rewrites(table: str) -> list[Rewrite]:
    """The rewrites of a table that were not ended."""
    found = []
    for item in ledger_table.items(f"REWRITE#{table}"):
        plan = json.loads(lake.read(setting("LAKE_BUCKET"), _plan_key(table, item["SK"])))
        moves = {
            _text(move["partition"]): Move(
                tuple(move["partition"]), move["source"], move["target"], tuple(move["files"])
            )
            for move in plan["moves"]
        }
        ordered = tuple(moves[partition] for partition in item.get("order", moves))
        state = RewriteState(item["state"])
        found.append(Rewrite(table, item["SK"], item["work"], item["every_version"], ordered, state))
    return found


def places(table: str, partitions: Iterable[PartitionValues]) -> dict[PartitionValues, Place]:
    """What the ledger knows of some partitions; those that were never rewritten are left out."""
    wanted = {_text(partition): partition for partition in partitions}
    found = ledger_table.get_many([_place_key(table, partition) for partition in wanted.values()])
    return {wanted[item["SK"]]: _place(item) for item in found}


def all_places(table: str) -> dict[PartitionValues, Place]:
    """What the ledger knows of every partition that was ever rewritten."""
    return {tuple(item["SK"].split("/")): _place(item) for item in ledger_table.items(f"PLACE#{table}")}


def retire(table: str, left: Retired, lease: Lease) -> None:
    """Notes that a generation may be deleted.

    Raises:
        LeaseLostError: Another run has the lease.
    """
    lease.write([_retired_action(table, left)])


def retired(table: str) -> Iterator[Retired]:
    """The generations that wait to be deleted."""
    for item in ledger_table.items(f"RETIRED#{table}"):
        yield Retired(
            item["SK"],
            tuple(item["partition"].split("/")),
            datetime.fromisoformat(item["retired_at"]),
            item["every_version"],
        )


def forget_retired(table: str, left: Retired) -> None:
    """Forgets a generation that was deleted."""
    key = {"PK": f"RETIRED#{table}", "SK": left.place}
    ledger_table.write([ledger_table.delete_if(key, "attribute_exists(PK)")])


def _fenced(actions: Sequence[Action], rewrite: Rewrite, lease: Lease) -> None:
    try:
        lease.write(actions)
    except ConditionError as error:
        if not error.places:  # it met others of the same items, again and again
            raise
        raise LeaseLostError(
            f"the ledger refused {lease.holder}: another run went on with {rewrite.work} "
            f"{rewrite.rewrite_id} of {rewrite.table}; run it again"
        ) from error


def _retired_action(table: str, left: Retired) -> Action:
    item = {
        "PK": f"RETIRED#{table}",
        "SK": left.place,
        "partition": _text(left.partition),
        "retired_at": utc_text(left.retired_at),
        "every_version": left.every_version,
    }
    return ledger_table.put_over(item)


def _place(item: Mapping[str, object]) -> Place:
    return Place(int(str(item["generation"])), str(item["place"]) if "place" in item else None)


def _text(partition: Iterable[str]) -> str:
    return "/".join(partition)


def _rewrite_key(table: str, rewrite_id: str) -> dict[str, str]:
    return {"PK": f"REWRITE#{table}", "SK": rewrite_id}


def _place_key(table: str, partition: PartitionValues) -> dict[str, str]:
    return {"PK": f"PLACE#{table}", "SK": _text(partition)}


def _plan_key(table: str, rewrite_id: str) -> str:
    return f"rewrites/{table}/{rewrite_id}.json"

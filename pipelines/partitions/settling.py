"""Where partitions are: rewrites that were left open are ended, and Glue says what the ledger says.

Glue changes a partition without a condition, so a process that lost its lease while a call of it was
under way may still name an older generation. The ledger refuses such a process, so the ledger is what
counts: whoever writes to a partition asks `places`, which puts Glue right, and `heal` does so for a table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from adapters import generations, lake, rewrites
from adapters.lake import PartitionValues
from adapters.leases import Lease
from adapters.rewrites import Place, Rewrite, RewriteState


class Disagreement(NamedTuple):
    """A partition that Glue and the ledger have in different places.

    Attributes:
        partition: Its values.
        glue: Where Glue has it, a prefix of the lake bucket.
        ledger: Where the ledger has it.
    """

    partition: PartitionValues
    glue: str
    ledger: str


def settle(table: str, lease: Lease, now: datetime, say: Callable[[str], None] = lambda text: None) -> int:
    """Ends the rewrites of a table that were left open. Who writes to the table does this first.

    Args:
        table: The lake table.
        lease: Of the table.
        now: Aware.
        say: Told of each.

    Returns:
        How many there were.
    """
    left = rewrites.open_rewrites(table)
    for rewrite in left:
        if rewrite.state is RewriteState.WRITING:
            say(f"undoing {rewrite.work} {rewrite.rewrite_id}, which was killed")
            undo(rewrite, lease)
        else:
            say(f"finishing {rewrite.work} {rewrite.rewrite_id}, which was killed")
            finish(rewrite, lease, now)
    return len(left)


def undo(rewrite: Rewrite, lease: Lease) -> None:
    """Removes what a rewrite wrote before all was written, and forgets it."""
    for move in rewrite.moves:
        lease.check()
        generations.delete(move.target)
    rewrites.close_rewrite(rewrite, lease)


def finish(rewrite: Rewrite, lease: Lease, now: datetime) -> None:
    """Moves the partitions of a rewrite of which all is written; those that have moved stay.

    Files that came to a source after it was read go with it: nobody who keeps to the lease writes them, but
    no row is left behind for one who does not.
    """
    there = rewrites.places(rewrite.table, (move.partition for move in rewrite.moves))
    description = generations.described(rewrite.table)
    for move in rewrite.moves:
        if there[move.partition].place == move.target:
            continue
        if move.source is not None:
            known = set(move.files)
            for late in generations.objects(move.source):
                if late.name not in known:
                    generations.copy(late.key, f"{move.target}{late.name}")
        lease.check()
        generations.move_partition(rewrite.table, move.partition, move.target, description)
        rewrites.note_moved(rewrite, move, lease, now)
    rewrites.close_rewrite(rewrite, lease)


def places(table: str, wanted: Iterable[PartitionValues]) -> dict[PartitionValues, str]:
    """Where the files of partitions are, for one who writes to them; Glue is put right where it is wrong.

    A partition has its own copy of the table's columns in Glue, and Athena reads its files by that: one that
    is to get files of today's columns gets the columns first.

    Whoever asks holds the lease of the table, and has settled it.

    Args:
        table: The lake table.
        wanted: Which partitions; those that neither Glue nor the ledger knows are left out of the answer.

    Returns:
        By partition, the prefix in the lake bucket, which ends with `/`.
    """
    asked = list(wanted)
    found = lake.known_partitions(table, asked)
    there = {partition: known.place for partition, known in found.items()}
    right = {**there, **_moved(rewrites.places(table, asked))}
    columns = generations.described(table)["Columns"] if right else []
    wrong = {
        partition: place
        for partition, place in right.items()
        if partition not in found or found[partition] != (place, columns)
    }
    if wrong:
        generations.move_partitions(table, wrong)
    return right


def disagreements(table: str) -> list[Disagreement]:
    """The partitions of a table that Glue and the ledger have in different places.

    One that Glue does not know at all is none of them: what was taken out of the catalog stays out.
    """
    moved = _moved(rewrites.all_places(table))
    known = generations.partitions(table) if moved else ()
    return [
        Disagreement(partition, place, moved[partition])
        for partition, place in known
        if moved.get(partition, place) != place
    ]


def heal(table: str, lease: Lease) -> list[Disagreement]:
    """Makes Glue say what the ledger says of every partition of a table; returns what it changed."""
    found = disagreements(table)
    lease.check()
    if found:
        generations.move_partitions(table, {each.partition: each.ledger for each in found})
    return found


def _moved(known: Mapping[PartitionValues, Place]) -> dict[PartitionValues, str]:
    return {partition: place.place for partition, place in known.items() if place.place is not None}

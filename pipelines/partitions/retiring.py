"""Generations that nobody reads any more are deleted, after the queries that still do have ended."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from adapters import generations, rewrites
from adapters.leases import Lease
from pipelines.partitions import settling

GRACE = timedelta(hours=1)  # longer than Athena lets a query run (30 minutes by default)


class Deleted(NamedTuple):
    """What was deleted.

    Attributes:
        generations: How many.
        objects: In them; versions where every version went.
    """

    generations: int
    objects: int


def delete_retired(table: str, lease: Lease, now: datetime, grace: timedelta = GRACE) -> Deleted:
    """Deletes the generations of a table that were left long enough ago.

    Args:
        table: The lake table.
        lease: Of the table.
        now: Aware.
        grace: How long a generation stays for the queries that read it.
    """
    due = [left for left in rewrites.retired(table) if left.retired_at + grace <= now]
    there = settling.places(table, {left.partition for left in due})
    deleted = Deleted(0, 0)
    for left in due:
        lease.check()
        if left.every_version:
            count = generations.delete_versions(generations.folder_of(left.place), but=there[left.partition])
        else:
            count = generations.delete(left.place)
        rewrites.forget_retired(table, left)
        deleted = Deleted(deleted.generations + 1, deleted.objects + count)
    return deleted

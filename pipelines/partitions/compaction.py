"""Compaction: partitions of many small files become partitions of one, or of a few large ones.

Loads leave a file in each partition that they write to, every few minutes. What is to be done is seen in the
listing of the lake; a partition that is compact is neither read nor written, so the work follows what came.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from adapters import lake, rewrites
from adapters.rewrites import Retired
from adapters.telemetry import NAMESPACE
from pipelines.partitions import settling, survey
from pipelines.partitions.files import FILE_BYTES
from pipelines.partitions.retiring import GRACE, Deleted, delete_retired
from pipelines.partitions.rewriting import Clock, Rewriter, Say, rewriting
from pipelines.partitions.survey import Generation
from transforms.lake_schema import LakeTable

SMALL = FILE_BYTES // 2  # bytes; of what is written anew only the last file may be smaller
MOST_SMALL = 8  # files below that, which a partition may have while rows still come
QUIET = timedelta(days=7)  # after which hardly any row comes: then two small files are one too many
PARTITIONS_AT_ONCE = 25  # share the steps of one rewrite
BYTES_AT_ONCE = 2**30
MOST_TIME = timedelta(minutes=20)  # loads give way meanwhile, and come again


@dataclass(frozen=True, slots=True)
class Wish:
    """What a compaction shall do.

    Attributes:
        older_than: Leave partitions alone into which something was written more lately.
        most_small: Small files that a partition may have.
        grace: How long an old generation stays for the queries that read it.
        most_time: After which nothing new is begun; the next run goes on.
    """

    older_than: timedelta = timedelta(0)
    most_small: int = MOST_SMALL
    grace: timedelta = GRACE
    most_time: timedelta = MOST_TIME


@dataclass(frozen=True, slots=True)
class Compacted:
    """What a compaction did.

    Attributes:
        table: The lake table.
        partitions: How many were written anew.
        left: How many more there were, when the time was over.
        files: Before and after.
        size: Bytes before and after.
        rows: In the partitions.
        deleted: Old generations that were deleted.
        healed: Partitions for which Glue had another place than the ledger.
        seconds: All in all.
    """

    table: str
    partitions: int = 0
    left: int = 0
    files: tuple[int, int] = (0, 0)
    size: tuple[int, int] = (0, 0)
    rows: int = 0
    deleted: Deleted = field(default_factory=lambda: Deleted(0, 0))
    healed: int = 0
    seconds: float = 0.0

    @property
    def summary(self) -> str:
        """One line for a person."""
        parts = ["every partition is compact"]
        if self.partitions:
            before, after = (f"{size / 2**20:,.1f}" for size in self.size)
            parts = [
                f"{self.partitions:,} partitions, {self.rows:,} rows: {self.files[0]:,} files → "
                f"{self.files[1]:,}, {before} → {after} MiB"
            ]
        if self.left:
            parts.append(f"{self.left:,} partitions are left for the next run")
        if self.deleted.generations:
            parts.append(
                f"deleted {self.deleted.generations:,} old generations ({self.deleted.objects:,} objects)"
            )
        if self.healed:
            parts.append(f"put {self.healed:,} partitions right in Glue")
        return "; ".join(parts)


def worth_it(found: Generation, wish: Wish, now: datetime) -> bool:
    """Whether a partition has so many small files that writing it anew is worth it."""
    small = sum(size < SMALL for size in found.sizes)
    age = max(now - datetime.fromtimestamp(found.newest, UTC), timedelta(0))  # S3 has a clock of its own
    return age >= wish.older_than and (small > wish.most_small or (small > 1 and age >= QUIET))


def wanting(table: LakeTable, wish: Wish, now: datetime) -> list[Generation]:
    """The generations that a compaction would write anew, those with the most small files first."""
    found = [each for each in survey.generations_of(table.name) if worth_it(each, wish, now)]
    return _most_first(table, found)


def compact(
    table: LakeTable,
    wish: Wish,
    *,
    say: Say = lambda text: None,
    clock: Clock = lambda: datetime.now(UTC),
    elapsed: Callable[[], float] = time.monotonic,
) -> Compacted:
    """Compacts a lake table, and deletes what earlier runs have left. Safe to run at any time, and again.

    Args:
        table: The lake table.
        wish: What shall be done.
        say: Told what is going on.
        clock: Gives the moment, aware.
        elapsed: Gives seconds since some moment.

    Raises:
        LeaseHeldError: A load, or other work, writes to the table: it is not disturbed.
        UnfinishedWorkError: A load has published some of its rows and was not finished.
        RowsUnreadableError: A file of the lake is broken. The partitions before it are done.
    """
    began = elapsed()
    with rewriting(table, "compaction", say=say, clock=clock) as rewriter:
        done = Compacted(table.name, healed=len(settling.heal(table.name, rewriter.lease)))
        found = list(survey.generations_of(table.name))
        _retire_strays(found, rewriter)
        done = replace(done, deleted=delete_retired(table.name, rewriter.lease, clock(), wish.grace))
        todo = _most_first(table, [each for each in found if worth_it(each, wish, clock())])
        for together in _together(todo):
            if elapsed() - began > wish.most_time.total_seconds():
                done = replace(done, left=len(todo) - done.partitions)
                break
            say(f"{done.partitions:,} of {len(todo):,} partitions")
            done = _add(done, rewriter, together)
    done = replace(done, seconds=round(elapsed() - began, 3))
    emit_metrics(done)
    return done


def emit_metrics(done: Compacted) -> None:
    """Sends a compaction's figures to CloudWatch, as EMF on standard output, unless a person reads that."""
    if sys.stdout.isatty():
        return
    metrics = EphemeralMetrics(namespace=NAMESPACE)
    metrics.add_dimension(name="table", value=done.table)
    metrics.add_metric("PartitionsCompacted", MetricUnit.Count, done.partitions)
    metrics.add_metric("PartitionsLeft", MetricUnit.Count, done.left)
    metrics.add_metric("PartitionsHealed", MetricUnit.Count, done.healed)
    metrics.add_metric("GenerationsDeleted", MetricUnit.Count, done.deleted.generations)
    metrics.add_metric("CompactionTime", MetricUnit.Seconds, done.seconds)
    metrics.flush_metrics()


def _add(done: Compacted, rewriter: Rewriter, together: list[Generation]) -> Compacted:
    results = rewriter.rewrite([each.partition for each in together]).values()
    return replace(
        done,
        partitions=done.partitions + len(results),
        files=(
            done.files[0] + sum(each.read.files for each in results),
            done.files[1] + sum(each.written.files for each in results),
        ),
        size=(
            done.size[0] + sum(each.read.size for each in results),
            done.size[1] + sum(each.written.size for each in results),
        ),
        rows=done.rows + sum(each.written.rows for each in results),
    )


def _most_first(table: LakeTable, found: list[Generation]) -> list[Generation]:
    """Those of the generations that Glue names, the most files first: what is left over matters least."""
    places = lake.partition_locations(table.name, [each.partition for each in found])
    named = (each for each in found if places.get(each.partition) == each.place)
    return sorted(named, key=lambda each: (-len(each.sizes), each.partition))


def _together(todo: list[Generation]) -> Iterator[list[Generation]]:
    together: list[Generation] = []
    for each in todo:
        size = sum(other.size for other in together)
        if together and (len(together) == PARTITIONS_AT_ONCE or size + each.size > BYTES_AT_ONCE):
            yield together
            together = []
        together.append(each)
    if together:
        yield together


def _retire_strays(found: list[Generation], rewriter: Rewriter) -> None:
    """Notes generations that nobody reads and nobody noted: what a process wrote that had lost its lease.

    Only of partitions whose rewriting the ledger knows of.
    """
    table = rewriter.table.name
    known, waiting = rewrites.all_places(table), {left.place for left in rewrites.retired(table)}
    unmoved = [partition for partition, place in known.items() if place.place is None]
    places = {
        **lake.partition_locations(table, unmoved),
        **{partition: place.place for partition, place in known.items() if place.place},
    }
    for each in found:
        if places.get(each.partition, each.place) != each.place and each.place not in waiting:
            left = Retired(each.place, each.partition, rewriter.clock(), every_version=False)
            rewrites.retire(table, left, rewriter.lease)

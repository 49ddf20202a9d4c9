"""A lake table: its landing files and its partitions, under the one lease that all its writers hold.

Of the lake only the partitions that hold some of the subject are written anew, each as one new generation.
Whatever else of the school's folders still holds some, generations that wait to be deleted and old versions,
goes by its version at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from adapters import generations, lake, ledger, object_versions
from adapters.batches import batches
from adapters.lake import PartitionValues
from adapters.object_versions import Version, VersionFile
from adapters.rewrites import PARTITIONS_TOGETHER
from adapters.settings import setting
from pipelines.erasure import parquet_rows
from pipelines.erasure.holders import Finding, Work, holding
from pipelines.erasure.objects import ObjectHolder
from pipelines.partitions import settling
from pipelines.partitions.rewriting import UnfinishedWorkError, rewriting
from transforms.lake_schema import PARTITION_KEYS, LakeTable
from transforms.retention.places import Place

WORK = "erasure"

_VALUES = re.compile("/".join(f"{key}=([^/]+)" for key in PARTITION_KEYS))


@dataclass(frozen=True, slots=True)
class TableHolder:
    """A lake table.

    Attributes:
        table: Which.
        landing: Its place in the landing.
        lake: Its place in the lake.
    """

    table: LakeTable
    landing: Place
    lake: Place

    @property
    def places(self) -> Sequence[Place]:
        """See `Holder`."""
        return (self.landing, self.lake)

    def find(self, work: Work) -> Iterator[Finding]:
        """See `Holder`."""
        yield from self._landing.find(work)
        for version, rows in self._held(work):
            yield Finding(self.lake.name, version.key, rows, version.size, version.version_id, version.latest)

    def remove(self, work: Work) -> None:
        """See `Holder`.

        Raises:
            LeaseHeldError: Another run writes to the table.
            UnfinishedWorkError: A load is open: it keeps to the files that it has claimed.
        """
        with rewriting(self.table, WORK, say=work.say) as rewriter:
            if open_load := ledger.the_open_load(self.table.name):
                raise UnfinishedWorkError(
                    f"load {open_load.load_id} of {self.table.name} is open and would publish rows that are "
                    f"erased now: run `luca load {self.table.name}`, then the erasure again"
                )
            self._landing.remove(replace(work, check=rewriter.lease.check))
            held = [version for version, _ in self._held(work)]
            there = settling.places(self.table.name, {partition_of(each.key) for each in held})
            wanted = sorted({partition_of(each.key) for each in held if _is_read(each, there)})
            for some in batches(wanted, PARTITIONS_TOGETHER):
                done = rewriter.rewrite(
                    some, lambda rows: parquet_rows.kept(rows, work.subject), every_version=True
                )
                work.meter.size += sum(each.read.size for each in done.values())
                work.output.size += sum(each.written.size for each in done.values())
                work.output.requests += sum(each.written.files for each in done.values())
            rewriter.lease.check()
            there = settling.places(self.table.name, {partition_of(each.key) for each in held})
            object_versions.delete(version for version, _ in self._held(work) if not _is_read(version, there))
            if work.subject.student_id is None:
                emptied = {partition_of(each.key) for each in held}
                _forget(self.table.name, sorted(emptied))

    @property
    def _landing(self) -> ObjectHolder:
        return ObjectHolder(self.landing, parquet_rows.count, parquet_rows.without, self.table.name)

    def _held(self, work: Work) -> Iterator[tuple[Version, int]]:
        folder = f"/school_id={work.subject.school_id}/"
        found = object_versions.versions(setting("LAKE_BUCKET"), self.lake.keys)
        return holding(
            (each for each in found if folder in each.key),
            lambda version: parquet_rows.count(VersionFile(version, work.meter), work.subject),
        )


def partition_of(key: str) -> PartitionValues:
    """The partition in whose folder an object of the lake is.

    Raises:
        ValueError: It is in none.
    """
    found = _VALUES.search(key)
    if found is None:
        raise ValueError(f"{key} is in no partition's folder of the lake: move it there or delete it")
    return found.groups()


def _is_read(version: Version, there: dict[PartitionValues, str]) -> bool:
    """Whether a reader of the lake sees a version."""
    place = there.get(partition_of(version.key))
    return version.latest and place is not None and version.key.startswith(place)


def _forget(table: str, emptied: Sequence[PartitionValues]) -> None:
    """Takes partitions that hold nothing any more out of the catalog."""
    known = lake.partition_locations(table, emptied)
    generations.drop_partitions(table, sorted(known))

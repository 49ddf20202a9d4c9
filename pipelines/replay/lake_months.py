"""What the lake holds of each month of each school, held against what it must."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass

import pyarrow as pa

from adapters import generations
from adapters.generations import LakeObject
from adapters.lake import PartitionValues
from pipelines.partitions.files import RowsUnreadableError, read_rows
from pipelines.replay.comparing import Expected, Found, Verdict, compare
from pipelines.replay.digests import without_delivery, without_pseudonyms
from pipelines.replay.span import SchoolMonth, Span
from transforms.lake_schema import LakeTable

Places = Mapping[PartitionValues, str]
"""Where partitions are: by their values, a prefix of the lake bucket."""


@dataclass(frozen=True)
class LakeMonths:
    """The months of a lake table that some days are in.

    Attributes:
        table: The lake table.
        span: Which days and schools.
        readers: Threads that fetch files.
        with_store: Whether they are held against the store: pseudonyms are compared only where both are of
            one version of the key, and what each delivery of an event changes is not.
    """

    table: LakeTable
    span: Span
    readers: Executor
    with_store: bool = False

    def places(self) -> dict[SchoolMonth, dict[PartitionValues, str]]:
        """The partitions of these days that Glue knows, and where they are."""
        found: dict[SchoolMonth, dict[PartitionValues, str]] = {}
        for partition, place in generations.partitions(self.table.name):
            _, *month_of = partition
            month = SchoolMonth(*month_of)
            if self.span.touches(month):
                found.setdefault(month, {})[partition] = place
        return found

    def compared(
        self, month: SchoolMonth, expected: Expected, places: Places, whole: Collection[str]
    ) -> Verdict:
        """Holds what a school's month must hold against what is there."""
        found, broken = Found(self.table), list[tuple[int, str]]()
        for partition, place in sorted(places.items()):
            cohort = int(partition[0])

            def note(file: LakeObject, error: RowsUnreadableError, cohort: int = cohort) -> None:
                broken.append((cohort, file.name))

            for part in read_rows(list(generations.objects(place)), self.table, self.readers, note):
                found.add(cohort, self._comparable(part, expected))
        return compare(month, expected, found, whole, broken)

    def _comparable(self, part: pa.Table, expected: Expected) -> pa.Table:
        rows = part.filter(self.span.in_days(part[self.table.day]))
        return without_delivery(without_pseudonyms(rows, expected.versions)) if self.with_store else rows

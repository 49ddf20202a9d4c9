"""How many rows of each school and week the loads published, and how many the lake has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from adapters import generations, ledger
from adapters.lake import PartitionValues
from adapters.ledger import LoadState
from pipelines.load.result import WEEKS
from pipelines.load.rows import Array
from pipelines.partitions.files import read_rows
from transforms.calendar import iso_week, week_start
from transforms.lake_schema import LakeTable

pc: Any = pyarrow.compute  # its stubs know one kind of array a call

# A load may publish an event that is some minutes ahead of the clock, on a date that is a day ahead of UTC's.
AHEAD = timedelta(days=2)


def by_week(days: pa.ChunkedArray[Any]) -> Counter[date]:
    """How many days are in each ISO week, by its Monday.

    Args:
        days: Dates.
    """
    found, counts = np.unique(np.asarray(days.combine_chunks()), return_counts=True)
    weeks: Counter[date] = Counter()
    for day, count in zip(found.astype("M8[D]").tolist(), counts.tolist(), strict=True):
        weeks[week_start(day)] += count
    return weeks


@dataclass(frozen=True)
class Books:
    """What the loads' own counts say of a lake table.

    Attributes:
        table: The lake table.
        places: Where its partitions are.
        readers: Threads that fetch files.
        now: Aware.
    """

    table: LakeTable
    places: Mapping[PartitionValues, str]
    readers: Executor
    now: datetime

    def published(self, school_id: str, weeks: Collection[date]) -> Counter[date]:
        """How many rows of a school the loads published, by week; what has been removed since still counts.

        Args:
            school_id: The school.
            weeks: Their Mondays.
        """
        names = {iso_week(monday): monday for monday in weeks}
        counted: Counter[date] = Counter()
        if not weeks:
            return counted
        for load in ledger.loads_opened(self.table.name, min(weeks) - AHEAD, self.now.date()):
            if load.state is LoadState.PUBLISHED:
                for shard in ledger.shards(load).values():
                    noted = shard.schools.get(school_id, {}).get(WEEKS) or {}
                    for name, count in noted.items():
                        if name in names:
                            counted[names[name]] += int(count)
        return counted

    def in_lake(
        self,
        school_id: str,
        weeks: Collection[date],
        places: Mapping[PartitionValues, str],
        once: Array,
    ) -> Counter[date]:
        """How many rows of a school the lake has, by week; those of files that cannot be read do not count.

        Args:
            school_id: The school.
            weeks: Their Mondays.
            places: Where partitions are that are not, or no longer, where they were.
            once: Identities of which copies do not count.
        """
        months = {(f"{day:%Y}", f"{day:%m}") for week in weeks for day in (week, week + timedelta(days=6))}
        counted: Counter[date] = Counter()
        seen: set[str] = set()
        for (_, year, month, school), place in sorted({**self.places, **places}.items()):
            if school == school_id and (year, month) in months:
                files = list(generations.objects(place))
                for rows in read_rows(files, self.table, self.readers, lambda file, error: None):
                    counted.update(self._counted(rows, once, seen))
        return Counter({week: counted[week] for week in weeks})

    def _counted(self, rows: pa.Table, once: Array, seen: set[str]) -> Counter[date]:
        mine = pc.is_in(rows[self.table.identity], value_set=once)
        counted = by_week(rows.filter(pc.invert(mine))[self.table.day])
        named = rows.filter(mine).select([self.table.identity, self.table.day])
        for identity, day in zip(*(column.to_pylist() for column in named.columns), strict=True):
            if identity not in seen:
                seen.add(identity)
                counted[week_start(day)] += 1
        return counted


def differences(after: Counter[date], published: Counter[date]) -> dict[date, str]:
    """In words, the weeks of which the lake would not have what the loads published, by their Mondays."""
    return {
        week: f"{iso_week(week)}: {after[week]:,} rows would be in the lake, and the loads published "
        f"{published[week]:,}"
        for week in {*after, *published}
        if after[week] != published[week]
    }

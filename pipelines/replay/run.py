"""A replay: each month of each school is compared, and made anew where that is wished and it differs.

A comparison takes no lease and changes nothing. What makes anew holds the lease of the table from before the
landing is read until the last partition has moved, so that no load, erasure or release comes in between.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute

from adapters import generations, lake
from adapters.lake import PartitionValues
from pipelines.partitions import settling
from pipelines.partitions.rewriting import READERS, Clock, Rewriter, Say, rewriting
from pipelines.replay import landing
from pipelines.replay.comparing import Compared, Expected, Verdict
from pipelines.replay.lake_months import LakeMonths, Places
from pipelines.replay.result import Left, NothingRetainedError, Replayed
from pipelines.replay.retained import LANDING_KEPT, Retained, retained
from pipelines.replay.shelf import Shelf
from pipelines.replay.source import Source
from pipelines.replay.span import SchoolMonth, Span
from transforms.lake_schema import LakeTable

pc: Any = pyarrow.compute  # its stubs know one kind of array a call

WORK = "replay"


class ReplayFailedError(RuntimeError):
    """A partition was made anew and is still not what it must be: a fault of ours."""


def replay(
    table: LakeTable,
    span: Span,
    *,
    apply: bool = False,
    say: Say = lambda text: None,
    clock: Clock = lambda: datetime.now(UTC),
) -> Replayed:
    """Compares the lake with what the landing says it must hold, and makes it so where that is wished.

    Args:
        table: The lake table.
        span: Local days and schools.
        apply: Make partitions that differ anew. Safe to run again at any time, after a crash too.
        say: Told what is going on.
        clock: Gives the moment, aware.

    Raises:
        NothingRetainedError: The landing has nothing of these days.
        ReplayFailedError: A partition that was made anew is not as it must be.
        LeaseHeldError: Another run writes to the table; only with `apply`.
        UnfinishedWorkError: A load has to be ended first; only with `apply`.
    """
    if not apply:
        with ThreadPoolExecutor(READERS, thread_name_prefix="read") as readers:
            return _Replay(table, span, LakeMonths(table, span, readers), say, None).run(clock())
    with rewriting(table, WORK, say=say, clock=clock) as rewriter:
        settling.heal(table.name, rewriter.lease)
        months = LakeMonths(table, span, rewriter.readers)
        return _Replay(table, span, months, say, rewriter).run(clock())


@dataclass(frozen=True)
class _Replay:
    """One replay under way; without a rewriter it only compares."""

    table: LakeTable
    span: Span
    months: LakeMonths
    say: Say
    rewriter: Rewriter | None

    def run(self, now: datetime) -> Replayed:
        kept = retained(self.table, now)
        partitions: list[Compared] = []
        healed: list[Compared] = []
        left: list[Left] = []
        with tempfile.TemporaryDirectory(prefix="luca-replay-") as folder:
            shelf = Shelf(self.table, Path(folder))
            landing.put_on(shelf, kept, self.span, self.months.readers, self.say)
            there = self.months.places()
            every = sorted({*shelf.months, *there})
            for number, month in enumerate(every, 1):
                self.say(f"{number:,} of {len(every):,}: {month.school_id}, {month.year}-{month.month}")
                expected = Expected.of(shelf.take(month), self.table)
                verdict = self.months.compared(month, expected, there.get(month, {}), kept.whole)
                partitions += verdict.partitions
                if self.rewriter is not None and verdict.differing:
                    done, not_done = self._healed(self.rewriter, verdict, there.get(month, {}), kept)
                    healed += done
                    left += not_done
        if not any(each.expected or each.extra for each in partitions):
            raise NothingRetainedError(_nothing(self.table, self.span, kept, partitions))
        return Replayed(
            Source.LANDING,
            self.table.name,
            self.span,
            tuple(partitions),
            tuple(healed),
            tuple(left),
            kept.hours,
            applied=self.rewriter is not None,
        )

    def _healed(
        self, rewriter: Rewriter, verdict: Verdict, places: Places, kept: Retained
    ) -> tuple[list[Compared], list[Left]]:
        """Makes the differing partitions of a school's month anew, and compares them again."""
        wanted = [each.partition for each in verdict.differing]
        places = known_again(rewriter, wanted, places)
        now = self.months.compared(verdict.month, verdict.expected, places, kept.whole)
        refused = [each for each in now.differing if each.unreadable and not self._may_go(each, now, kept)]
        if refused:
            # What is missing in one cohort may be in the file of another that nobody can read.
            why = _unreadable(refused[0], self.span, verdict.month)
            return [], [Left(partition, why) for partition in wanted]

        def change(rows: pa.Table) -> pa.Table:
            gone = pc.and_(self.span.in_days(rows[self.table.day]), now.proven(rows, self.table.identity))
            return rows.filter(pc.invert(gone))

        if now.differing:
            rewriter.rewrite(
                [each.partition for each in now.differing],
                change,
                more=now.rows_for,
                unreadable=lambda file, error: self.say(f"without {file.key}, which cannot be read"),
            )
            places = settling.places(self.table.name, {*places, *wanted})
            now = self.months.compared(verdict.month, verdict.expected, places, kept.whole)
        refuse_differing(self.table, now)
        there = {each.partition: each for each in now.partitions}
        return [there.get(partition, Compared(partition)) for partition in wanted], []  # some are empty now

    def _may_go(self, broken: Compared, verdict: Verdict, kept: Retained) -> bool:
        """Whether all rows of files that cannot be read are among those that are expected."""
        if not self.span.covers(verdict.month):
            return False
        by_loads = all(name.rpartition("-")[0] in kept.whole for name in broken.unreadable)
        return by_loads or kept.has_all_of(verdict.month.days[0])


def known_again(
    rewriter: Rewriter, wanted: Sequence[PartitionValues], places: Places
) -> dict[PartitionValues, str]:
    """Tells Glue again of partitions that it has lost: their other rows would be passed over for ever."""
    table = rewriter.table.name
    known = {**places, **settling.places(table, wanted)}
    first = {each: lake.partition_path(table, each) for each in wanted if each not in known}
    lost = {each: place for each, place in first.items() if any(generations.objects(place))}
    if lost:
        rewriter.lease.check()
        lake.register_partitions(table, lost)
    return {**known, **lost}


def refuse_differing(table: LakeTable, verdict: Verdict) -> None:
    """Says that partitions which were made anew are what they must be.

    Raises:
        ReplayFailedError: One of them is not.
    """
    for each in verdict.differing:
        raise ReplayFailedError(
            f"partition {'/'.join(each.partition)} of {table.name} was made anew and still differs: "
            f"{each.missing:,} rows missing, {each.extra:,} extra, {each.different:,} different: a fault "
            "of ours; its generation before waits for compaction to delete it"
        )


def other_days_too(names: Sequence[str], month: SchoolMonth) -> str:
    """Why files that cannot be read stop a replay of some days of their month, and the way out."""
    first, last = month.days
    way_out = f"replay the month, --from {first} --to {last}"
    return f"{', '.join(names)} cannot be read and has other days too: {way_out}"


def _unreadable(broken: Compared, span: Span, month: SchoolMonth) -> str:
    if not span.covers(month):
        return other_days_too(broken.unreadable, month)
    return (
        f"{', '.join(broken.unreadable)} cannot be read, and may hold rows of loads whose landing files are "
        "gone: restore an older version of it in the lake bucket, which keeps them for 7 days"
    )


def _nothing(table: LakeTable, span: Span, kept: Retained, partitions: Sequence[Compared]) -> str:
    held = sum(each.found for each in partitions)
    has = "nothing at all"
    if kept.hours is not None:
        has = f"what was delivered from {kept.hours[0]} to {kept.hours[1]} (hours, UTC)"
    return (
        f"nothing to replay {table.name} of {span} from: the landing keeps {LANDING_KEPT.days} days and has "
        f"{has}, no row of these days that a load has published. The lake has {held:,} rows of them, which "
        "were left as they are"
    )

"""Partitions made anew from the events of the store, where the books of the loads prove the result.

The store cannot tell what a load held back, and forgets an event after 30 days. So a month of a school is
made anew only if the lake then has as many of its rows, week by week, as the loads have published. Rows that
the lake has right stay as they are, and so do those that the store does not know.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute

from adapters import generations, quarantine
from adapters.lake import PartitionValues
from adapters.stored_events import StoredEvents
from pipelines.load.rows import Array
from pipelines.partitions import settling
from pipelines.partitions.files import read_rows
from pipelines.partitions.rewriting import Clock, Rewriter, Say, rewriting
from pipelines.quarantine.changing import rows_of
from pipelines.replay.books import Books, by_week, differences
from pipelines.replay.comparing import Compared, Expected, Flags, Verdict
from pipelines.replay.digests import DELIVERY
from pipelines.replay.lake_months import LakeMonths, Places
from pipelines.replay.result import Left, Replayed
from pipelines.replay.run import WORK, known_again, other_days_too, refuse_differing
from pipelines.replay.shelf import Shelf
from pipelines.replay.source import Source
from pipelines.replay.span import SchoolMonth, Span
from pipelines.replay.stored import put_on
from transforms.calendar import week_start
from transforms.lake_schema import BEHAVIOR_EVENTS, LOAD_ID

pc: Any = pyarrow.compute  # its stubs know one kind of array a call

FROM_STORE = "from_store"  # the load of a row of which nobody knows any more which load published it


def rebuild_from_store(
    span: Span,
    store: StoredEvents,
    *,
    unproven: bool = False,
    say: Say = lambda text: None,
    clock: Clock = lambda: datetime.now(UTC),
) -> Replayed:
    """Makes the partitions of behaviour events that differ from the store anew.

    A row that comes back has the store's time of receipt and correlation id, names `FROM_STORE` as its load,
    and has the cohort and the pseudonyms of today. One whose content was wrong keeps its load and delivery.

    Args:
        span: Local days and schools.
        store: Where the events' items are read.
        unproven: Make also those anew whose counts are not those of the loads.
        say: Told what is going on.
        clock: Gives the moment, aware.

    Raises:
        NothingRetainedError: The store has nothing of these days.
        FunctionFailedError: The enricher failed.
        ReplayFailedError: A partition that was made anew is not as it must be.
        LeaseHeldError: Another run writes to the table.
        UnfinishedWorkError: A load has to be ended first.
    """
    with (
        rewriting(BEHAVIOR_EVENTS, WORK, say=say, clock=clock) as rewriter,
        tempfile.TemporaryDirectory(prefix="luca-replay-") as folder,
    ):
        settling.heal(BEHAVIOR_EVENTS.name, rewriter.lease)
        now, shelf = clock(), Shelf(BEHAVIOR_EVENTS, Path(folder))
        put_on(shelf, span, store, now, say)
        months = LakeMonths(BEHAVIOR_EVENTS, span, rewriter.readers, with_store=True)
        places = dict(generations.partitions(BEHAVIOR_EVENTS.name))
        books = Books(BEHAVIOR_EVENTS, places, rewriter.readers, now)
        return _Rebuild(span, months, books, rewriter, unproven, say).run(shelf)


class _Remade(NamedTuple):
    """Rows that take the place of all that have their identity."""

    rows: pa.Table
    cohort: np.ndarray

    def of(self, partition: PartitionValues) -> pa.Table:
        return self.rows.filter(pa.array(self.cohort == int(partition[0])))


@dataclass(frozen=True)
class _Rebuild:
    """One rebuild under way."""

    span: Span
    months: LakeMonths
    books: Books
    rewriter: Rewriter
    unproven: bool
    say: Say

    def run(self, shelf: Shelf) -> Replayed:
        partitions: list[Compared] = []
        healed: list[Compared] = []
        left: list[Left] = []
        there = self.months.places()
        held = _held_back(self.span)
        every = sorted({*shelf.months, *there}, key=lambda month: (month.school_id, month))
        for school_id, months in groupby(every, key=lambda month: month.school_id):
            verdicts: list[Verdict] = []
            for month in months:
                self.say(f"{school_id}, {month.year}-{month.month}")
                rows = shelf.take(month)
                rows = rows.filter(pc.invert(pc.is_in(rows[BEHAVIOR_EVENTS.identity], value_set=held)))
                expected = Expected.of(rows, BEHAVIOR_EVENTS, of_store=True)
                verdicts.append(self.months.compared(month, expected, there.get(month, {}), frozenset()))
            partitions += (each for verdict in verdicts for each in verdict.partitions)
            if any(verdict.differing for verdict in verdicts):
                done, not_done = self._healed(school_id, verdicts, there)
                healed += done
                left += not_done
        return Replayed(
            Source.STORE,
            BEHAVIOR_EVENTS.name,
            self.span,
            tuple(partitions),
            tuple(healed),
            tuple(left),
            applied=True,
        )

    def _healed(
        self, school_id: str, verdicts: Sequence[Verdict], there: Mapping[SchoolMonth, Places]
    ) -> tuple[list[Compared], list[Left]]:
        """Makes the differing partitions of a school anew, and compares them again."""
        wanted = {each.month: [part.partition for part in each.differing] for each in verdicts}
        places = {
            month: known_again(self.rewriter, parts, there.get(month, {})) for month, parts in wanted.items()
        }
        # A partition that Glue had lost may hold more than was seen.
        now = [
            self.months.compared(each.month, each.expected, places[each.month], frozenset())
            if each.differing
            else each
            for each in verdicts
        ]
        unlike = {} if self.unproven else self._unlike(school_id, now, places)
        healed: list[Compared] = []
        left: list[Left] = []
        for verdict in now:
            parts = wanted[verdict.month]
            if why := self._doubt(verdict, unlike):
                left += (Left(partition, why) for partition in parts)
            else:
                found = self._made_right(verdict, places[verdict.month], parts)
                healed += (found.get(partition, Compared(partition)) for partition in parts)
        return healed, left

    def _made_right(
        self, verdict: Verdict, places: Places, parts: Sequence[PartitionValues]
    ) -> dict[PartitionValues, Compared]:
        """Makes the differing partitions of a school's month anew; how all of the month compare then."""
        if verdict.differing:
            self._rewrite(verdict, places)
            known = settling.places(BEHAVIOR_EVENTS.name, {*places, *parts})
            verdict = self.months.compared(verdict.month, verdict.expected, known, frozenset())
            refuse_differing(BEHAVIOR_EVENTS, verdict)
        return {each.partition: each for each in verdict.partitions}

    def _unlike(
        self, school_id: str, verdicts: Sequence[Verdict], places: Mapping[SchoolMonth, Places]
    ) -> dict[date, str]:
        """The weeks of a school of which the lake would not have what the loads published, and in words."""
        weeks = {week for verdict in verdicts for week in self._weeks(verdict)}
        known = {partition: place for each in places.values() for partition, place in each.items()}
        once = pa.chunked_array([each.expected.identity for each in verdicts], pa.string()).combine_chunks()
        after = self.books.in_lake(school_id, weeks, known, once)
        for verdict in verdicts:
            coming = by_week(verdict.expected.rows.filter(pa.array(verdict.absent))[BEHAVIOR_EVENTS.day])
            after.update({week: count for week, count in coming.items() if week in weeks})
        return differences(after, self.books.published(school_id, weeks))

    def _weeks(self, verdict: Verdict) -> set[date]:
        """The weeks of which rows are written anew: all of the month where a file cannot be read."""
        if any(each.unreadable for each in verdict.partitions):
            first, last = verdict.month.days
            return {week_start(first + timedelta(days=day)) for day in range((last - first).days + 1)}
        changed = verdict.expected.rows.filter(pa.array(_changed(verdict)))
        return set(by_week(changed[BEHAVIOR_EVENTS.day]))

    def _doubt(self, verdict: Verdict, unlike: Mapping[date, str]) -> str:
        """Why it is not proven that a month will be what the loads made of it; empty where it is."""
        broken = [name for each in verdict.partitions for name in each.unreadable]
        if broken and not self.span.covers(verdict.month):
            return other_days_too(broken, verdict.month)
        mine = [unlike[week] for week in sorted(self._weeks(verdict)) if week in unlike]
        if not mine:
            return ""
        return (
            f"not proven: {'; '.join(mine)}. More: some wait to be loaded, or were held back and "
            "discarded. Fewer: the store has forgotten them, or their student was erased. --unproven "
            "makes it anew all the same"
        )

    def _rewrite(self, verdict: Verdict, places: Places) -> None:
        remade = self._remade(verdict, places)
        identities = remade.rows[BEHAVIOR_EVENTS.identity].combine_chunks()

        def change(rows: pa.Table) -> pa.Table:
            return rows.filter(pc.invert(self._of_span(rows, identities)))

        self.rewriter.rewrite(
            [each.partition for each in verdict.differing],
            change,
            more=remade.of,
            unreadable=lambda file, error: self.say(f"without {file.key}, which cannot be read"),
        )

    def _of_span(self, rows: pa.Table, identities: Array) -> Array:
        there = pc.is_in(rows[BEHAVIOR_EVENTS.identity], value_set=identities)
        return pc.and_(self.span.in_days(rows[BEHAVIOR_EVENTS.day]), there)  # type: ignore[no-any-return]

    def _remade(self, verdict: Verdict, places: Places) -> _Remade:
        """The store's rows that are not there or not right, with what is known of their load and delivery."""
        changed = _changed(verdict)
        rows, cohort = verdict.expected.rows.filter(pa.array(changed)), verdict.cohort[changed]
        names = (LOAD_ID.name, *DELIVERY)
        known = self._standing(rows[BEHAVIOR_EVENTS.identity].combine_chunks(), places, names)
        own: list[tuple[Any, ...]] = []
        columns = [rows[name].to_pylist() for name in (BEHAVIOR_EVENTS.identity, *names)]
        for number, (identity, _, *delivery) in zip(cohort.tolist(), zip(*columns, strict=True), strict=True):
            by_cohort = known.get(identity, {})
            standing = by_cohort.get(number) or next(iter(by_cohort.values()), None)
            own.append(standing or (FROM_STORE, *delivery))
        for place, name in enumerate(names):
            at = rows.schema.get_field_index(name)
            values = pa.array([each[place] for each in own], rows.schema.field(name).type)
            rows = rows.set_column(at, rows.schema.field(name), values)
        return _Remade(rows, cohort)

    def _standing(
        self, identities: Array, places: Places, names: tuple[str, ...]
    ) -> dict[str, dict[int, tuple[Any, ...]]]:
        """Some columns of the lake's rows of these identities, by identity and cohort."""
        found: dict[str, dict[int, tuple[Any, ...]]] = {}
        for partition, place in sorted(places.items()):
            files = list(generations.objects(place))
            for part in read_rows(files, BEHAVIOR_EVENTS, self.months.readers, lambda file, error: None):
                rows = part.filter(self._of_span(part, identities)).select([BEHAVIOR_EVENTS.identity, *names])
                for identity, *own in zip(*(column.to_pylist() for column in rows.columns), strict=True):
                    found.setdefault(identity, {}).setdefault(int(partition[0]), tuple(own))
        return found


def _changed(verdict: Verdict) -> Flags:
    """By expected row, whether it is written anew."""
    again: Flags = np.asarray(pc.is_in(verdict.expected.identity, value_set=verdict.extra)).astype(bool)
    return np.logical_or(verdict.absent | verdict.unequal, again)


def _held_back(span: Span) -> Array:
    """Identities of the rows that wait in quarantine: no rebuild may publish them."""
    parts = [
        rows_of(each.object)[BEHAVIOR_EVENTS.identity].combine_chunks()
        for each in quarantine.held(BEHAVIOR_EVENTS.name)
        if not span.schools or each.school_id in span.schools
    ]
    return pa.chunked_array(parts, pa.string()).combine_chunks()

"""The rows of a load in memory: put in order, copies found, parted by school and partition. No I/O.

Rows are never moved here: every result is a list of row numbers, and only a part that is about
to be written is gathered. So a load holds its rows once, plus the part in hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from expectations.rules import NO_SCHOOL
from transforms import keys
from transforms.calendar import iso_week
from transforms.lake_schema import LakeTable

Numbers: TypeAlias = npt.NDArray[np.int64]
Array: TypeAlias = "pa.Array[Any]"

pc: Any = pyarrow.compute  # its stubs know one kind of array a call

_is_school = re.compile(keys.IDENTIFIER).match
# A code of a partition's keys that sorts as they do. Implausible values fold into the edges: their
# school is stopped by the rules, so they never name a partition.
_LAST_COHORT, _LAST_MONTH = 9_999, 99_999
_NO_DAY = -(2**31)
_EPOCH, _A_MONDAY = date(1970, 1, 1), -3  # days are counted from the one, weeks from the other
_FIRST_DAY, _LAST_DAY = 0, 84_005  # 1970-01-01 and 2199-12-31, in days since 1970
_MIXERS = np.random.default_rng(1).integers(1, 2**64, 64, np.uint64) | np.uint64(1)  # any odd numbers do
_WEEKS = _LAST_DAY // 7 + 2  # more than there are plausible ones


class Partition(NamedTuple):
    """A partition of the lake, its values as text in the order of the partition keys."""

    graduation_year: str
    year: str
    month: str
    school_id: str


Span: TypeAlias = tuple[Partition, int, int]
"""A partition, and where its rows begin and end in an order."""


@dataclass(frozen=True, slots=True)
class LoadRows:
    """The rows of a load.

    Attributes:
        table: The lake table.
        columns: The landing columns, one chunk each, in the order of the load's files; strings may be
            dictionaries.
        schools: Well-formed school ids in order; the last is `NO_SCHOOL`, for all other rows.
        school: By row, its place in `schools`.
        day: By row, days since 1970; the least int32 where missing.
        order: Row numbers by partition, day and place in the load's files, without copies.
        copies: Row numbers of the copies.
    """

    table: LakeTable
    columns: pa.Table
    schools: tuple[str, ...]
    school: Numbers
    day: Numbers
    order: Numbers
    copies: Numbers

    @property
    def landed(self) -> dict[str, int]:
        """Rows by school, copies included; only schools that have any."""
        return self._by_school(self.school)

    def count(self, order: Numbers) -> dict[str, int]:
        """Some rows by school; only schools that have any."""
        return self._by_school(self.school[order])

    def _by_school(self, school: Numbers) -> dict[str, int]:
        counts = np.bincount(school, minlength=len(self.schools)).tolist()
        return {name: count for name, count in zip(self.schools, counts, strict=True) if count}

    def weeks(self, order: Numbers) -> dict[str, dict[str, int]]:
        """Some rows by school and ISO week of their day, such as 2026-W06; all of plausible days."""
        # One number for school and week: numpy sorts pairs of numbers a hundred times slower than numbers.
        codes = self.school[order] * _WEEKS + (self.day[order] - _A_MONDAY) // 7
        found, counts = np.unique(codes, return_counts=True)
        weeks: dict[str, dict[str, int]] = {}
        for code, count in zip(found.tolist(), counts.tolist(), strict=True):
            school, week = divmod(code, _WEEKS)
            monday = _EPOCH + timedelta(days=week * 7 + _A_MONDAY)
            weeks.setdefault(self.schools[school], {})[iso_week(monday)] = count
        return weeks

    def gathered(self, order: Numbers, names: Sequence[str] | None = None) -> pa.Table:
        """Some rows as they landed, in the order given; all columns or the named ones.

        No dictionary is left: it holds values of all schools' rows, and would be written with those of one.
        """
        columns = self.columns if names is None else self.columns.select(names)
        rows = cast("pa.Table", pc.take(columns, pa.array(order)))
        plain = {
            field.name: pc.dictionary_decode(rows[field.name])
            for field in rows.schema
            if pa.types.is_dictionary(field.type)
        }
        return pa.table({name: plain.get(name, rows[name]) for name in rows.column_names})

    @property
    def days(self) -> list[str]:
        """The distinct days of the rows in order, as ISO texts; implausible ones are left out.

        The rules stop the schools of those, so none of them is in the lake.
        """
        distinct = np.unique(self.day)
        plausible = distinct[(distinct >= _FIRST_DAY) & (distinct <= _LAST_DAY)]
        return [str(day) for day in plausible.astype("M8[D]")]


def prepare(columns: pa.Table, table: LakeTable) -> LoadRows:
    """Puts the rows of a load in order.

    Of copies (equal school and identity) the first in the order of the files stays. A row
    without identity is nobody's copy.

    Args:
        columns: As of `LoadRows.columns`.
        table: The lake table.
    """
    schools, school = _schools(_column(columns, "school_id"))
    day = _numbers(_column(columns, table.day).cast(pa.int32()), _NO_DAY)
    order = np.lexsort((day, _partition_codes(columns, school, day)))  # stable: equal ones keep their places
    copies = _copies(school, _column(columns, table.identity))
    if len(copies):
        kept = np.ones(len(school), bool)
        kept[copies] = False
        order = order[kept[order]]
    return LoadRows(table, columns, schools, school, day, order, copies)


def without(rows: LoadRows, order: Numbers, known: pa.Table) -> tuple[Numbers, Numbers]:
    """Parts the rows that the lake has from the others.

    Args:
        rows: The load.
        order: Row numbers.
        known: Columns `school_id` and `identity`: what the lake has of this load.

    Returns:
        Row numbers of the new rows and of those that the lake has, both in the order given.
    """
    place = {school: number for number, school in enumerate(rows.schools)}
    in_lake = np.zeros(len(rows.school), bool)
    identities = _column(rows.columns, rows.table.identity)
    for school in pc.unique(known["school_id"]).to_pylist():
        if school in place:
            mine = np.flatnonzero(rows.school == place[school])
            theirs = of_school(known, school)["identity"].combine_chunks()
            in_lake[mine[np.asarray(pc.is_in(pc.take(identities, mine), value_set=theirs))]] = True
    return order[~in_lake[order]], order[in_lake[order]]


def of_school(found: pa.Table, school: str) -> pa.Table:
    """The rows of a query's result that are of one school."""
    return found.filter(pc.equal(found["school_id"], school))


def part(rows: LoadRows, order: Numbers, stopped: Iterable[str]) -> tuple[Numbers, dict[str, Numbers]]:
    """Parts the rows to publish from those of the stopped schools.

    Args:
        rows: The load.
        order: Row numbers.
        stopped: Schools whose rows go to quarantine.

    Returns:
        Row numbers to publish, and row numbers by stopped school; all in the order given.
    """
    place = {school: number for number, school in enumerate(rows.schools)}
    school = rows.school[order]
    held = {name: order[school == place[name]] for name in sorted(stopped) if name in place}
    return order[~np.isin(school, [place[name] for name in held])], held


def partitions(rows: LoadRows, order: Numbers) -> Iterator[Span]:
    """Where each partition's rows stand in an order that follows the partitions.

    Yields:
        The partition, and the first and the last-but-one place in `order` of its rows.
    """
    codes = _partition_codes(rows.columns, rows.school, rows.day)[order]
    ends = [*(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)] if len(codes) else []
    start = 0
    for end in ends:
        row = int(order[start])
        year, month = str(np.datetime64(int(rows.day[row]), "D"))[:7].split("-")
        cohort = rows.columns["graduation_year"][row].as_py()
        yield Partition(str(cohort), year, month, rows.schools[rows.school[row]]), start, end
        start = end


def broken_rules(identities: Array, found: pa.Table, names: tuple[str, ...]) -> Array:
    """By row, the rules that its identity breaks.

    Args:
        identities: Of the rows of one school.
        found: Columns `identity` and `bits` of that school, from
            `expectations.rules.broken_rows_query`.
        names: Of the rules, in the order of the bits.

    Returns:
        Lists of strings, as many as rows; empty where a row breaks nothing itself.
    """
    kinds: Mapping[str, list[str]] = {
        bits: [name for name, bit in zip(names, bits, strict=True) if bit == "1"]
        for bits in pc.unique(found["bits"]).to_pylist()
    }
    place = pc.index_in(pc.fill_null(identities, ""), value_set=found["identity"].combine_chunks())
    bits = found["bits"].combine_chunks().take(place).to_pylist()
    return pa.array([kinds[text] if text else [] for text in bits], pa.list_(pa.string()))


def _column(columns: pa.Table, name: str) -> Array:
    return cast("Array", columns[name].chunk(0))


def _schools(column: Any) -> tuple[tuple[str, ...], Numbers]:
    encoded = column.dictionary_encode()
    found: list[Any] = encoded.dictionary.to_pylist()
    names = (*sorted(name for name in found if _is_school(name)), NO_SCHOOL)
    place = {name: number for number, name in enumerate(names)}
    # One more at the end, for the missing ones.
    renumber = np.array([*(place.get(name, len(names) - 1) for name in found), len(names) - 1], np.int64)
    return names, renumber[_numbers(encoded.indices, len(found))]


def _numbers(column: Array, missing: int) -> Numbers:
    return np.asarray(pc.fill_null(column, missing)).astype(np.int64)


def _partition_codes(columns: pa.Table, school: Numbers, day: Numbers) -> Numbers:
    cohort = np.clip(_numbers(_column(columns, "graduation_year"), 0), 0, _LAST_COHORT)
    month = np.clip(day, -1_000_000, 1_000_000).astype("M8[D]").astype("M8[M]").astype(np.int64)
    month = np.clip(month + _LAST_MONTH // 2, 0, _LAST_MONTH)
    return (cohort * (_LAST_MONTH + 1) + month) * (int(school.max(initial=0)) + 1) + school


def _copies(school: Numbers, identity: Array) -> Numbers:
    """Row numbers of all but the first row of each school and identity."""
    alike = _perhaps_repeated(identity)
    encoded = pc.take(identity, alike).dictionary_encode()
    pairs = school[alike] * max(len(encoded.dictionary), 1) + _numbers(encoded.indices, -1)
    first = np.unique(pairs, return_index=True)[1]
    return np.setdiff1d(alike, alike[first])


def _perhaps_repeated(identity: Array) -> Numbers:
    """Row numbers, ascending, among which are all that have an identity that another row has too.

    Most rows of a load are no copies, and a table of a million texts is the dearest way to find that out.
    """
    named = np.flatnonzero(np.asarray(identity.is_valid()))
    texts = identity if len(named) == len(identity) else pc.take(identity, named)
    if not len(texts):
        return named
    buffers: list[Any] = texts.buffers()
    _, places, characters = buffers
    ends = np.frombuffer(places, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    length = int(ends[1] - ends[0])
    words = length // 8
    if not words or (np.diff(ends) != length).any():
        return named
    table = np.frombuffer(characters, np.uint8)[ends[0] : ends[-1]].reshape(-1, length)
    sums = np.ascontiguousarray(table[:, -words * 8 :]).view(np.uint64) @ _MIXERS[:words]
    ordered = np.sort(sums)
    return named[np.isin(sums, ordered[1:][ordered[1:] == ordered[:-1]])]

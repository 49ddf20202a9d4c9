"""A month of a school: what it must hold, what it holds, and what becomes of each row."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from adapters.lake import PartitionValues
from pipelines.load.rows import Array, Numbers, prepare
from pipelines.replay.digests import (
    KEY_VERSION,
    SEPARATOR,
    Digests,
    digest_of,
    digests,
    without_delivery,
    without_pseudonyms,
)
from pipelines.replay.span import SchoolMonth
from transforms.lake_schema import LOAD_ID, LakeTable

pc: Any = pyarrow.compute  # its stubs know one kind of array a call

Flags: TypeAlias = npt.NDArray[np.bool_]

_NOWHERE = -1


@dataclass(frozen=True)
class Expected:
    """What a school's month must hold, one row an identity.

    Attributes:
        rows: In the lake's schema.
        cohort: By row, the cohort that it landed with.
        identity: By row.
        digest: By row.
        keyless: By row, the digest without pseudonyms, where rows of other key versions are compared by it.
        copies: Identity and load, in one text, of what landed again.
    """

    rows: pa.Table
    cohort: Numbers
    identity: Array
    digest: Digests
    keyless: Digests | None
    copies: Array

    @staticmethod
    def of(columns: pa.Table, table: LakeTable, *, of_store: bool = False) -> Expected:
        """What is expected by rows that landed.

        Args:
            columns: As of `pipelines.replay.shelf.Shelf.take`: of copies the first one counts.
            table: The lake table.
            of_store: Whether they are the store's: then pseudonyms count only in rows of the key's version
                here, and what another delivery of an event changes does not count.
        """
        names = table.lake_schema.names
        if not columns.num_rows:
            empty = table.lake_schema.empty_table()
            no_text: Array = pa.array([], pa.string())
            return Expected(empty, np.array([], np.int64), no_text, digests(empty, table), None, no_text)
        landed = prepare(columns, table)
        rows = landed.gathered(landed.order, [*names, "graduation_year"])
        cohort = np.asarray(rows["graduation_year"].combine_chunks()).astype(np.int64)
        rows = rows.select(names).cast(table.lake_schema)
        again = landed.gathered(landed.copies, [table.identity, LOAD_ID.name])
        copies = _pairs(again[table.identity], again[LOAD_ID.name])
        identity = rows[table.identity].combine_chunks()
        content = without_delivery(rows) if of_store else rows
        keyless = digests(without_pseudonyms(content, ()), table) if of_store else None
        return Expected(rows, cohort, identity, digests(content, table), keyless, copies)

    @property
    def versions(self) -> set[int]:
        """Versions of the school's key behind the pseudonyms."""
        return set(pc.unique(self.rows[KEY_VERSION]).to_pylist())


class Found:
    """What a school's month holds: of each row as much as is needed to tell it from others.

    Args:
        table: The lake table.
    """

    def __init__(self, table: LakeTable) -> None:
        self._table = table
        self._parts: list[tuple[Array, Array, Numbers, Digests]] = []

    def add(self, cohort: int, rows: pa.Table) -> None:
        """Takes rows of a cohort's partition, in the lake's schema."""
        self._parts.append(
            (
                rows[self._table.identity].combine_chunks(),
                rows[LOAD_ID.name].combine_chunks(),
                np.full(rows.num_rows, cohort, np.int64),
                digests(rows, self._table),
            )
        )

    @property
    def identity(self) -> Array:
        """By row."""
        return self._text(0)

    @property
    def load(self) -> Array:
        """By row, the load that published it."""
        return self._text(1)

    @property
    def cohort(self) -> Numbers:
        """By row, the cohort whose partition it is in."""
        return np.concatenate([part[2] for part in self._parts] or [np.array([], np.int64)])

    @property
    def digest(self) -> Digests:
        """By row."""
        return np.concatenate([part[3] for part in self._parts] or [np.empty((0, 2), np.uint64)])

    def _text(self, place: int) -> Array:
        return pa.chunked_array([part[place] for part in self._parts], pa.string()).combine_chunks()


@dataclass(frozen=True, slots=True)
class Compared:
    """A partition's rows of the days that were asked for.

    Attributes:
        partition: Its values.
        expected: Rows that it must hold.
        found: Rows that it holds, those of `unproven` among them.
        equal: Rows that are as they must be.
        missing: Rows that it must hold and does not.
        extra: Rows that it must not hold: copies, or none of what their load took.
        different: Rows with another content, or of another load.
        elsewhere: Rows that landed with this cohort and lie in another one's partition since.
        unproven: Rows of loads whose landing files are gone: nothing can be said of them.
        expected_digest: Of the expected rows' content, 32 hex digits.
        found_digest: Of the rows found, without those unproven.
        unreadable: Names of files that cannot be read.
    """

    partition: PartitionValues
    expected: int = 0
    found: int = 0
    equal: int = 0
    missing: int = 0
    extra: int = 0
    different: int = 0
    elsewhere: int = 0
    unproven: int = 0
    expected_digest: str = digest_of(np.empty((0, 2), np.uint64))
    found_digest: str = digest_of(np.empty((0, 2), np.uint64))
    unreadable: tuple[str, ...] = field(default=())

    @property
    def matches(self) -> bool:
        """Whether the partition holds what it must, and nothing else that can be told."""
        return not (self.missing or self.extra or self.different or self.unreadable)


@dataclass(frozen=True)
class Verdict:
    """What a school's month must hold, where, and what of it is to be replaced.

    Attributes:
        month: The school's month.
        partitions: How each compares.
        expected: What must be there.
        cohort: By expected row, the cohort in whose partition it is to be.
        load: By expected row, the load that it is to name.
        known: The loads whose rows are all known here.
        absent: By expected row, whether it is not there.
        unequal: By expected row, whether it is there with another content, or of another load.
        extra: Identities of rows that must not be there.
    """

    month: SchoolMonth
    partitions: tuple[Compared, ...]
    expected: Expected
    cohort: Numbers
    load: Array
    known: Array
    absent: Flags
    unequal: Flags
    extra: Array

    @property
    def differing(self) -> tuple[Compared, ...]:
        """The partitions that do not match."""
        return tuple(each for each in self.partitions if not each.matches)

    def rows_for(self, partition: PartitionValues) -> pa.Table:
        """The expected rows of a partition, in the lake's schema."""
        place = self.expected.rows.schema.get_field_index(LOAD_ID.name)
        rows = self.expected.rows.set_column(place, LOAD_ID.name, self.load)
        return rows.filter(pa.array(self.cohort == int(partition[0])))

    def proven(self, rows: pa.Table, identity: str) -> Array:
        """By row of the lake, whether it is one of those that `rows_for` replaces."""
        here = pc.is_in(rows[identity], value_set=self.expected.identity)
        made = pc.is_in(rows[LOAD_ID.name], value_set=self.known)
        return pc.or_(here, made)  # type: ignore[no-any-return]


def compare(
    month: SchoolMonth,
    expected: Expected,
    found: Found,
    whole: Collection[str],
    unreadable: Iterable[tuple[int, str]] = (),
) -> Verdict:
    """Holds what a school's month must hold against what it holds.

    Args:
        month: The school's month.
        expected: What it must hold.
        found: What it holds.
        whole: Loads whose landing files are all there: a row of theirs that is not expected is wrong.
        unreadable: Cohort and name of files that cannot be read.
    """
    identity, load, cohort, digest = found.identity, found.load, found.cohort, found.digest
    known: Array = pa.array(sorted(whole), pa.string())
    place = _numbers(pc.index_in(identity, value_set=expected.identity))
    stands = _standing(place, cohort, expected.cohort)
    there = stands != _NOWHERE
    target = np.where(there, np.append(cohort, 0)[stands], expected.cohort)
    by_known = np.append(_flags(pc.is_in(load, value_set=known)), False)
    theirs_digest = np.vstack([digest, np.zeros((1, 2), np.uint64)])[stands]
    same_content = there & (theirs_digest == expected.digest).all(axis=1)
    if expected.keyless is not None:
        same_content |= there & (theirs_digest == expected.keyless).all(axis=1)
    theirs = pc.take(load, pa.array(np.where(there, stands, 0), mask=~there))
    same_load = _flags(pc.equal(theirs, expected.rows[LOAD_ID.name].combine_chunks()))
    # Of copies the load that published one may be too old to be looked up, or have been opened in the same
    # moment as another one: any load that took the row may have published it.
    took = _flags(pc.is_in(_pairs(expected.identity, theirs), value_set=expected.copies)) | ~by_known[stands]
    same = same_content & (same_load | took)
    counts = np.zeros(len(cohort), bool)
    counts[stands[there]] = True
    extra = ~counts & ((place != _NOWHERE) | by_known[:-1])
    unproven = ~counts & ~extra
    broken: dict[int, list[str]] = {}
    for number, name in unreadable:
        broken.setdefault(number, []).append(name)
    cohorts = sorted({*np.unique(np.concatenate([target, cohort, expected.cohort])).tolist(), *broken})
    compared = tuple(
        Compared(
            month.partition(number),
            expected=int((mine := target == number).sum()),
            found=int((here := cohort == number).sum()),
            equal=int((mine & same).sum()),
            missing=int((mine & ~there).sum()),
            extra=int((here & extra).sum()),
            different=int((mine & there & ~same).sum()),
            elsewhere=int(((expected.cohort == number) & ~mine).sum()),
            unproven=int((here & unproven).sum()),
            expected_digest=digest_of(expected.digest[mine]),
            found_digest=digest_of(digest[here & ~unproven]),
            unreadable=tuple(sorted(broken.get(number, ()))),
        )
        for number in cohorts
    )
    kept = pa.array(same & ~same_load)
    names = pc.if_else(kept, theirs, expected.rows[LOAD_ID.name].combine_chunks())
    again = identity.filter(pa.array(extra))
    return Verdict(month, compared, expected, target, names, known, ~there, there & ~same, again)


def _standing(place: Numbers, cohort: Numbers, landed: Numbers) -> Numbers:
    """By expected row, the row found that stands for it: the first of its cohort, else the first at all."""
    stands = np.full(len(landed), _NOWHERE, np.int64)
    match = np.flatnonzero(place != _NOWHERE)
    own = match[cohort[match] == landed[place[match]]]
    for candidates in (match, own):
        first = candidates[::-1]  # of several the last assignment stays
        stands[place[first]] = first
    return stands


def _numbers(column: Any) -> Numbers:
    return np.asarray(pc.fill_null(column, _NOWHERE)).astype(np.int64)


def _flags(column: Any) -> Flags:
    return np.asarray(pc.fill_null(column, False)).astype(bool)


def _pairs(identity: Any, load: Any) -> Array:
    """Identity and load of rows, as one text each."""
    return pa.chunked_array(
        [pc.binary_join_element_wise(identity, load, SEPARATOR)], pa.string()
    ).combine_chunks()

"""Which rows a replay is about."""

from __future__ import annotations

import calendar
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute

from adapters.lake import PartitionValues
from pipelines.load.rows import Array

pc: Any = pyarrow.compute  # its stubs know one kind of array a call


class SpanError(ValueError):
    """The days end before they begin."""


class SchoolMonth(NamedTuple):
    """What is compared at once: a month of a school, all its cohorts.

    Attributes:
        year: Four digits.
        month: Two digits.
        school_id: The school.
    """

    year: str
    month: str
    school_id: str

    def partition(self, cohort: int) -> PartitionValues:
        """The partition of one of its cohorts."""
        return (str(cohort), self.year, self.month, self.school_id)

    @property
    def days(self) -> tuple[date, date]:
        """Its first and last day."""
        year, month = int(self.year), int(self.month)
        return date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1])


@dataclass(frozen=True, slots=True)
class Span:
    """Local days of some schools.

    Attributes:
        first: The first day.
        last: The last one, included.
        schools: Which; empty is all.
    """

    first: date
    last: date
    schools: frozenset[str] = frozenset()

    @staticmethod
    def of(first: date, last: date, schools: Collection[str] = ()) -> Span:
        """A span.

        Raises:
            SpanError: It ends before it begins.
        """
        if last < first:
            raise SpanError(f"the days end ({last}) before they begin ({first}): swap --from and --to")
        return Span(first, last, frozenset(schools))

    def __str__(self) -> str:
        days = str(self.first) if self.first == self.last else f"{self.first} to {self.last}"
        return f"{days} of {', '.join(sorted(self.schools))}" if self.schools else days

    def in_days(self, days: pa.ChunkedArray[Any]) -> Array:
        """By row, whether its day is one of these; a row without a day is in none."""
        first, last = (pa.scalar(day, pa.date32()) for day in (self.first, self.last))
        found = pc.and_(pc.greater_equal(days, first), pc.less_equal(days, last))
        return pa.chunked_array(pc.fill_null(found, False)).combine_chunks()

    def touches(self, month: SchoolMonth) -> bool:
        """Whether some of these days and schools are in a month of a school."""
        first, last = month.days
        return (
            (not self.schools or month.school_id in self.schools)
            and first <= self.last
            and self.first <= last
        )

    def covers(self, month: SchoolMonth) -> bool:
        """Whether all days of a month are in it."""
        first, last = month.days
        return self.first <= first and last <= self.last

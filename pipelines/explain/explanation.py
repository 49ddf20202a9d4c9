"""Takes a number of a mart apart: the row, the lake rows behind it, and whether they still sum to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from adapters import athena
from adapters.settings import setting
from expectations.rules import literal
from pipelines.explain.marts import Mart, MartColumn, UnexplainedError, mart
from transforms.activity import week_monday

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = {
    "stg_behavior_events": (
        *("event_id", "occurred_at", "local_date", "student_key", "event_type", "status", "polarity"),
        *("subject", "class_id", "points", "load_id"),
    ),
    "stg_academic_changes": (
        *("change_id", "changed_at", "local_date", "student_key", "change_type", "operation"),
        *("subject", "period", "evaluation_type", "score", "version", "load_id"),
    ),
}
_COUNTED_CHANGES = "change_type in ('evaluation', 'grade')"


@dataclass(frozen=True, slots=True)
class Explanation:
    """A number and what it is made of.

    Attributes:
        mart: The mart.
        column: The column.
        value: What the mart says.
        rows: The lake rows behind it, oldest first.
        total: Their count, or the sum of the column that the mart sums.
    """

    mart: Mart
    column: MartColumn
    value: int
    rows: pd.DataFrame
    total: int

    @property
    def holds(self) -> bool:
        """Whether the rows sum to the number; they do not once events came that the mart has yet to count."""
        return self.value == self.total


def explain(mart_name: str, key: str, column_name: str = "row_count") -> Explanation:
    """Reads one number of a mart and the lake rows behind it.

    Args:
        mart_name: The mart.
        key: The values of its key, in order, with `/` between them; empty where the column is null.
        column_name: A column that counts or sums lake rows.

    Raises:
        UnexplainedError: There is no such mart, column, key or row, or the number is empty.
        QueryFailedError: Athena refused or failed.
    """
    asked = mart(mart_name)
    column, values = asked.column(column_name), asked.parsed_key(key)
    if "iso_week" in values:
        week_monday(values["iso_week"] or "")
    found = _query(f"SELECT {column.name} AS value FROM {asked.name} WHERE {' AND '.join(_is(values))}")
    if found.empty:
        raise UnexplainedError(f"{asked.name} has no row {key!r}: there is none of this key, or not yet")
    value = found["value"][0]
    if value is None:
        raise UnexplainedError(f"{column.name} of {key!r} is empty: {column.meaning}")
    rows = _query(_rows_sql(asked, column, values))
    total = int(rows[column.sums].sum()) if column.sums else len(rows)
    return Explanation(asked, column, int(value), rows, total)


def _rows_sql(asked: Mart, column: MartColumn, values: Mapping[str, str | None]) -> str:
    shown = _SHOWN[asked.lake]
    by = {
        name: value for name, value in values.items() if name not in ("iso_week", "rule", "graduation_year")
    }
    where = [*_is(by), f"({column.of})"]
    if column.weeks:
        last = week_monday(values["iso_week"] or "")
        where += _within(last - timedelta(weeks=column.weeks - 1), last + timedelta(days=6))
    else:
        where.append(_COUNTED_CHANGES)
    if column.school_weeks:
        where.append(f"iso_week IN ({_school_weeks_sql(asked, column, values)})")
    if asked.cohort_by:
        students = f"SELECT student_key FROM {asked.cohort_by} WHERE {' AND '.join(_is(values))}"
        where.append(f"student_key IN ({students})")
    order = f"{shown[1]}, {shown[0]}"
    return f"SELECT {', '.join(shown)} FROM {asked.lake} WHERE {' AND '.join(where)} ORDER BY {order}"


def _school_weeks_sql(asked: Mart, column: MartColumn, values: Mapping[str, str | None]) -> str:
    last = week_monday(values["iso_week"] or "")
    first = last - timedelta(weeks=column.weeks - 1)
    return (
        f"SELECT iso_week FROM school_weeks WHERE {' AND '.join(_is({'school_id': values['school_id']}))} "
        f"AND week_start BETWEEN date '{first}' AND date '{last}' AND is_school_week "
        f"ORDER BY week_start DESC LIMIT {column.school_weeks}"
    )


def _within(first: date, last: date) -> Iterator[str]:
    """The days, and their months as the partitions that Athena prunes by."""
    yield f"local_date BETWEEN date '{first}' AND date '{last}'"
    months = {
        (day.year, day.month) for day in (first + timedelta(days=i) for i in range((last - first).days + 1))
    }
    told = (f"(year = '{year}' AND month = '{month:02d}')" for year, month in sorted(months))
    yield f"({' OR '.join(told)})"


def _is(values: Mapping[str, str | None]) -> Iterator[str]:
    for name, value in values.items():
        if value is None:
            yield f"{name} IS NULL"
        elif name == "graduation_year":
            yield f"{name} = {_whole(value)}"
        else:
            yield f"{name} = {literal(value)}"


def _whole(value: str) -> int:
    if not value.isdecimal():
        raise UnexplainedError(f"graduation_year {value!r}: use a year, or 0 for unknown")
    return int(value)


def _query(sql: str) -> pd.DataFrame:
    return athena.query(sql, work_group=setting("JOBS_WORK_GROUP"), database=setting("MARTS_DATABASE"))

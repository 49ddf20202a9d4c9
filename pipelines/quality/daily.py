"""A day of the lake, judged by the weeks before it: one Athena query over ten weeks, and the ledger.

A school that sends nothing appears in no load, so it is looked for here. The query reads three
columns of the partitions of at most four months, whatever the lake has beyond.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from adapters import athena, ledger
from adapters.settings import setting
from expectations import history
from expectations.catalogue import daily_rules, expectations_of
from expectations.history import DAYS_BACK, Counts, Finding
from expectations.rules import NO_SCHOOL, Expectations, one_of
from pipelines.quality import kept
from pipelines.quality.kept import JudgedDay, Kind

if TYPE_CHECKING:
    import pandas as pd


def judge_day(table: str, day: date, now: datetime) -> JudgedDay:
    """Judges a day of a lake table and keeps the result. Safe to run again.

    Args:
        table: A lake table.
        day: Local date at the schools; over, everywhere.
        now: Aware.

    Raises:
        UnknownTableError: No such table.
        QueryFailedError: Athena could not count the rows.
    """
    expected = expectations_of(table)
    landed, dropped = _loaded(table, day)
    findings: list[Finding] = list(history.copies(landed, dropped))
    rows: dict[str, int] = dict(landed)
    if expected.rhythm:
        counted = athena.query(
            history_query(expected, day),
            work_group=setting("JOBS_WORK_GROUP"),
            database=setting("LAKE_DATABASE"),
        )
        schools = _by_school(counted)
        findings += history.volumes(schools, day)
        if history.awaited_schools(schools, day):
            findings += history.freshness(_newest(counted), now)
        rows = {school: sum(counts[day].values()) for school, counts in schools.items() if day in counts}
    rules = tuple(rule.name for rule in daily_rules(expected))
    judged = JudgedDay(Kind.HISTORY, table, day, now, rules, rows, tuple(findings))
    kept.keep(judged)
    return judged


def history_query(expected: Expectations, day: date) -> str:
    """Athena SQL: rows by school, day and kind, of a day and the ten weeks before it.

    Returns:
        A statement whose result has columns `school_id`, `day` (date), `kind`, `row_count` (bigint)
        and `newest` (timestamp, UTC).
    """
    table, first = expected.table, day - timedelta(days=DAYS_BACK)
    return (
        f"SELECT school_id, {table.day} AS day, {expected.rhythm} AS kind, count(*) AS row_count,\n"
        f"  max({expected.moment}) AS newest\nFROM {table.name}\n"
        f"WHERE {in_months(first, day)}\n  AND {table.day} BETWEEN DATE '{first}' AND DATE '{day}'\n"
        "GROUP BY 1, 2, 3"
    )


def in_months(first: date, last: date) -> str:
    """Athena SQL that names the partitions of some months, each year's in full."""
    months: dict[str, list[str]] = {}
    month = first.replace(day=1)
    while month <= last:
        months.setdefault(f"{month:%Y}", []).append(f"{month:%m}")
        month = (month + timedelta(days=32)).replace(day=1)
    years = (f"(year = '{year}' AND {one_of('month', of_year)})" for year, of_year in months.items())
    return f"({' OR '.join(years)})"


def _loaded(table: str, day: date) -> tuple[Counter[str], Counter[str]]:
    """Rows that landed in the loads opened on a day (UTC), and those of them that were copies, by school."""
    landed, dropped = Counter[str](), Counter[str]()
    for load in ledger.loads_opened(table, day, day):
        for school, counts in ledger.read_schools(load).items():
            if school != NO_SCHOOL:
                landed[school] += counts["landed"]
                dropped[school] += counts["duplicate"]
    return landed, dropped


def _by_school(counted: pd.DataFrame) -> dict[str, Counts]:
    schools: dict[str, dict[date, dict[str, int]]] = {}
    columns = (counted[name] for name in ("school_id", "day", "kind", "row_count"))
    for school, day, kind, rows in zip(*columns, strict=True):
        schools.setdefault(school, {}).setdefault(day, {})[kind] = int(rows)
    return dict(schools)


def _newest(counted: pd.DataFrame) -> Iterator[datetime]:
    for moment in counted.groupby("school_id")["newest"].max():
        yield moment.to_pydatetime().replace(tzinfo=UTC)

"""A published day of a lake table, judged by the deep suite: what no load has judged is found here.

It reads the partitions of one month and, by the statistics of their files, one day of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

from adapters import athena, catalog
from adapters.athena import QueryFailedError
from adapters.settings import setting
from expectations import deep
from expectations.catalogue import deep_rules, expectations_of
from expectations.deep import View
from expectations.history import ALL_SCHOOLS, Finding
from expectations.rules import Expectations, Severity
from expectations.verdict import GateToolError
from pipelines.quality import kept
from pipelines.quality.daily import in_months
from pipelines.quality.kept import JudgedDay, Kind
from transforms.bilingual import Words

LEFT_AFTER = timedelta(hours=6)  # no run takes as long: what is older was left by one that was killed
_MADE = "%Y%m%dt%H%M%S"  # sorts by time


def judge_day_deeply(table: str, day: date, now: datetime) -> JudgedDay:
    """Judges the published rows of a day by the table's rules and keeps the result. Safe to run again.

    Args:
        table: A lake table.
        day: Local date at the schools.
        now: Aware.

    Raises:
        UnknownTableError: No such table.
        GateToolError: Athena or Great Expectations failed: nothing is said of the rows, nothing is kept.
    """
    expected = expectations_of(table)
    try:
        rows = _rows(expected, day)
        broken: Mapping[str, int] = {}
        if rows:  # of no rows everything holds
            with _day_view(expected, day, now) as view:
                broken = deep.judge_view(view, expected)
    except QueryFailedError as error:
        raise GateToolError(
            f"the deep suite of {table}, {day}, could not ask: {error}; run it again"
        ) from error
    findings = tuple(_findings(expected, broken, sum(rows.values())))
    names = tuple(rule.name for rule in deep_rules(expected))
    judged = JudgedDay(Kind.DEEP, table, day, now, names, rows, findings)
    kept.keep(judged)
    return judged


def _rows(expected: Expectations, day: date) -> dict[str, int]:
    counted = athena.query(
        f"SELECT school_id, count(*) AS row_count FROM {expected.table.name}\n"
        f"WHERE {in_months(day, day)} AND {expected.table.day} = DATE '{day}' GROUP BY 1",
        work_group=setting("JOBS_WORK_GROUP"),
        database=setting("LAKE_DATABASE"),
    )
    return {
        school: int(rows) for school, rows in zip(counted["school_id"], counted["row_count"], strict=True)
    }


@contextmanager
def _day_view(expected: Expectations, day: date, now: datetime) -> Iterator[View]:
    """The view that Great Expectations reads, of this run alone; what killed runs have left goes."""
    group, database = setting("JOBS_WORK_GROUP"), setting("LANDING_DATABASE")
    views = f"deep_{expected.table.name}_"
    name = f"{views}{now.astimezone(UTC):{_MADE}}_{uuid4().hex[:8]}"
    source = f"{setting('LAKE_DATABASE')}.{expected.table.name}"
    sql = deep.day_query(expected, source, in_months(day, day), day, now)

    def run(statement: str) -> None:
        athena.query(statement, work_group=group, database=database)

    oldest = f"{views}{now.astimezone(UTC) - LEFT_AFTER:{_MADE}}"
    for left in catalog.table_names(database):
        if left.startswith(views) and left < oldest:
            run(f"DROP VIEW IF EXISTS {left}")
    run(f"CREATE VIEW {name} AS\n{sql}")
    try:
        yield View(athena.address(group, database), database, name)
    finally:
        run(f"DROP VIEW IF EXISTS {name}")


def _findings(expected: Expectations, broken: Mapping[str, int], rows: int) -> Iterator[Finding]:
    for rule in deep_rules(expected):
        if count := broken.get(rule.name):
            # What is published stays published: a critical rule warns here.
            severity = Severity.INFO if rule.severity is Severity.INFO else Severity.WARNING
            words = Words(
                f"{count:,} of {rows:,} published rows break it: {rule.why.en}",
                f"{count:,} de {rows:,} filas publicadas la incumplen: {rule.why.es}",
            )
            yield Finding(rule.name, severity, ALL_SCHOOLS, count, 0, words)

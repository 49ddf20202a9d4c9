"""The gate: a load's files as one table of Athena, the queries on it, and the verdict."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pyarrow as pa

from adapters import athena
from adapters.athena import QueryFailedError
from adapters.lake import SHARD
from adapters.settings import setting
from expectations.rules import (
    NO_SCHOOL,
    SCHOOL,
    Expectations,
    broken_rows_query,
    gate_query,
    literal,
    one_of,
)
from expectations.verdict import GateToolError, Verdict, judge
from pipelines.load import quality_reports
from pipelines.load.rows import LoadRows

if TYPE_CHECKING:
    import pandas as pd

Answer = TypeVar("Answer")

logger = logging.getLogger(__name__)

PAUSES = (1.0, 5.0)  # seconds before Athena or Great Expectations are tried again: most failures are short

# Athena takes 262,144 bytes of SQL; names beyond these would only narrow what the join narrows anyway.
SCHOOLS_NAMED = 2_000
DAYS_NAMED = 1_000


@dataclass(frozen=True, slots=True)
class Gate:
    """What Athena and Great Expectations say of one load.

    Attributes:
        load_id: The load.
        expectations: Of its lake table.
        judged_at: When the load is or was judged, aware; the rules call it so.
        source: Qualified name of the table that is the load.
    """

    load_id: str
    expectations: Expectations
    judged_at: datetime
    source: str

    def counts(self, *, once: bool = False) -> pd.DataFrame:
        """The load's one aggregate query: rows and broken rows by school.

        Args:
            once: Not to ask again where Athena fails: what it is asked of may not be fit to be read.

        Raises:
            GateToolError: Athena could not run it.
        """
        sql = gate_query(self.source, self.expectations, self.judged_at)
        pauses = () if once else PAUSES
        return self._asked("the gate's query", lambda: athena.query(sql, **_where()), pauses)

    def verdict(self, counts: pd.DataFrame, rows: int, docs: Path | None) -> Verdict:
        """Judges the counts and keeps the report.

        Args:
            counts: From `counts`.
            rows: How many rows the load's files hold.
            docs: Folder to add the report to, beside the reports bucket.

        Raises:
            GateToolError: As of `expectations.verdict.judge`.
        """
        with tempfile.TemporaryDirectory(prefix="luca-gate-") as folder:
            site = Path(folder)
            verdict = self._tried(
                GateToolError,
                lambda: judge(
                    counts, self.expectations, rows=rows, run=self.load_id, run_at=self.judged_at, docs=site
                ),
                PAUSES,
            )
            quality_reports.keep(site, docs)
        return verdict

    def copies(self) -> pa.Table:
        """The identities that stand in several shards: strings `school_id`, `identity`, `first` (a shard).

        Raises:
            GateToolError: Athena could not run the query.
        """
        return self._text(copies_query(self.source, self.expectations))

    def broken_rows(self, stopped: Iterable[str], shard: int | None = None) -> pa.Table:
        """Which rows of the stopped schools break what: strings `school_id`, `identity`, `bits`.

        Args:
            stopped: As of `expectations.rules.broken_rows_query`.
            shard: Of whose rows alone; None is all.

        Raises:
            GateToolError: Athena could not run the query.
        """
        rows = self.source if shard is None else f"(SELECT * FROM {self.source} WHERE {SHARD} = {shard})"
        return self._text(broken_rows_query(rows, self.expectations, self.judged_at, stopped))

    def known(self, rows: LoadRows, shard: int) -> pa.Table:
        """What the lake has of a shard's rows, of any cohort: strings `school_id`, `identity`.

        A row that is delivered again has the day and the school that it had, but its student's cohort may
        have changed meanwhile. So the search is bounded by the months, days and schools of the shard.

        Raises:
            GateToolError: Athena could not run the query.
        """
        schools = [school for school in rows.landed if school != NO_SCHOOL]
        sql = known_query(self.source, self.expectations, self.load_id, rows.days, schools)
        return self._text(f"{sql}\n  AND here.{SHARD} = {shard}")

    def _text(self, sql: str) -> pa.Table:
        return self._asked("a query", lambda: athena.query_text(sql, **_where()), PAUSES)

    def _asked(self, what: str, ask: Callable[[], Answer], pauses: Sequence[float]) -> Answer:
        try:
            return self._tried(QueryFailedError, ask, pauses)
        except QueryFailedError as error:
            raise GateToolError(
                f"{what} on load {self.load_id} failed {len(pauses) + 1} times: {error}"
            ) from error

    def _tried(self, fault: type[Exception], work: Callable[[], Answer], pauses: Sequence[float]) -> Answer:
        """Does what a tool may fail to do, again after each pause (seconds); the last failure is raised."""
        for pause in pauses:
            try:
                return work()
            except fault as error:
                logger.warning("load %s: tried again in %s s: %s", self.load_id, pause, error)
                time.sleep(pause)
        return work()


def copies_query(source: str, expectations: Expectations) -> str:
    """Athena SQL: the school and identity of rows that stand in several shards, and the first of these.

    Args:
        source: Qualified name of the table that is the load.
        expectations: Of its lake table.
    """
    identity = expectations.table.identity
    return (
        f"SELECT school_id, identity, min({SHARD}) AS first\n"
        f"FROM (SELECT {SCHOOL} AS school_id, {identity} AS identity, {SHARD} FROM {source}\n"
        f"  WHERE {identity} IS NOT NULL)\n"
        f"GROUP BY 1, 2 HAVING min({SHARD}) <> max({SHARD})"
    )


def known_query(
    source: str, expectations: Expectations, load_id: str, days: list[str], schools: list[str]
) -> str:
    """Athena SQL: the school and identity of the load's rows that another load has published.

    Args:
        source: Qualified name of the table that is the load.
        expectations: Of its lake table.
        load_id: The load, whose own rows do not count: an earlier run of it may have been killed.
        days: ISO dates of its rows.
        schools: Its well-formed schools.
    """
    table = expectations.table
    months = sorted({(day[:4], day[5:7]) for day in days})
    years: dict[str, list[str]] = {}
    for year, month in months:
        years.setdefault(year, []).append(month)
    partitions = " OR ".join(
        f"(there.year = {literal(year)} AND {one_of('there.month', of_year)})"
        for year, of_year in years.items()
    )
    conditions = [
        f"there.load_id <> {literal(load_id)}",
        f"({partitions or 'false'})",
        _days(f"there.{table.day}", days),
    ]
    if len(schools) <= SCHOOLS_NAMED:
        conditions.append(one_of("there.school_id", schools) if schools else "false")
    lake_table = f"{setting('LAKE_DATABASE')}.{table.name}"
    return (
        f"SELECT DISTINCT here.school_id, here.{table.identity} AS identity\n"
        f"FROM {source} here JOIN {lake_table} there\n"
        f"  ON there.school_id = here.school_id AND there.{table.identity} = here.{table.identity}\n"
        "WHERE " + "\n  AND ".join(conditions)
    )


def _days(column: str, days: list[str]) -> str:
    if not days:
        return "false"
    if len(days) > DAYS_NAMED:
        return f"{column} BETWEEN DATE '{days[0]}' AND DATE '{days[-1]}'"
    return f"{column} IN ({', '.join(f'DATE {literal(day)}' for day in days)})"


def _where() -> dict[str, str]:
    return {"work_group": setting("JOBS_WORK_GROUP"), "database": setting("LANDING_DATABASE")}

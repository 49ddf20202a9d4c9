"""What must hold of a load, written once.

A rule is a predicate in Athena's SQL. From a table's rules come the gate's only query, the
Great Expectations suite on its result, the query that tells the quarantine which row breaks
what, and the page of the docs that lists them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from transforms import keys
from transforms.bilingual import Words
from transforms.lake_schema import LakeTable

if TYPE_CHECKING:
    from expectations.school_rules import SchoolRule

NO_SCHOOL = "(none)"  # the group of rows whose school_id is missing or malformed; no identifier itself


class Severity(StrEnum):
    """What a broken rule does to the rows of the school that broke it."""

    CRITICAL = "critical"  # they go to quarantine
    WARNING = "warning"  # they are published, and flagged
    INFO = "info"  # they are counted


class Owner(StrEnum):
    """Who mends what a broken rule tells of."""

    PLATFORM = "platform"  # our own worker, enricher, pipes and loads
    PRIVACY = "privacy"  # pseudonyms, free text, retention
    SCHOOLS = "schools"  # those who speak with a school about what its systems send


@dataclass(frozen=True, slots=True)
class OneOf:
    """A column's value is one of a few.

    Attributes:
        column: The column.
        values: What it may be.
        or_empty: Whether NULL will do too.
    """

    column: str
    values: tuple[str, ...]
    or_empty: bool = False

    def __str__(self) -> str:
        """The statement in Athena's SQL."""
        return _or_empty(self.column, one_of(self.column, self.values), self.or_empty)


@dataclass(frozen=True, slots=True)
class Between:
    """A column's number is within bounds, which belong to it.

    Attributes:
        column: The column.
        low: The least.
        high: The greatest; None where there is none.
        or_empty: Whether NULL will do too.
    """

    column: str
    low: int
    high: int | None = None
    or_empty: bool = False

    def __str__(self) -> str:
        """The statement in Athena's SQL."""
        within = f">= {self.low}" if self.high is None else f"BETWEEN {self.low} AND {self.high}"
        return _or_empty(self.column, f"{self.column} {within}", self.or_empty)


@dataclass(frozen=True, slots=True)
class Present:
    """A column is not empty."""

    column: str

    def __str__(self) -> str:
        """The statement in Athena's SQL."""
        return f"{self.column} IS NOT NULL"


Statement: TypeAlias = str | OneOf | Between | Present
"""Athena SQL, or one of the statements that Great Expectations has an expectation of its own for."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A statement about each row of a lake table.

    Attributes:
        name: A column name of the gate's result, unique in its table.
        states: What is true for a good row. NULL counts as broken. As SQL it may name `judged_at`
            (timestamp, UTC): when the load's verdict was made.
        severity: What happens to the school whose rows break it.
        why: What would go wrong for whom, in one line.
        owner: Who mends it.
    """

    name: str
    states: Statement
    severity: Severity
    why: Words
    owner: Owner

    @property
    def holds(self) -> str:
        """The statement in Athena's SQL."""
        return str(self.states)

    @property
    def broken(self) -> str:
        """Athena SQL that is true for a bad row, and never NULL."""
        return f"NOT coalesce({self.holds}, false)"

    @property
    def counted(self) -> str:
        """Athena SQL of an aggregate: how many rows of the group break it."""
        return f"count_if({self.broken})"


@dataclass(frozen=True, slots=True)
class Expectations:
    """All that must hold of one lake table.

    Attributes:
        table: The table as `transforms.lake_schema` knows it.
        moment: Its timestamp column that says how fresh a load is.
        rules: In the order in which they are reported.
        rhythm: Its column of kinds, where schools send such rows week after week and a day is judged by
            the weeks before it (`expectations.history`); None where rows come in bursts.
    """

    table: LakeTable
    moment: str
    rules: tuple[Rule | SchoolRule, ...]
    rhythm: str | None = None

    @property
    def row_rules(self) -> tuple[Rule, ...]:
        """The rules that a single row can break."""
        return tuple(rule for rule in self.rules if isinstance(rule, Rule))

    @property
    def version(self) -> str:
        """Twelve hex digits that change with any rule; the ledger notes them beside a verdict."""
        text = "\n".join(f"{rule.name}|{rule.counted}|{rule.severity}" for rule in self.rules)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def matches(column: str, pattern: str) -> str:
    """Athena SQL: the whole of a column's value matches a pattern; NULL where the value is.

    Args:
        column: A column name.
        pattern: A regular expression, one of `transforms.keys` too: its anchors are replaced by
            those of the text's beginning and end, which mean the same to every engine.

    Raises:
        ValueError: It looks ahead or behind, which RE2 engines cannot.
    """
    # Python needs the lookahead, because its `$` also stands before a final line break.
    body = pattern.removeprefix("^").removesuffix(r"(?!\n)").removesuffix("$")
    if re.search(r"\(\?<?[=!]", body):
        raise ValueError(f"pattern {pattern!r} looks around: Athena's engines may not; write it without")
    whole = literal(rf"\A(?:{body})\z")
    return f"regexp_like({column}, {whole})"


def one_of(column: str, values: Iterable[str]) -> str:
    """Athena SQL: a column's value is one of a few."""
    return f"{column} IN ({', '.join(literal(value) for value in values)})"


def optional(column: str, holds: str) -> str:
    """Athena SQL: a column is empty, or the predicate holds."""
    return f"{column} IS NULL OR {holds}"


def _or_empty(column: str, holds: str, allowed: bool) -> str:
    return optional(column, holds) if allowed else holds


def literal(value: str) -> str:
    """A string as an Athena literal."""
    return "'" + value.replace("'", "''") + "'"


def timestamp(moment: datetime) -> str:
    """An aware moment as an Athena literal: UTC, in milliseconds."""
    return f"TIMESTAMP '{moment.astimezone(UTC).replace(tzinfo=None).isoformat(' ', 'milliseconds')}'"


# A malformed school_id may be anything, so no result and no report shows it.
SCHOOL = f"CASE WHEN {matches('school_id', keys.IDENTIFIER)} THEN school_id ELSE '{NO_SCHOOL}' END"


def gate_query(source: str, expectations: Expectations, judged_at: datetime) -> str:
    """The one query of a load: a row per school, a count of broken rows per rule.

    Args:
        source: Qualified name of the table that is the load.
        expectations: Those of its lake table.
        judged_at: When the load is judged; aware.

    Returns:
        Athena SQL whose result has columns `school_id` (varchar, `NO_SCHOOL` for rows without a
        well-formed one), `row_count` (bigint), `newest` (timestamp(3), UTC) and one bigint per
        rule: how many rows break it.
    """
    counts = ",\n  ".join(f"{rule.counted} AS {rule.name}" for rule in expectations.rules)
    return (
        f"SELECT\n  {SCHOOL} AS school_id,\n  count(*) AS row_count,\n"
        f"  max({expectations.moment}) AS newest,\n  {counts}\n"
        f"FROM (SELECT *, {timestamp(judged_at)} AS judged_at FROM {source})\nGROUP BY 1"
    )


def broken_rows_query(
    source: str, expectations: Expectations, judged_at: datetime, schools: Iterable[str]
) -> str:
    """The query that tells the quarantine which row of the stopped schools breaks what.

    Args:
        source: As of `gate_query`.
        expectations: As of `gate_query`.
        judged_at: As of `gate_query`.
        schools: The schools that were stopped; may hold `NO_SCHOOL`.

    Returns:
        Athena SQL whose result has columns `school_id`, `identity` (varchar, '' where missing)
        and `bits` (varchar): a '1' at the place of each of `row_rules` that a row of this identity
        breaks. Only identities that break a rule appear.
    """
    bits = " ||\n  ".join(
        f"max(CASE WHEN {rule.broken} THEN '1' ELSE '0' END)" for rule in expectations.row_rules
    )
    return (
        f"SELECT school_id, identity, bits FROM (\nSELECT\n  {SCHOOL} AS school_id,\n"
        f"  coalesce({expectations.table.identity}, '') AS identity,\n  {bits} AS bits\n"
        f"FROM (SELECT *, {timestamp(judged_at)} AS judged_at FROM {source})\n"
        f"WHERE {one_of(SCHOOL, sorted(schools))}\nGROUP BY 1, 2)\nWHERE bits LIKE '%1%'"
    )

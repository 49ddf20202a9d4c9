"""Rules of a school's rows of a load together: no copies, at most a share of a kind, fresh."""

from __future__ import annotations

from dataclasses import dataclass

from expectations.rules import Owner, Severity
from transforms.bilingual import Words


@dataclass(frozen=True, slots=True)
class SchoolRule:
    """A statement about a school's rows of a load together.

    Made by `unique`, `at_most_share` and `fresh`. Aggregates of their own, because a window over
    every column of a load costs more than all other rules together.

    Attributes:
        name: As of a `Rule`.
        holds: The statement, for the catalogue.
        counted: Athena SQL of an aggregate over one school: how many rows are to blame, 0 where it holds.
        severity: As of a `Rule`; never critical, for it blames no row of its own.
        why: As of a `Rule`.
        owner: As of a `Rule`.
    """

    name: str
    holds: str
    counted: str
    severity: Severity
    why: Words
    owner: Owner


def copies(column: str) -> str:
    """Athena SQL of an aggregate: how many rows are copies of another; NULLs are another rule's matter."""
    return f"count({column}) - count(DISTINCT {column})"


def unique(name: str, column: str, severity: Severity, why: Words, owner: Owner) -> SchoolRule:
    """No two rows of a school share a value of a column."""
    holds = f"count(DISTINCT {column}) = count({column}), within a school and load"
    return SchoolRule(name, holds, copies(column), severity, why, owner)


def at_most_share(
    name: str, counted: str, share: float, why: Words, owner: Owner, *, of_at_least: int = 100
) -> SchoolRule:
    """No more than a share of a school's rows are of a kind.

    Args:
        name: As of a `Rule`.
        counted: Athena SQL of an aggregate: how many rows are of that kind.
        share: The most, 0 to 1.
        why: As of a `Rule`.
        owner: As of a `Rule`.
        of_at_least: Rows that the school must have in the load: a share of a few rows says nothing.
    """
    holds = f"{counted} <= {share} * count(*), where a school has {of_at_least} rows in the load"
    blamed = (
        f"CASE WHEN count(*) >= {of_at_least} AND {counted} > {share} * count(*) THEN {counted} ELSE 0 END"
    )
    return SchoolRule(name, holds, blamed, Severity.WARNING, why, owner)


def fresh(name: str, moment: str, hours: int, why: Words, owner: Owner) -> SchoolRule:
    """A school's newest row of a load is not older than some hours when the load is judged."""
    bound = f"max(judged_at) - INTERVAL '{hours}' HOUR"
    holds = f"max({moment}) >= {bound}, within a school and load"
    blamed = f"CASE WHEN max({moment}) < {bound} THEN count(*) ELSE 0 END"
    return SchoolRule(name, holds, blamed, Severity.WARNING, why, owner)

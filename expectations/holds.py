"""When a whole load is held: what a verdict says of us, and not of a school.

A school that breaks a critical rule is stopped, and the others are published. But a fault of our own
shows in every school at once, and stopping them all would put a day of the platform into quarantine
for a wrong rule. Then nothing is published, and the load waits for us.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from expectations.rules import NO_SCHOOL, Owner, Severity
from expectations.verdict import Verdict

SCHOOLS_AT_LEAST = 3  # of one or two nobody can tell whose fault it is
ROWS_AT_LEAST = 100
SHARE_WITHOUT_SCHOOL = 0.01


@dataclass(frozen=True, slots=True)
class LoadRule:
    """A statement about a load as a whole.

    Attributes:
        name: Unique among all rules.
        holds: The statement, for the catalogue.
        why: What would go wrong otherwise.
        owner: Who mends it.
        breach: What speaks against it in a verdict, in words; None where it holds.
    """

    name: str
    holds: str
    why: str
    owner: Owner
    breach: Callable[[Verdict], str | None]


def held(verdict: Verdict) -> str | None:
    """Why a load must be held, in words; None where it may go on."""
    breaches = [f"{rule.name}: {told}" for rule in LOAD_RULES if (told := rule.breach(verdict))]
    return "; ".join(breaches) or None


def _every_school_stopped(verdict: Verdict) -> str | None:
    schools = set(verdict.rows) - {NO_SCHOOL}
    if len(schools) < SCHOOLS_AT_LEAST:
        return None
    for rule, broken in verdict.broken.items():
        if verdict.severities[rule] is Severity.CRITICAL and schools <= set(broken):
            return f"each of the {len(schools):,} schools breaks {rule}, in {sum(broken.values()):,} rows"
    return None


def _too_many_without_school(verdict: Verdict) -> str | None:
    without, rows = verdict.rows.get(NO_SCHOOL, 0), sum(verdict.rows.values())
    if rows < ROWS_AT_LEAST or without <= SHARE_WITHOUT_SCHOOL * rows:
        return None
    return f"{without:,} of {rows:,} rows name no school"


LOAD_RULES = (
    LoadRule(
        "a_school_passes",
        f"of {SCHOOLS_AT_LEAST} schools and more, not all break the same critical rule",
        "what every school breaks at once is a fault of the rule, the worker or the enricher",
        Owner.PLATFORM,
        _every_school_stopped,
    ),
    LoadRule(
        "rows_have_a_school",
        f"of {ROWS_AT_LEAST} rows and more, at most {SHARE_WITHOUT_SCHOOL:.0%} name no school",
        "the school is the token's, so rows without one were made by us",
        Owner.PLATFORM,
        _too_many_without_school,
    ),
)

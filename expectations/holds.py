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
from transforms.bilingual import Words

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
    why: Words
    owner: Owner
    breach: Callable[[Verdict], Words | None]


def held(verdict: Verdict) -> Words | None:
    """Why a load must be held, in words; None where it may go on."""
    told = [(rule.name, breach) for rule in LOAD_RULES if (breach := rule.breach(verdict))]
    if not told:
        return None
    return Words(
        "; ".join(f"{name}: {breach.en}" for name, breach in told),
        "; ".join(f"{name}: {breach.es}" for name, breach in told),
    )


def _every_school_stopped(verdict: Verdict) -> Words | None:
    schools = set(verdict.rows) - {NO_SCHOOL}
    if len(schools) < SCHOOLS_AT_LEAST:
        return None
    for rule, broken in verdict.broken.items():
        if verdict.severities[rule] is Severity.CRITICAL and schools <= set(broken):
            rows = sum(broken.values())
            return Words(
                f"each of the {len(schools):,} schools breaks {rule}, in {rows:,} rows",
                f"cada una de las {len(schools):,} escuelas incumple {rule}, en {rows:,} filas",
            )
    return None


def _too_many_without_school(verdict: Verdict) -> Words | None:
    without, rows = verdict.rows.get(NO_SCHOOL, 0), sum(verdict.rows.values())
    if rows < ROWS_AT_LEAST or without <= SHARE_WITHOUT_SCHOOL * rows:
        return None
    return Words(
        f"{without:,} of {rows:,} rows name no school",
        f"{without:,} de {rows:,} filas no nombran ninguna escuela",
    )


LOAD_RULES = (
    LoadRule(
        "a_school_passes",
        f"of {SCHOOLS_AT_LEAST} schools and more, not all break the same critical rule",
        Words(
            "what every school breaks at once is a fault of the rule, the worker or the enricher",
            "lo que todas las escuelas incumplen a la vez es culpa de la regla, del worker o del enricher",
        ),
        Owner.PLATFORM,
        _every_school_stopped,
    ),
    LoadRule(
        "rows_have_a_school",
        f"of {ROWS_AT_LEAST} rows and more, at most {SHARE_WITHOUT_SCHOOL:.0%} name no school",
        Words(
            "the school is the token's, so rows without one were made by us",
            "la escuela sale del token: las filas sin ella las hicimos nosotros",
        ),
        Owner.PLATFORM,
        _too_many_without_school,
    ),
)

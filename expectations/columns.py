"""The rules of columns that several lake tables have."""

from __future__ import annotations

from expectations.rules import Rule, Severity, matches, optional
from transforms import keys

CRITICAL, WARNING = Severity.CRITICAL, Severity.WARNING

CODE = keys.IDENTIFIER
PSEUDONYM = "[0-9a-f]{32}"
FUTURE_SLACK = "INTERVAL '10' MINUTE"  # five for the sender's clock, five for ours

# What identifies a person in the systems of schools here, and would pass as a code: a number of nine
# digits or more (telephone, enrolment), a Mexican CURP or RFC, an id made of the word for a person.
# Digits of eight stay allowed: they are dates.
RAW_IDENTIFIER = (
    "(?i)[0-9]{9,}|[A-Z]{4}[0-9]{6}[A-Z0-9]{3}|"
    "(?:student|teacher|alumn[oa]|estudiante|profesora?|docente)[_-]?[0-9]+"
)


def key_rules() -> tuple[Rule, ...]:
    """The rules of school, student and teacher."""
    return (
        Rule(
            "school_id_shape",
            matches("school_id", keys.IDENTIFIER),
            CRITICAL,
            "a row of no school has no tenant, and nobody may see it",
        ),
        Rule(
            "student_key_shape",
            matches("student_key", PSEUDONYM),
            CRITICAL,
            "anything else may be a raw identifier of a minor",
        ),
        Rule(
            "teacher_key_shape",
            optional("teacher_key", matches("teacher_key", PSEUDONYM)),
            CRITICAL,
            "anything else may be a raw identifier of a teacher",
        ),
        Rule(
            "pseudonym_version_positive",
            "pseudonym_version >= 1",
            CRITICAL,
            "a pseudonym without its key's version cannot be found again to be erased",
        ),
    )


def cohort_rules() -> tuple[Rule, ...]:
    """The rules of the graduation year, on which retention hangs."""
    return (
        Rule(
            "cohort_plausible",
            "graduation_year = 0 OR graduation_year BETWEEN 1990 AND 2100",
            CRITICAL,
            "the lifecycle rules know no other cohorts: the row would never expire",
        ),
        Rule(
            "cohort_known",
            "graduation_year IS NULL OR graduation_year <> 0",
            WARNING,
            "an unknown cohort has no retention date",
        ),
    )


def envelope_rules(contract_version: int, *, required: bool) -> tuple[Rule, ...]:
    """The rules of what wraps every row: the request it came by and its contract.

    Args:
        contract_version: The newest that this house knows.
        required: Whether both must be there.
    """
    correlation = matches("correlation_id", keys.UUID)
    contract = f"contract_version BETWEEN 1 AND {contract_version}"
    return (
        Rule(
            "correlation_id_shape",
            correlation if required else optional("correlation_id", correlation),
            CRITICAL,
            "a header that a client filled may hold anything",
        ),
        Rule(
            "contract_version_known",
            contract if required else optional("contract_version", contract),
            CRITICAL,
            "a row of a contract that we do not know may mean something else",
        ),
    )


def only_of(column: str, kind_column: str, kind: str, why: str) -> Rule:
    """One kind of row has a value in a column, and no other kind has.

    Args:
        column: The column, which also begins the rule's name.
        kind_column: The column that says which kind a row is.
        kind: The kind that has the value.
        why: As of a `Rule`.
    """
    return Rule(
        f"{column}_of_{kind}_only",
        f"coalesce({kind_column} = '{kind}', false) = ({column} IS NOT NULL)",
        Severity.CRITICAL,
        why,
    )


def no_raw_identifier(*columns: str) -> Rule:
    """No code column holds what identifies a person."""
    return Rule(
        "no_raw_identifier",
        " AND ".join(f"NOT regexp_like(coalesce({column}, ''), '{RAW_IDENTIFIER}')" for column in columns),
        CRITICAL,
        "an identifier that someone typed as a code would undo every pseudonym",
    )

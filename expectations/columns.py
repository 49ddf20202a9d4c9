"""The rules of columns that several lake tables have."""

from __future__ import annotations

from expectations.rules import Between, Owner, Rule, Severity, matches, optional
from expectations.school_rules import SchoolRule, at_most_share, copies, fresh, unique
from transforms import keys
from transforms.bilingual import Words

CRITICAL, INFO = Severity.CRITICAL, Severity.INFO
PLATFORM, PRIVACY, SCHOOLS = Owner.PLATFORM, Owner.PRIVACY, Owner.SCHOOLS

CODE = keys.IDENTIFIER
PSEUDONYM = "[0-9a-f]{32}"
FUTURE_SLACK = "INTERVAL '10' MINUTE"  # five for the sender's clock, five for ours
FRESH_HOURS = 26  # a day, and two hours for the load that runs at night
FIRST_COHORT, LAST_COHORT = 1990, 2100  # graduation years that a lifecycle rule may exist for
FREE_TEXT = Words("free text may name a minor", "un texto libre puede nombrar a un menor")
NO_IDENTITY = Words(
    "a row without identity can neither be counted once nor erased",
    "una fila sin identidad no se puede contar una sola vez ni borrar",
)
_UNKNOWN_COHORT = "graduation_year = 0"

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
            Words(
                "a row of no school has no tenant, and nobody may see it",
                "una fila sin escuela no es de nadie, y nadie puede verla",
            ),
            PLATFORM,
        ),
        Rule(
            "student_key_shape",
            matches("student_key", PSEUDONYM),
            CRITICAL,
            Words(
                "anything else may be a raw identifier of a minor",
                "cualquier otra cosa puede ser el identificador en claro de un menor",
            ),
            PRIVACY,
        ),
        Rule(
            "teacher_key_shape",
            optional("teacher_key", matches("teacher_key", PSEUDONYM)),
            CRITICAL,
            Words(
                "anything else may be a raw identifier of a teacher",
                "cualquier otra cosa puede ser el identificador en claro de un docente",
            ),
            PRIVACY,
        ),
        Rule(
            "pseudonym_version_positive",
            Between("pseudonym_version", 1),
            CRITICAL,
            Words(
                "a pseudonym without its key's version cannot be found again to be erased",
                "un seudónimo sin la versión de su clave no se puede volver a encontrar para borrarlo",
            ),
            PLATFORM,
        ),
    )


def cohort_rules() -> tuple[Rule | SchoolRule, ...]:
    """The rules of the graduation year, on which retention hangs."""
    return (
        Rule(
            "cohort_plausible",
            f"graduation_year = 0 OR graduation_year BETWEEN {FIRST_COHORT} AND {LAST_COHORT}",
            CRITICAL,
            Words(
                "the lifecycle rules know no other cohorts: the row would never expire",
                "las reglas de ciclo de vida no conocen otras generaciones: la fila no caducaría nunca",
            ),
            PRIVACY,
        ),
        Rule(
            "cohort_known",
            f"NOT coalesce({_UNKNOWN_COHORT}, false)",
            INFO,
            Words(
                "an unknown cohort has no retention date; the audit chases it",
                "una generación desconocida no tiene fecha de conservación; la auditoría la persigue",
            ),
            SCHOOLS,
        ),
        at_most_share(
            "cohort_known_of_most",
            f"count_if({_UNKNOWN_COHORT})",
            0.05,
            Words(
                "a student or two are new; this many mean a roster that was not sent",
                "uno o dos alumnos son nuevos; tantos indican una lista de alumnos que no se envió",
            ),
            SCHOOLS,
        ),
    )


def copy_rules(identity: str, repeats: Words) -> tuple[SchoolRule, ...]:
    """The rules of rows that landed more than once in a load.

    Args:
        identity: The table's column that makes a row unique.
        repeats: Who repeats, if many do.
    """
    return (
        unique(
            f"{identity}_unique",
            identity,
            INFO,
            Words(
                "the ways to the landing deliver at least once, and the load drops the copies",
                "los caminos hasta la entrada entregan al menos una vez, y la carga descarta las copias",
            ),
            PLATFORM,
        ),
        at_most_share(
            f"{identity}_unique_of_most",
            copies(identity),
            0.1,
            Words(
                f"so many copies mean {repeats.en}, and cost as much as rows",
                f"tantas copias indican {repeats.es}, y cuestan tanto como filas",
            ),
            PLATFORM,
        ),
    )


def recent(moment: str) -> SchoolRule:
    """A load's rows came to the platform lately.

    Args:
        moment: The table's column that says when a row came.
    """
    return fresh(
        "fresh",
        moment,
        FRESH_HOURS,
        Words(
            "the lake is a day behind: loads did not run, or the way to the landing stood still",
            "el lago lleva un día de atraso: no hubo cargas, o el camino hasta la entrada se detuvo",
        ),
        PLATFORM,
    )


def envelope_rules(contract_version: int, *, required: bool) -> tuple[Rule, ...]:
    """The rules of what wraps every row: the request it came by and its contract.

    Args:
        contract_version: The newest that this house knows.
        required: Whether both must be there.
    """
    correlation = matches("correlation_id", keys.UUID)
    return (
        Rule(
            "correlation_id_shape",
            correlation if required else optional("correlation_id", correlation),
            CRITICAL,
            Words(
                "a header that a client filled may hold anything",
                "una cabecera que llenó un cliente puede contener cualquier cosa",
            ),
            PRIVACY,
        ),
        Rule(
            "contract_version_known",
            Between("contract_version", 1, contract_version, or_empty=not required),
            CRITICAL,
            Words(
                "a row of a contract that we do not know may mean something else",
                "una fila de un contrato que no conocemos puede significar otra cosa",
            ),
            PLATFORM,
        ),
    )


def only_of(column: str, kind_column: str, kind: str, why: Words) -> Rule:
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
        CRITICAL,
        why,
        PLATFORM,
    )


def no_raw_identifier(*columns: str) -> Rule:
    """No code column holds what identifies a person."""
    return Rule(
        "no_raw_identifier",
        " AND ".join(f"NOT regexp_like(coalesce({column}, ''), '{RAW_IDENTIFIER}')" for column in columns),
        CRITICAL,
        Words(
            "an identifier that someone typed as a code would undo every pseudonym",
            "un identificador escrito como código anularía todos los seudónimos",
        ),
        PRIVACY,
    )

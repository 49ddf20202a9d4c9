"""What must hold of evaluations, grades and cohorts before an analyst may see them."""

from __future__ import annotations

from expectations.columns import (
    CODE,
    FIRST_COHORT,
    FREE_TEXT,
    FUTURE_SLACK,
    LAST_COHORT,
    NO_IDENTITY,
    PSEUDONYM,
    cohort_rules,
    copy_rules,
    envelope_rules,
    key_rules,
    no_raw_identifier,
    only_of,
    recent,
)
from expectations.rules import Between, Expectations, OneOf, Owner, Rule, Severity, matches, optional
from transforms import periods
from transforms.bilingual import Words
from transforms.lake_schema import ACADEMIC_CHANGES as TABLE
from transforms.lake_schema import CHANGE_TYPES, OPERATIONS

CRITICAL, WARNING = Severity.CRITICAL, Severity.WARNING
PLATFORM, PRIVACY, SCHOOLS = Owner.PLATFORM, Owner.PRIVACY, Owner.SCHOOLS

ACADEMIC_CHANGES = Expectations(
    TABLE,
    moment="changed_at",
    rules=(
        Rule(
            "change_id_shape",
            matches("change_id", "[A-Za-z0-9_-]{8,128}"),
            CRITICAL,
            NO_IDENTITY,
            PLATFORM,
        ),
        *copy_rules("change_id", Words("a pipe that repeats", "una tubería que repite")),
        *key_rules(),
        *cohort_rules(),
        Rule(
            "change_type_known",
            OneOf("change_type", CHANGE_TYPES),
            CRITICAL,
            Words("no model of ours would read the row", "ningún modelo nuestro leería la fila"),
            PLATFORM,
        ),
        Rule(
            "operation_known",
            OneOf("operation", OPERATIONS),
            CRITICAL,
            Words(
                "a history that cannot tell a first score from a corrected one explains nothing",
                "un historial que no distingue una primera nota de una corregida no explica nada",
            ),
            PLATFORM,
        ),
        Rule(
            "previous_cohort_plausible",
            Between("previous_graduation_year", FIRST_COHORT, LAST_COHORT, or_empty=True),
            CRITICAL,
            Words(
                "the rows to move out of the old cohort would not be found",
                "no se encontrarían las filas que hay que sacar de la generación anterior",
            ),
            PRIVACY,
        ),
        Rule(
            "previous_cohort_of_cohort_only",
            "previous_graduation_year IS NULL OR coalesce(change_type = 'cohort', false)",
            CRITICAL,
            Words(
                "only a change of cohort has one before it", "solo un cambio de generación tiene una anterior"
            ),
            PLATFORM,
        ),
        Rule(
            "subject_code",
            optional("subject", matches("subject", CODE)),
            CRITICAL,
            FREE_TEXT,
            PRIVACY,
        ),
        Rule(
            "period_code",
            optional("period", matches("period", CODE)),
            CRITICAL,
            FREE_TEXT,
            PRIVACY,
        ),
        Rule(
            "evaluation_type_code",
            optional("evaluation_type", matches("evaluation_type", CODE)),
            CRITICAL,
            FREE_TEXT,
            PRIVACY,
        ),
        no_raw_identifier("subject", "period", "evaluation_type"),
        Rule(
            "subject_and_period_of_scores",
            "coalesce(change_type IN ('evaluation', 'grade'), false) ="
            " (subject IS NOT NULL AND period IS NOT NULL)",
            CRITICAL,
            Words(
                "a score without subject and period belongs to no report",
                "una nota sin materia ni periodo no es de ninguna boleta",
            ),
            PLATFORM,
        ),
        Rule(
            "evaluation_key_shape",
            optional("evaluation_key", matches("evaluation_key", PSEUDONYM)),
            CRITICAL,
            Words(
                "a teacher's own name of an evaluation may name a student",
                "el nombre que un docente da a una evaluación puede nombrar a un alumno",
            ),
            PRIVACY,
        ),
        only_of(
            "evaluation_key",
            "change_type",
            "evaluation",
            Words("an evaluation is followed by its key", "una evaluación se sigue por su clave"),
        ),
        Rule(
            "score_of_scores_only",
            "coalesce(change_type IN ('evaluation', 'grade'), false) = (score IS NOT NULL)",
            CRITICAL,
            Words(
                "a change of cohort has no score, and the others are nothing without one",
                "un cambio de generación no tiene nota, y los demás no son nada sin ella",
            ),
            PLATFORM,
        ),
        Rule(
            "score_in_range",
            Between("score", int(periods.LOWEST), int(periods.HIGHEST), or_empty=True),
            CRITICAL,
            Words(
                "no evaluation of ours is worth that; the mean of a class would be wrong",
                "ninguna evaluación nuestra vale eso; la media de un grupo sería errónea",
            ),
            SCHOOLS,
        ),
        Rule(
            "evaluations_count_positive",
            Between("evaluations_count", 1, or_empty=True),
            CRITICAL,
            Words(
                "a grade that stands on no evaluation cannot be explained",
                "una calificación que no se apoya en ninguna evaluación no se puede explicar",
            ),
            PLATFORM,
        ),
        only_of(
            "evaluations_count",
            "change_type",
            "grade",
            Words(
                "a grade stands on so many evaluations", "una calificación se apoya en tantas evaluaciones"
            ),
        ),
        Rule(
            "version_positive",
            Between("version", 1, or_empty=True),
            CRITICAL,
            Words(
                "the newest version of a score is the one that counts",
                "la versión más reciente de una nota es la que cuenta",
            ),
            PLATFORM,
        ),
        Rule(
            "rules_version_positive",
            Between("rules_version", 1, or_empty=True),
            CRITICAL,
            Words(
                "a grade is explained by the version of the rules behind it",
                "una calificación se explica por la versión de sus reglas",
            ),
            PLATFORM,
        ),
        Rule(
            "changed_at_plausible",
            "changed_at >= TIMESTAMP '2000-01-01 00:00:00.000'",
            CRITICAL,
            Words("changes are put in order by it", "los cambios se ordenan por ella"),
            PLATFORM,
        ),
        Rule(
            "not_in_the_future",
            f"changed_at IS NULL OR changed_at <= judged_at + {FUTURE_SLACK}",
            CRITICAL,
            Words(
                "a change from the future would be the last word for years",
                "un cambio del futuro tendría durante años la última palabra",
            ),
            PLATFORM,
        ),
        Rule(
            "local_date_plausible",
            "local_date BETWEEN DATE '2000-01-01' AND CAST(judged_at + INTERVAL '400' DAY AS date)",
            CRITICAL,
            Words(
                "the date decides the partition; an evaluation may be planned, a year ahead at most",
                "la fecha decide la partición; una evaluación se puede planear, a un año como mucho",
            ),
            SCHOOLS,
        ),
        *envelope_rules(TABLE.version, required=False),
        recent("changed_at"),
    ),
)

"""What must hold of behaviour events before an analyst may see them."""

from __future__ import annotations

from expectations.columns import (
    CODE,
    FREE_TEXT,
    FUTURE_SLACK,
    NO_IDENTITY,
    cohort_rules,
    copy_rules,
    envelope_rules,
    key_rules,
    no_raw_identifier,
    only_of,
    recent,
)
from expectations.rules import Between, Expectations, OneOf, Owner, Present, Rule, Severity, matches, optional
from transforms import events, keys, points, schools
from transforms.bilingual import Words
from transforms.lake_schema import BEHAVIOR_EVENTS as TABLE

CRITICAL, WARNING, INFO = Severity.CRITICAL, Severity.WARNING, Severity.INFO
PLATFORM, PRIVACY, SCHOOLS = Owner.PLATFORM, Owner.PRIVACY, Owner.SCHOOLS
_FIRST_MOMENT = "TIMESTAMP '2000-01-01 00:00:00.000'"
_CLOCK_AHEAD = int(events.CLOCK_AHEAD.total_seconds() // 60)

BEHAVIOR_EVENTS = Expectations(
    TABLE,
    moment="received_at",
    rhythm="event_type",
    rules=(
        Rule(
            "event_id_shape",
            matches("event_id", keys.UUID),
            CRITICAL,
            NO_IDENTITY,
            PLATFORM,
        ),
        *copy_rules(
            "event_id", Words("a sender or a pipe that repeats", "a quien envía o una tubería que repite")
        ),
        *key_rules(),
        *cohort_rules(),
        Rule(
            "event_type_known",
            OneOf("event_type", events.EVENT_TYPES),
            CRITICAL,
            Words(
                "an unknown type has no points and no place in any trend",
                "un tipo desconocido no tiene puntos ni lugar en ninguna tendencia",
            ),
            PLATFORM,
        ),
        Rule(
            "status_known",
            OneOf("status", events.STATUSES, or_empty=True),
            CRITICAL,
            Words(
                "an attendance rate would count a status that nobody defined",
                "la tasa de asistencia contaría un estado que nadie definió",
            ),
            PLATFORM,
        ),
        only_of(
            "status",
            "event_type",
            "attendance",
            Words("attendance without a status says nothing", "una asistencia sin estado no dice nada"),
        ),
        Rule(
            "polarity_known",
            OneOf("polarity", events.POLARITIES, or_empty=True),
            CRITICAL,
            Words(
                "conduct would be summed under a polarity that nobody defined",
                "la conducta se sumaría con una polaridad que nadie definió",
            ),
            PLATFORM,
        ),
        only_of(
            "polarity",
            "event_type",
            "conduct",
            Words(
                "conduct without a polarity is neither good nor bad",
                "una conducta sin polaridad no es buena ni mala",
            ),
        ),
        Rule(
            "subject_code",
            optional("subject", matches("subject", CODE)),
            CRITICAL,
            FREE_TEXT,
            PRIVACY,
        ),
        Rule(
            "class_code",
            optional("class_id", matches("class_id", CODE)),
            CRITICAL,
            FREE_TEXT,
            PRIVACY,
        ),
        no_raw_identifier("subject", "class_id"),
        Rule(
            "points_in_range",
            Between("points", -points.MOST_POINTS, points.MOST_POINTS),
            CRITICAL,
            Words("one event would drown a student's week", "un solo evento ahogaría la semana de un alumno"),
            PLATFORM,
        ),
        Rule(
            "points_version_positive",
            Between("points_version", 1),
            CRITICAL,
            Words(
                "points that no version of the rules explains cannot be shown to a teacher",
                "unos puntos que ninguna versión de las reglas explica no se pueden mostrar a un docente",
            ),
            PLATFORM,
        ),
        Rule(
            "occurred_at_plausible",
            f"occurred_at >= {_FIRST_MOMENT}",
            CRITICAL,
            Words(
                "an event without a moment, or from before any school of ours, has no week",
                "un evento sin momento, o anterior a cualquiera de nuestras escuelas, no tiene semana",
            ),
            SCHOOLS,
        ),
        Rule(
            "occurred_within_records_kept",
            f"coalesce(occurred_at < {_FIRST_MOMENT} OR "
            f"occurred_at >= received_at - INTERVAL '{schools.RECORDS_KEPT.days}' DAY, true)",
            INFO,
            Words(
                "only a school whose records_since says so may send older events: an import, or a wrong year",
                "solo si records_since lo dice se envían eventos más antiguos: importación o año equivocado",
            ),
            SCHOOLS,
        ),
        Rule(
            "received_at_present",
            Present("received_at"),
            CRITICAL,
            Words(
                "completeness is audited by the day of receipt",
                "la integridad se audita por día de recepción",
            ),
            PLATFORM,
        ),
        Rule(
            "received_after_occurred",
            "occurred_at IS NULL OR received_at IS NULL OR "
            f"received_at >= occurred_at - INTERVAL '{_CLOCK_AHEAD}' MINUTE",
            WARNING,
            Words(
                "a sender's clock ahead shifts a school's week",
                "el reloj adelantado de quien envía desplaza la semana de una escuela",
            ),
            SCHOOLS,
        ),
        Rule(
            "not_in_the_future",
            f"coalesce(greatest(occurred_at, received_at) <= judged_at + {FUTURE_SLACK}, true)",
            CRITICAL,
            Words(
                "a row from the future is the newest week of its school for years",
                "una fila del futuro sería durante años la semana más reciente de su escuela",
            ),
            PLATFORM,
        ),
        Rule(
            "utc_offset_plausible",
            Between("utc_offset_minutes", -720, 840),
            CRITICAL,
            Words(
                "no place on earth is further from UTC; the local date would be wrong",
                "ningún lugar de la Tierra está más lejos de UTC; la fecha local sería errónea",
            ),
            PLATFORM,
        ),
        Rule(
            "local_date_agrees",
            "CASE WHEN occurred_at IS NULL OR utc_offset_minutes IS NULL THEN local_date IS NOT NULL"
            " ELSE local_date = CAST(date_add('minute', utc_offset_minutes, occurred_at) AS date) END",
            CRITICAL,
            Words(
                "the date decides partition, week and retention: it must be the school's own",
                "la fecha decide partición, semana y conservación: debe ser la de la escuela",
            ),
            PLATFORM,
        ),
        *envelope_rules(TABLE.version, required=True),
        recent("received_at"),
    ),
)

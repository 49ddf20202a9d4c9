"""What must hold of behaviour events before an analyst may see them."""

from __future__ import annotations

from expectations.columns import (
    CODE,
    FUTURE_SLACK,
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
            "a row without identity can neither be counted once nor erased",
            PLATFORM,
        ),
        *copy_rules("event_id", "a sender or a pipe that repeats"),
        *key_rules(),
        *cohort_rules(),
        Rule(
            "event_type_known",
            OneOf("event_type", events.EVENT_TYPES),
            CRITICAL,
            "an unknown type has no points and no place in any trend",
            PLATFORM,
        ),
        Rule(
            "status_known",
            OneOf("status", events.STATUSES, or_empty=True),
            CRITICAL,
            "an attendance rate would count a status that nobody defined",
            PLATFORM,
        ),
        only_of("status", "event_type", "attendance", "attendance without a status says nothing"),
        Rule(
            "polarity_known",
            OneOf("polarity", events.POLARITIES, or_empty=True),
            CRITICAL,
            "conduct would be summed under a polarity that nobody defined",
            PLATFORM,
        ),
        only_of("polarity", "event_type", "conduct", "conduct without a polarity is neither good nor bad"),
        Rule(
            "subject_code",
            optional("subject", matches("subject", CODE)),
            CRITICAL,
            "free text may name a minor",
            PRIVACY,
        ),
        Rule(
            "class_code",
            optional("class_id", matches("class_id", CODE)),
            CRITICAL,
            "free text may name a minor",
            PRIVACY,
        ),
        no_raw_identifier("subject", "class_id"),
        Rule(
            "points_in_range",
            Between("points", -points.MOST_POINTS, points.MOST_POINTS),
            CRITICAL,
            "one event would drown a student's week",
            PLATFORM,
        ),
        Rule(
            "points_version_positive",
            Between("points_version", 1),
            CRITICAL,
            "points that no version of the rules explains cannot be shown to a teacher",
            PLATFORM,
        ),
        Rule(
            "occurred_at_plausible",
            f"occurred_at >= {_FIRST_MOMENT}",
            CRITICAL,
            "an event without a moment, or from before any school of ours, has no week",
            SCHOOLS,
        ),
        Rule(
            "occurred_within_records_kept",
            f"coalesce(occurred_at < {_FIRST_MOMENT} OR "
            f"occurred_at >= received_at - INTERVAL '{schools.RECORDS_KEPT.days}' DAY, true)",
            INFO,
            "only a school whose records_since says so may send older events: an import, or a wrong year",
            SCHOOLS,
        ),
        Rule(
            "received_at_present",
            Present("received_at"),
            CRITICAL,
            "completeness is audited by the day of receipt",
            PLATFORM,
        ),
        Rule(
            "received_after_occurred",
            "occurred_at IS NULL OR received_at IS NULL OR "
            f"received_at >= occurred_at - INTERVAL '{_CLOCK_AHEAD}' MINUTE",
            WARNING,
            "a sender's clock ahead shifts a school's week",
            SCHOOLS,
        ),
        Rule(
            "not_in_the_future",
            f"coalesce(greatest(occurred_at, received_at) <= judged_at + {FUTURE_SLACK}, true)",
            CRITICAL,
            "a row from the future is the newest week of its school for years",
            PLATFORM,
        ),
        Rule(
            "utc_offset_plausible",
            Between("utc_offset_minutes", -720, 840),
            CRITICAL,
            "no place on earth is further from UTC; the local date would be wrong",
            PLATFORM,
        ),
        Rule(
            "local_date_agrees",
            "CASE WHEN occurred_at IS NULL OR utc_offset_minutes IS NULL THEN local_date IS NOT NULL"
            " ELSE local_date = CAST(date_add('minute', utc_offset_minutes, occurred_at) AS date) END",
            CRITICAL,
            "the date decides partition, week and retention: it must be the school's own",
            PLATFORM,
        ),
        *envelope_rules(TABLE.version, required=True),
        recent("received_at"),
    ),
)

"""What must hold of behaviour events before an analyst may see them."""

from __future__ import annotations

from expectations.columns import (
    CODE,
    FUTURE_SLACK,
    cohort_rules,
    envelope_rules,
    key_rules,
    no_raw_identifier,
    only_of,
)
from expectations.rules import Expectations, Rule, Severity, Unique, matches, one_of, optional
from transforms import events, keys, points
from transforms.lake_schema import BEHAVIOR_EVENTS as TABLE

CRITICAL, WARNING = Severity.CRITICAL, Severity.WARNING
_CLOCK_AHEAD = int(events.CLOCK_AHEAD.total_seconds() // 60)

BEHAVIOR_EVENTS = Expectations(
    TABLE,
    moment="received_at",
    rules=(
        Rule(
            "event_id_shape",
            matches("event_id", keys.UUID),
            CRITICAL,
            "a row without identity can neither be counted once nor erased",
        ),
        Unique(
            "event_id_unique",
            "event_id",
            WARNING,
            "the load drops copies; many of them mean a sender or a pipe that repeats",
        ),
        *key_rules(),
        *cohort_rules(),
        Rule(
            "event_type_known",
            one_of("event_type", events.EVENT_TYPES),
            CRITICAL,
            "an unknown type has no points and no place in any trend",
        ),
        Rule(
            "status_known",
            optional("status", one_of("status", events.STATUSES)),
            CRITICAL,
            "an attendance rate would count a status that nobody defined",
        ),
        only_of("status", "event_type", "attendance", "attendance without a status says nothing"),
        Rule(
            "polarity_known",
            optional("polarity", one_of("polarity", events.POLARITIES)),
            CRITICAL,
            "conduct would be summed under a polarity that nobody defined",
        ),
        only_of("polarity", "event_type", "conduct", "conduct without a polarity is neither good nor bad"),
        Rule(
            "subject_code",
            optional("subject", matches("subject", CODE)),
            CRITICAL,
            "free text may name a minor",
        ),
        Rule(
            "class_code",
            optional("class_id", matches("class_id", CODE)),
            CRITICAL,
            "free text may name a minor",
        ),
        no_raw_identifier("subject", "class_id"),
        Rule(
            "points_in_range",
            f"points BETWEEN -{points.MOST_POINTS} AND {points.MOST_POINTS}",
            CRITICAL,
            "one event would drown a student's week",
        ),
        Rule(
            "points_version_positive",
            "points_version >= 1",
            CRITICAL,
            "points that no version of the rules explains cannot be shown to a teacher",
        ),
        Rule(
            "occurred_at_plausible",
            "occurred_at >= TIMESTAMP '2000-01-01 00:00:00.000'",
            CRITICAL,
            "an event without a moment, or from before any school of ours, has no week",
        ),
        Rule(
            "received_at_present",
            "received_at IS NOT NULL",
            CRITICAL,
            "completeness is audited by the day of receipt",
        ),
        Rule(
            "received_after_occurred",
            "occurred_at IS NULL OR received_at IS NULL OR "
            f"received_at >= occurred_at - INTERVAL '{_CLOCK_AHEAD}' MINUTE",
            WARNING,
            "a sender's clock ahead shifts a school's week",
        ),
        Rule(
            "not_in_the_future",
            f"coalesce(greatest(occurred_at, received_at) <= judged_at + {FUTURE_SLACK}, true)",
            CRITICAL,
            "a row from the future is the newest week of its school for years",
        ),
        Rule(
            "utc_offset_plausible",
            "utc_offset_minutes BETWEEN -720 AND 840",
            CRITICAL,
            "no place on earth is further from UTC; the local date would be wrong",
        ),
        Rule(
            "local_date_agrees",
            "CASE WHEN occurred_at IS NULL OR utc_offset_minutes IS NULL THEN local_date IS NOT NULL"
            " ELSE local_date = CAST(date_add('minute', utc_offset_minutes, occurred_at) AS date) END",
            CRITICAL,
            "the date decides partition, week and retention: it must be the school's own",
        ),
        *envelope_rules(events.CONTRACT_VERSION, required=True),
    ),
)

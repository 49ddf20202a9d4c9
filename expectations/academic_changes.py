"""What must hold of evaluations, grades and cohorts before an analyst may see them."""

from __future__ import annotations

from expectations.columns import (
    CODE,
    FIRST_COHORT,
    FUTURE_SLACK,
    LAST_COHORT,
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
            "a row without identity can neither be counted once nor erased",
            PLATFORM,
        ),
        *copy_rules("change_id", "a pipe that repeats"),
        *key_rules(),
        *cohort_rules(),
        Rule(
            "change_type_known",
            OneOf("change_type", CHANGE_TYPES),
            CRITICAL,
            "no model of ours would read the row",
            PLATFORM,
        ),
        Rule(
            "operation_known",
            OneOf("operation", OPERATIONS),
            CRITICAL,
            "a history that cannot tell a first score from a corrected one explains nothing",
            PLATFORM,
        ),
        Rule(
            "previous_cohort_plausible",
            Between("previous_graduation_year", FIRST_COHORT, LAST_COHORT, or_empty=True),
            CRITICAL,
            "the rows to move out of the old cohort would not be found",
            PRIVACY,
        ),
        Rule(
            "previous_cohort_of_cohort_only",
            "previous_graduation_year IS NULL OR coalesce(change_type = 'cohort', false)",
            CRITICAL,
            "only a change of cohort has one before it",
            PLATFORM,
        ),
        Rule(
            "subject_code",
            optional("subject", matches("subject", CODE)),
            CRITICAL,
            "free text may name a minor",
            PRIVACY,
        ),
        Rule(
            "period_code",
            optional("period", matches("period", CODE)),
            CRITICAL,
            "free text may name a minor",
            PRIVACY,
        ),
        Rule(
            "evaluation_type_code",
            optional("evaluation_type", matches("evaluation_type", CODE)),
            CRITICAL,
            "free text may name a minor",
            PRIVACY,
        ),
        no_raw_identifier("subject", "period", "evaluation_type"),
        Rule(
            "subject_and_period_of_scores",
            "coalesce(change_type IN ('evaluation', 'grade'), false) ="
            " (subject IS NOT NULL AND period IS NOT NULL)",
            CRITICAL,
            "a score without subject and period belongs to no report",
            PLATFORM,
        ),
        Rule(
            "evaluation_key_shape",
            optional("evaluation_key", matches("evaluation_key", PSEUDONYM)),
            CRITICAL,
            "a teacher's own name of an evaluation may name a student",
            PRIVACY,
        ),
        only_of("evaluation_key", "change_type", "evaluation", "an evaluation is followed by its key"),
        Rule(
            "score_of_scores_only",
            "coalesce(change_type IN ('evaluation', 'grade'), false) = (score IS NOT NULL)",
            CRITICAL,
            "a change of cohort has no score, and the others are nothing without one",
            PLATFORM,
        ),
        Rule(
            "score_in_range",
            Between("score", int(periods.LOWEST), int(periods.HIGHEST), or_empty=True),
            CRITICAL,
            "no evaluation of ours is worth that; the mean of a class would be wrong",
            SCHOOLS,
        ),
        Rule(
            "evaluations_count_positive",
            Between("evaluations_count", 1, or_empty=True),
            CRITICAL,
            "a grade that stands on no evaluation cannot be explained",
            PLATFORM,
        ),
        only_of("evaluations_count", "change_type", "grade", "a grade stands on so many evaluations"),
        Rule(
            "version_positive",
            Between("version", 1, or_empty=True),
            CRITICAL,
            "the newest version of a score is the one that counts",
            PLATFORM,
        ),
        Rule(
            "rules_version_positive",
            Between("rules_version", 1, or_empty=True),
            CRITICAL,
            "a grade is explained by the version of the rules behind it",
            PLATFORM,
        ),
        Rule(
            "changed_at_plausible",
            "changed_at >= TIMESTAMP '2000-01-01 00:00:00.000'",
            CRITICAL,
            "changes are put in order by it",
            PLATFORM,
        ),
        Rule(
            "not_in_the_future",
            f"changed_at IS NULL OR changed_at <= judged_at + {FUTURE_SLACK}",
            CRITICAL,
            "a change from the future would be the last word for years",
            PLATFORM,
        ),
        Rule(
            "local_date_plausible",
            "local_date BETWEEN DATE '2000-01-01' AND CAST(judged_at + INTERVAL '400' DAY AS date)",
            CRITICAL,
            "the date decides the partition; an evaluation may be planned, a year ahead at most",
            SCHOOLS,
        ),
        *envelope_rules(TABLE.version, required=False),
        recent("changed_at"),
    ),
)

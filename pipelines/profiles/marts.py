"""The weeks of all students of some schools, out of the marts, under their pseudonyms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from adapters import athena, catalog
from adapters.settings import setting
from expectations.rules import one_of
from transforms.weekly_trends import WeeklyTrend

MARTS = ("weekly_student_behavior", "weekly_student_trends", "early_warnings", "early_warning_rules")

_WEEKS = """
WITH warnings AS (
    SELECT school_id, student_key, iso_week, array_join(array_sort(array_agg(rule)), ' ') AS rules
    FROM early_warnings
    WHERE {wanted}
    GROUP BY school_id, student_key, iso_week
)
SELECT
    weeks.school_id, weeks.student_key, weeks.iso_week, weeks.points, weeks.event_count, weeks.trend,
    weeks.points_change, weeks.points_moving_avg_4w, weeks.attendance_rate, weeks.is_school_week,
    trends.points_slope_4w, trends.points_slope_low_4w, trends.points_slope_high_4w,
    trends.attendance_rate_4w, trends.absence_rate_8w, trends.silent_school_weeks,
    trends.as_of, weeks.is_final, warnings.rules AS warnings,
    (SELECT max(rules_version) FROM early_warning_rules) AS rules_version
FROM weekly_student_behavior AS weeks
INNER JOIN weekly_student_trends AS trends
    ON weeks.school_id = trends.school_id
    AND weeks.student_key = trends.student_key
    AND weeks.iso_week = trends.iso_week
LEFT JOIN warnings
    ON weeks.school_id = warnings.school_id
    AND weeks.student_key = warnings.student_key
    AND weeks.iso_week = warnings.iso_week
WHERE {wanted_weeks} AND {wanted_trends}
"""


class MartsMissingError(LookupError):
    """The marts were never built."""


class StudentWeek(NamedTuple):
    """A row.

    Attributes:
        school_id: The school.
        student_key: The pseudonym.
        trend: What the marts say of the week.
    """

    school_id: str
    student_key: str
    trend: WeeklyTrend


def require() -> None:
    """Makes sure that the marts are there.

    Raises:
        MartsMissingError: Some are not.
    """
    database = setting("MARTS_DATABASE")
    missing = sorted(set(MARTS) - catalog.table_names(database))
    if missing:
        raise MartsMissingError(
            f"database {database!r} has no {', '.join(missing)}: build the marts first, with `luca trends`"
        )


def weeks(schools: Sequence[str], iso_weeks: Sequence[str]) -> Iterator[StudentWeek]:
    """Every row of some schools and weeks; a partition of a mart is what is asked for, so no other is read.

    Args:
        schools: At least one.
        iso_weeks: At least one.

    Raises:
        QueryFailedError: Athena refused or failed.
    """
    found = athena.query_text(
        _WEEKS.format(
            wanted=_wanted("", schools, iso_weeks),
            wanted_weeks=_wanted("weeks.", schools, iso_weeks),
            wanted_trends=_wanted("trends.", schools, iso_weeks),
        ),
        work_group=setting("JOBS_WORK_GROUP"),
        database=setting("MARTS_DATABASE"),
    )
    for batch in found.to_batches():
        for row in batch.to_pylist():
            yield StudentWeek(row["school_id"], row["student_key"], WeeklyTrend.from_mart(row))


def _wanted(table: str, schools: Sequence[str], iso_weeks: Sequence[str]) -> str:
    return f"{one_of(f'{table}school_id', schools)} AND {one_of(f'{table}iso_week', iso_weeks)}"

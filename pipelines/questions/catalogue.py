"""The questions: who may ask, how, and how to read the answer."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from enum import StrEnum

EXAMPLE_SCHOOL = "school_1"
_IDENTIFIER = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class Readers(StrEnum):
    """Who may read the tables of a question, by the work group that they ask in."""

    ANALYSTS = "luca-analysts"
    SCHOOLS = "luca-schools"
    ENGINEERS = "luca-engineers"


class UnknownQuestionError(LookupError):
    """A name that is no question's."""


class SchoolMissingError(ValueError):
    """A question about one school, and no school was named, or none that can be one."""


@dataclass(frozen=True, slots=True)
class Chart:
    """How an answer is drawn.

    Attributes:
        mark: `line`, `bar` or `point`.
        x: Column along.
        y: Column upwards; for bars, the length.
        colour: Column that parts lines, bars or points; None for one colour.
    """

    mark: str
    x: str
    y: str
    colour: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A question of an analyst.

    Attributes:
        name: In code and commands.
        title: As a person asks it.
        readers: Who may ask.
        template: The SQL in Athena's dialect; `{school}` stands for a school.
        reading: How to read the answer, and what it does not say.
        chart: How it is drawn.
    """

    name: str
    title: str
    readers: Readers
    template: str
    reading: str
    chart: Chart

    @property
    def of_a_school(self) -> bool:
        """Whether it asks about one school."""
        return "{school}" in self.template

    def sql(self, school: str | None = None) -> str:
        """The statement.

        Args:
            school: Which school a question about one is asked of.

        Raises:
            SchoolMissingError: It needs a school, and this is none.
        """
        if not self.of_a_school:
            return self.template
        if school is None or not _IDENTIFIER.fullmatch(school):
            raise SchoolMissingError(
                f"{self.name} asks about one school, and {school!r} is none: name one, like {EXAMPLE_SCHOOL}"
            )
        return self.template.replace("{school}", school)


def _question(
    name: str, title: str, readers: Readers, sql: str, reading: str, chart: Chart
) -> tuple[str, Question]:
    return name, Question(
        name, title, readers, textwrap.dedent(sql).strip(), " ".join(reading.split()), chart
    )


QUESTIONS = dict(
    (
        _question(
            "attendance_by_school",
            "How does attendance go, school by school?",
            Readers.ANALYSTS,
            """
            SELECT school_id, week_start, attendance_rate, student_count
            FROM luca_marts.public_weekly_school_behavior
            WHERE attendance_rate IS NOT NULL
            ORDER BY school_id, week_start
            """,
            """A rate is the mean over students of (present + late) / (present + late + absent). A school
            without a row in a week had no class of enough students, no school, or a week that is not final
            yet; it is no zero.""",
            Chart("line", "week_start", "attendance_rate", "school_id"),
        ),
        _question(
            "participation_of_the_platform",
            "Do students take part more than they did?",
            Readers.ANALYSTS,
            """
            SELECT week_start, student_count, participations_per_student
            FROM luca_marts.public_weekly_platform_behavior
            WHERE participations_per_student IS NOT NULL
            ORDER BY week_start
            """,
            """Participations per active student of the published cells. Look at `student_count` too: a week
            in which other schools are published is another population.""",
            Chart("line", "week_start", "participations_per_student"),
        ),
        _question(
            "cohorts_side_by_side",
            "Which cohorts earn most points?",
            Readers.ANALYSTS,
            """
            SELECT
                graduation_year,
                sum(student_count) AS student_weeks,
                round(sum(student_count * points_per_student) / sum(student_count), 1) AS points_per_student
            FROM luca_marts.public_weekly_cohort_behavior
            GROUP BY graduation_year
            ORDER BY graduation_year
            """,
            """A mean weighted by students over all published weeks. Schools give points by rules of their
            own, so compare cohorts across schools with care.""",
            Chart("bar", "graduation_year", "points_per_student"),
        ),
        _question(
            "homework_and_attendance",
            "Where more homework is handed in, is attendance higher?",
            Readers.ANALYSTS,
            """
            SELECT school_id, graduation_year, week_start, assignments_per_student, attendance_rate
            FROM luca_marts.public_weekly_cohort_behavior
            WHERE assignments_per_student IS NOT NULL AND attendance_rate IS NOT NULL
            ORDER BY school_id, graduation_year, week_start
            """,
            """Each point is a cohort of a school in a week. What groups do together says nothing of one
            student (the ecological fallacy); `corr(assignments_per_student, attendance_rate)` gives one
            number for it.""",
            Chart("point", "assignments_per_student", "attendance_rate", "school_id"),
        ),
        _question(
            "rising_or_falling",
            "In which weeks did more students fall than rise?",
            Readers.ANALYSTS,
            """
            SELECT school_id, week_start, trend_balance
            FROM luca_marts.public_weekly_school_behavior
            WHERE trend_balance IS NOT NULL
            ORDER BY school_id, week_start
            """,
            """The share of students who rise less that of those who fall. A student falls whose points are
            below the weeks before by more than one event and a fifth. `trend_balance_coded_cells` counts the
            cells of which only a bound is told.""",
            Chart("line", "week_start", "trend_balance", "school_id"),
        ),
        _question(
            "same_week_last_year",
            "Is this week unlike the same week a year ago?",
            Readers.ANALYSTS,
            """
            SELECT
                school_id,
                iso_week,
                round(points_per_student - points_per_student_before, 1) AS points_change
            FROM luca_marts.public_yearly_comparison
            WHERE points_per_student IS NOT NULL AND points_per_student_before IS NOT NULL
            ORDER BY school_id, iso_week
            """,
            """ISO weeks side by side, so that seasons are compared with themselves. Holidays move between
            years: a week beside one without school has no row.""",
            Chart("bar", "iso_week", "points_change", "school_id"),
        ),
        _question(
            "warnings_of_a_school",
            "How many of our students does each warning concern?",
            Readers.SCHOOLS,
            """
            SELECT week_start, rule, count(*) AS student_count
            FROM luca_marts.early_warnings
            WHERE school_id = '{school}'
            GROUP BY week_start, rule
            ORDER BY week_start, rule
            """,
            """A student may meet several rules. The rules, with their numbers and reasons, stand in
            `luca_marts.early_warning_rules`. Only the school's own role can read this table, and only with
            its `school_id` in the condition.""",
            Chart("line", "week_start", "student_count", "rule"),
        ),
        _question(
            "certain_falls_of_a_school",
            "Whose points fall for certain, and how fast?",
            Readers.SCHOOLS,
            """
            SELECT student_key, week_start, points_slope_4w, points_slope_low_4w, points_slope_high_4w
            FROM luca_marts.weekly_student_trends
            WHERE school_id = '{school}' AND points_slope_high_4w < 0
            ORDER BY points_slope_4w, student_key, week_start
            LIMIT 50
            """,
            """A robust slope (Theil and Sen) over four school weeks whose whole interval is below zero. The
            key is a pseudonym: the student's own page shows the trend to those who may know the name.""",
            Chart("point", "week_start", "points_slope_4w"),
        ),
        _question(
            "behaviour_beside_grades",
            "Do grades go with attendance?",
            Readers.SCHOOLS,
            """
            SELECT subject, period, round(attendance_rate, 1) AS attendance_rate, count(*) AS grade_count,
                round(avg(CAST(coalesce(grade, CAST(mean_evaluation_score AS DECIMAL(7, 3))) AS DOUBLE)), 1)
                    AS mean_grade
            FROM luca_marts.student_period_grades
            WHERE school_id = '{school}' AND attendance_rate IS NOT NULL
            GROUP BY subject, period, round(attendance_rate, 1)
            ORDER BY subject, period, attendance_rate
            """,
            """The consolidated grade, or the mean of the evaluations while there is none, in bands of
            attendance. An association in one school and period, and no cause.""",
            Chart("point", "attendance_rate", "mean_grade", "subject"),
        ),
        _question(
            "what_became_of_rows",
            "What became of the rows that each school sent?",
            Readers.ENGINEERS,
            """
            SELECT school_id, fate, sum(row_count) AS row_count
            FROM luca_lake.loads
            CROSS JOIN UNNEST(
                ARRAY['duplicate', 'quarantined', 'published'], ARRAY[duplicate, quarantined, published]
            ) AS fates (fate, row_count)
            WHERE table_name = 'behavior_events' AND state = 'published'
            GROUP BY school_id, fate
            ORDER BY school_id, fate
            """,
            """Per school the three sum to what landed. Quarantined rows wait for `luca quarantine list`;
            many duplicates mean a sender that repeats what was taken.""",
            Chart("bar", "school_id", "row_count", "fate"),
        ),
    )
)


def question(name: str) -> Question:
    """A question by its name.

    Raises:
        UnknownQuestionError: There is none.
    """
    if name not in QUESTIONS:
        raise UnknownQuestionError(f"{name!r} is no question: use one of {', '.join(QUESTIONS)}")
    return QUESTIONS[name]

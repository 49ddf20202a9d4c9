"""What a profile and a class at a glance show."""

from __future__ import annotations

from msgspec import Struct

from api.contracts.fields import LocalDate, Number
from api.contracts.rules import PeriodSpan
from api.contracts.students import StudentLine
from transforms.activity import Activity, Week
from transforms.weekly_trends import WeeklyTrend


class GradePart(Struct, frozen=True, kw_only=True):
    """What a type of evaluation contributes to a grade.

    Attributes:
        type: Such as `exam`.
        score: Mean of the type.
        weight: Its weight in the rules.
        count: Of how many evaluations.
    """

    type: str
    score: Number
    weight: Number
    count: int


class SubjectGrade(Struct, frozen=True, kw_only=True):
    """A consolidated grade, as the nightly job calculated it.

    Attributes:
        subject: Its subject.
        period: Its period.
        score: 0 to 100; null: nothing counts any more.
        passed: By the school's rule at that time.
        min_passing: What passes by the rules of now; null where the school has none for the subject.
        evaluations_count: How many evaluations it is made of.
        parts: How it came about, by type.
        left_out: Reason to number of evaluations that do not count.
        rules_version: Of the school's rules.
        last_calculated: UTC.
        version: Of the grade.
        synced: Whether the government has this version.
    """

    subject: str
    period: str
    score: Number | None
    passed: bool | None
    min_passing: Number | None
    evaluations_count: int
    parts: list[GradePart]
    left_out: dict[str, int]
    rules_version: int
    last_calculated: str
    version: int
    synced: bool


class Count(Struct, frozen=True, kw_only=True, gc=False):
    """How often something happened this week, and where to see each time.

    Attributes:
        outcome: Such as `participation` or `attendance.late`.
        count: How often.
        points: What all of them together count.
        text: In words: `5 participaciones esta semana`.
        activity: Path of the events behind the number.
    """

    outcome: str
    count: int
    points: int
    text: str
    activity: str


class StudentProfile(Struct, frozen=True, kw_only=True):
    """A student as a teacher, or they themselves, see them.

    Attributes:
        student_id: Whose.
        given_name: As the school wrote it, if it did.
        family_name: Likewise.
        class_id: Code of the class.
        graduation_year: The cohort.
        time_zone: The school's; all local dates are in it.
        today: The school's date.
        period: The period asked for, else the current one; null where the school has none.
        periods: Ids of all periods of the school.
        grades: Consolidated grades of the period, by subject.
        week: The week at a glance: score and parts. The parts sum to the score.
        counts: The week in words, by outcome.
        recent_activity: Events of the last 7 days, newest first.
        trends: Weekly analysis from the lake: the last eight whole weeks, oldest first; empty for a student
            of whom nothing has reached it yet. The week that goes on is in `week`, live.
    """

    student_id: str
    given_name: str | None
    family_name: str | None
    class_id: str | None
    graduation_year: int | None
    time_zone: str
    today: LocalDate
    period: PeriodSpan | None
    periods: list[str]
    grades: list[SubjectGrade]
    week: Week
    counts: list[Count]
    recent_activity: list[Activity]
    trends: list[WeeklyTrend]


class WeekActivity(Struct, frozen=True, kw_only=True):
    """The events behind a number.

    Attributes:
        student_id: Whose.
        week: Sums of all events that were asked for, on every page: the parts sum to the number shown.
        events: Oldest first; this page of them.
        next: Path of the next page; null on the last one.
        kept_since: Local date before which events live in the lake only.
    """

    student_id: str
    week: Week
    events: list[Activity]
    next: str | None
    kept_since: LocalDate


class StudentWeek(Struct, frozen=True, kw_only=True):
    """A student of a class with their week.

    Attributes:
        student: Who.
        week: Score and parts.
        counts: The week in words, by outcome.
    """

    student: StudentLine
    week: Week
    counts: list[Count]


class ClassWeek(Struct, frozen=True, kw_only=True):
    """A class with its week.

    Attributes:
        class_id: Code of the class.
        iso_week: The school's week of now.
        students: By family name, given name, id.
    """

    class_id: str
    iso_week: str
    students: list[StudentWeek]

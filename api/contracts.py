"""The bodies of requests and answers. The OpenAPI document is derived from these types."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Annotated, Any

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from transforms import keys
from transforms.activity import Activity, Week
from transforms.students import GRADUATION_YEARS, LONGEST_NAME

MOST_EVALUATIONS = 500  # in one batch

_NUMBER = {"type": "number", "format": "decimal"}
Identifier = Annotated[str, Meta(pattern=keys.IDENTIFIER, description="Letters, digits, `_` and `-` (1–64).")]
Score = Annotated[
    Decimal, Meta(extra_json_schema={**_NUMBER, "minimum": 0, "maximum": 100, "multipleOf": 0.001})
]
Number = Annotated[Decimal, Meta(extra_json_schema=_NUMBER)]
Name = Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]
Year = Annotated[int, Meta(ge=GRADUATION_YEARS[0], le=GRADUATION_YEARS[-1])]
Version = Annotated[int, Meta(ge=1, le=999_999)]
LocalDate = datetime.date  # a field named `date` hides the type of that name


class NewEvaluation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An evaluation that a teacher records.

    Attributes:
        evaluation_id: Chosen by the teacher's school; sending the same one again changes nothing.
        student_id: Who was evaluated.
        subject: Code of the subject; the school's rules weigh its types.
        period: Id of a period; left out, it is the one that `date` lies in.
        type: Such as `exam`: one that the subject's rules weigh.
        date: The school's date.
        score: 0 to 100, at most three decimal places.
        weight: Its share inside its type; left out, all weigh the same.
    """

    evaluation_id: Identifier
    student_id: Identifier
    subject: Identifier
    type: Identifier
    date: LocalDate
    score: Score
    period: Identifier | None = None
    weight: Score | None = None


class CorrectedEvaluation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A correction; what is left out stays as it is.

    Attributes:
        version: The version that you read; the correction becomes the next one.
        score: The right score.
        type: The right type.
        date: The right date.
        weight: The right weight; null takes a weight away.
        deleted: True takes the evaluation out of the grade, false puts it back.
    """

    version: Version
    score: Score | UnsetType = UNSET
    type: Identifier | UnsetType = UNSET
    date: LocalDate | UnsetType = UNSET
    weight: Score | UnsetType | None = UNSET
    deleted: bool | UnsetType = UNSET


class EvaluationBatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Many evaluations, each judged by itself.

    Attributes:
        evaluations: Bodies of `POST /evaluations`.
    """

    evaluations: Annotated[list[Raw], Meta(min_length=1, max_length=MOST_EVALUATIONS)]


class RecordedEvaluation(Struct, frozen=True, kw_only=True):
    """An evaluation as it is kept.

    Attributes:
        evaluation_id: Its id.
        student_id: Who was evaluated.
        subject: Its subject.
        period: Its period.
        type: Its type.
        date: The school's date.
        score: The score.
        weight: Its share inside its type; null: all weigh the same.
        version: Send it with a correction.
        consolidated: Whether the period's grade counts this version already.
        deleted: Whether it is taken out of the grade.
        recorded_at: When this version was recorded, UTC.
        teacher_id: Who recorded it.
    """

    evaluation_id: str
    student_id: str
    subject: str
    period: str
    type: str
    date: LocalDate
    score: Number
    weight: Number | None
    version: int
    consolidated: bool
    deleted: bool
    recorded_at: str
    teacher_id: str


class BatchLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one line of a batch.

    Attributes:
        line: Its place, from 0.
        status: As the single request would have been answered: 201, 200, 409, 422, 404 or 503.
        evaluation: As it is kept.
        problem: Why it is not.
    """

    line: int
    status: int
    evaluation: RecordedEvaluation | None = None
    problem: Any = None


class BatchResult(Struct, frozen=True, kw_only=True):
    """What became of a batch.

    Attributes:
        created: How many lines are new.
        unchanged: How many were recorded before.
        refused: How many break a rule or stand against something else.
        retry: How many the store did not take: send the batch again.
        results: Line by line.
    """

    created: int
    unchanged: int
    refused: int
    retry: int
    results: list[BatchLine]


class Evaluations(Struct, frozen=True, kw_only=True):
    """A student's evaluations.

    Attributes:
        student_id: Whose.
        evaluations: By subject, period and id; those that were taken out stand there as deleted.
    """

    student_id: str
    evaluations: list[RecordedEvaluation]


class PeriodSpan(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A period of the school year.

    Attributes:
        id: Such as `Q1_2026`.
        start: First day.
        end: Last day, inclusive.
    """

    id: Identifier
    start: LocalDate
    end: LocalDate


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
        trends: Weekly analysis from the lake, the last weeks, oldest first; may be empty.
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
    trends: list[dict[str, Any]]


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


class StudentBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A student, whole: what is left out is taken away.

    Attributes:
        given_name: As on the class list.
        family_name: As on the class list.
        class_id: Code of the class.
        graduation_year: Decides how long everything about the student is kept.
    """

    given_name: Name | None = None
    family_name: Name | None = None
    class_id: Identifier | None = None
    graduation_year: Year | None = None


class StudentLine(Struct, frozen=True, kw_only=True):
    """A student of the school.

    Attributes:
        student_id: Their id.
        given_name: As the school wrote it.
        family_name: As the school wrote it.
        class_id: Code of the class.
        graduation_year: The cohort.
    """

    student_id: str
    given_name: str | None
    family_name: str | None
    class_id: str | None
    graduation_year: int | None


class Students(Struct, frozen=True, kw_only=True):
    """Students of the school.

    Attributes:
        students: By family name, given name, id.
    """

    students: list[StudentLine]


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


class ImportLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one line of the file.

    Attributes:
        line: Number in the file; the header is 1.
        student_id: As written.
        result: `created`, `updated`, `unchanged`, `skipped`, `faulty`, `not-imported` or `retry`.
        faults: What is wrong with it.
        note: Why it was skipped.
    """

    line: int
    student_id: str
    result: str
    faults: tuple[str, ...] = ()
    note: str = ""


class ImportReport(Struct, frozen=True, kw_only=True):
    """What became of a class list.

    Attributes:
        imported: Whether the file is in: all its good lines.
        created: How many students are new.
        updated: How many were changed.
        unchanged: How many were as they are.
        skipped: How many lines were left out.
        faulty: How many lines break a rule; with one of them nothing is imported.
        lines: Line by line.
    """

    imported: bool
    created: int
    updated: int
    unchanged: int
    skipped: int
    faulty: int
    lines: list[ImportLine]


class PeriodsBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Periods and grading rules of the school, whole.

    Attributes:
        periods: Without overlaps.
        grading_rules: By subject; `*` holds for every subject that is not named. `weights` by type of
            evaluation sum to 1 (or 100). `min_passing` (60), `missing` (`renormalise` or `zero`),
            `digits` (1), `rounding` (`half_up`, `half_even`, `down`), `dates` (`any` or `within`) and
            `grace_days` (0) may be left out.
        version: The version that you read; left out, the last one is replaced whatever it is.
    """

    periods: Annotated[list[PeriodSpan], Meta(max_length=100)]
    grading_rules: Annotated[dict[str, dict[str, Any]], Meta(max_length=200)]
    version: Version | None = None


class Periods(Struct, frozen=True, kw_only=True):
    """Periods and grading rules as they are kept.

    Attributes:
        version: Of this configuration; every grade names the one it was calculated with.
        periods: In the order that the school gave.
        grading_rules: By subject, defaults filled in.
        versions: The last versions that can be read with `?version=`, newest first.
        warnings: What looks like an oversight: gaps between periods.
    """

    version: int
    periods: list[PeriodSpan]
    grading_rules: dict[str, dict[str, Any]]
    versions: list[int]
    warnings: list[str]


class SchoolBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Time zone and rules of points of the school, whole.

    Attributes:
        time_zone: IANA name, such as `America/Mexico_City`.
        points: Outcome to points; an outcome that is left out has its default.
        records_since: Local date of the oldest event taken; left out: 400 days ago.
        version: The version that you read; left out, the last one is replaced whatever it is.
    """

    time_zone: Annotated[str, Meta(max_length=64)]
    points: Annotated[dict[str, int], Meta(max_length=100)] = {}
    records_since: LocalDate | None = None
    version: Version | None = None


class SchoolSettings(Struct, frozen=True, kw_only=True):
    """Time zone and rules of points as they are kept.

    Attributes:
        version: Of this configuration.
        time_zone: IANA name.
        points: Every outcome with its points, defaults filled in.
        points_version: Of the rules of points: stands beside every event that they were applied to.
        records_since: Local date of the oldest event taken; null: 400 days ago.
        versions: The last versions that can be read with `?version=`, newest first.
    """

    version: int
    time_zone: str
    points: dict[str, int]
    points_version: int
    records_since: LocalDate | None
    versions: list[int]


class Health(Struct, frozen=True, kw_only=True):
    """Whether the container does its work.

    Attributes:
        status: `ok`.
    """

    status: str

"""Evaluations: what a teacher sends, and what is kept."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from api.contracts.fields import Identifier, LocalDate, Number, Score, Version

MOST_EVALUATIONS = 500  # in one batch


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

"""Evaluations and consolidated grades, as the store keeps them under their student.

An evaluation waits for the nightly job exactly while `consolidated` is false, a grade for the
government exactly while `synced` is false: only then do they carry the keys of the sparse index
`pending`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

from transforms import keys
from transforms.keys import GroupKey, StudentKey
from transforms.periods import HIGHEST, LOWEST, MOST_DIGITS

CONTRACT_VERSION = 1


class InvalidEvaluationError(ValueError):
    """An evaluation that cannot be recorded, or an item that holds none."""


class InvalidGradeError(ValueError):
    """An item that holds no grade."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One score that a teacher gave.

    Attributes:
        student: School and raw identifier.
        subject: Such as `matematicas`.
        period: Id of one of the school's periods.
        evaluation_id: Unique within its group; the same id again is a correction.
        score: 0 to 100, at most three decimal places.
        type: Such as `exam`; the rules weigh it.
        date: The school's local date.
        teacher_id: Who gave it; never leaves the operational side as it is.
        weight: Its share inside its type, beside those of the others; None counts as 1.
        version: From 1 up; each correction, and a deletion, has the next one.
        consolidated: Whether the period's grade knows this version.
        deleted: A tombstone: counts no more, and stays so that the grade learns of it.
        recorded_at: When this version was recorded, UTC text of 24 characters.
        correlation_id: A UUID of the request, to be found again in the lake.
        contract_version: Of this shape.

    Raises:
        InvalidIdentifierError: An identifier cannot be part of a key.
        InvalidEvaluationError: Another field is out of bounds.
    """

    student: StudentKey
    subject: str
    period: str
    evaluation_id: str
    score: Decimal
    type: str
    date: date
    teacher_id: str
    recorded_at: str
    correlation_id: str
    weight: Decimal | None = None
    version: int = 1
    consolidated: bool = False
    deleted: bool = False
    contract_version: int = CONTRACT_VERSION

    def __post_init__(self) -> None:
        for name in ("subject", "period", "evaluation_id", "type", "teacher_id"):
            keys.identifier(name, getattr(self, name))
        keys.identifier("school_id", self.student.school_id)
        keys.identifier("student_id", self.student.student_id)
        _check_score(self.score)
        if self.weight is not None and not (self.weight.is_finite() and LOWEST <= self.weight <= HIGHEST):
            raise InvalidEvaluationError(f"weight {self.weight}: use a number from {LOWEST} to {HIGHEST}")
        if self.version < 1:
            raise InvalidEvaluationError(f"version {self.version}: versions count from 1")

    @property
    def group(self) -> GroupKey:
        """The grade that it is part of."""
        return GroupKey(self.student, self.subject, self.period)

    def corrected(self, *, recorded_at: str, correlation_id: str, **changes: Any) -> Evaluation:
        """The next version, which waits for the nightly job.

        Args:
            recorded_at: When the correction was recorded, UTC text.
            correlation_id: Of the correcting request.
            changes: Any of `score`, `type`, `date`, `teacher_id`, `weight`, `deleted`.
        """
        return replace(
            self,
            recorded_at=recorded_at,
            correlation_id=correlation_id,
            version=self.version + 1,
            consolidated=False,
            **changes,
        )

    def removed(self, *, recorded_at: str, correlation_id: str) -> Evaluation:
        """The tombstone that takes this evaluation out of its grade."""
        return self.corrected(recorded_at=recorded_at, correlation_id=correlation_id, deleted=True)

    def item(self) -> dict[str, Any]:
        """The item of the single table, as plain Python values; fields without a value are left out."""
        item: dict[str, Any] = {
            "PK": keys.student_pk(self.student),
            "SK": keys.eval_sk(self.subject, self.period, self.evaluation_id),
            "score": self.score,
            "type": self.type,
            "date": self.date.isoformat(),
            "teacher_id": self.teacher_id,
            "version": self.version,
            "consolidated": self.consolidated,
            "recorded_at": self.recorded_at,
            "correlation_id": self.correlation_id,
            "contract_version": self.contract_version,
        }
        if self.weight is not None:
            item["weight"] = self.weight
        if self.deleted:
            item["deleted"] = True
        if not self.consolidated:
            item["pending_pk"] = keys.pending_consolidation_pk(self.student.school_id)
            item["pending_sk"] = keys.pending_sk(self.group, self.evaluation_id)
        return item

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Evaluation:
        """The inverse of `item`; numbers may be int or Decimal.

        Raises:
            InvalidIdentifierError, InvalidEvaluationError: The item holds no evaluation.
        """
        subject, period, evaluation_id = keys.parse_eval_sk(item["SK"])
        try:
            return cls(
                student=keys.parse_student_pk(item["PK"]),
                subject=subject,
                period=period,
                evaluation_id=evaluation_id,
                score=Decimal(item["score"]),
                type=item["type"],
                date=date.fromisoformat(item["date"]),
                teacher_id=item["teacher_id"],
                recorded_at=item["recorded_at"],
                correlation_id=item["correlation_id"],
                weight=Decimal(item["weight"]) if "weight" in item else None,
                version=int(item["version"]),
                consolidated=bool(item["consolidated"]),
                deleted=bool(item.get("deleted", False)),
                contract_version=int(item["contract_version"]),
            )
        except (keys.InvalidIdentifierError, InvalidEvaluationError):
            raise
        except (KeyError, TypeError, ValueError, ArithmeticError) as wrong:
            raise InvalidEvaluationError(f"item {item.get('SK')!r} is no evaluation: {wrong!r}") from wrong


@dataclass(frozen=True, slots=True)
class Part:
    """What one type of evaluation contributes to a grade.

    Attributes:
        score: The type's weighted mean, rounded like the grade. For people; the grade is not
            computed from it.
        weight: The type's weight in the rules, before any renormalisation.
        count: How many evaluations it is the mean of.
    """

    score: Decimal
    weight: Decimal
    count: int


@dataclass(frozen=True, slots=True)
class Grade:
    """A student's consolidated grade in a subject and a period.

    The nightly job owns all fields but those of the government's receipt, which the
    synchronisation owns; each updates its own attributes and never replaces the item.

    Attributes:
        student: School and raw identifier.
        subject: As of its evaluations.
        period: As of its evaluations.
        consolidated_score: 0 to 100, rounded by the rules; None: withdrawn, nothing counts any more.
        evaluations_count: How many evaluations it is made of.
        parts: By type of evaluation.
        passed: Whether the rounded score reaches `min_passing`; None when withdrawn.
        rules_version: Of the school's `AcademicConfig`.
        last_calculated: When the nightly job last looked at it, UTC text.
        version: From 1 up; changes exactly when the content changes, and then it is due for the
            government (and the lake) again.
        calculation: From 1 up with every consolidation, changed or not: what makes two
            simultaneous nightly jobs exclude each other.
        correlation_id: A UUID of the nightly run that made this version.
        left_out: Reason to the number of evaluations that do not count.
        synced: Whether the government has been told this version; owned by the synchronisation.
        synced_version: The last version that the government confirmed, if any.
        contract_version: Of this shape.
    """

    student: StudentKey
    subject: str
    period: str
    consolidated_score: Decimal | None
    evaluations_count: int
    parts: Mapping[str, Part]
    passed: bool | None
    rules_version: int
    last_calculated: str
    correlation_id: str
    version: int = 1
    calculation: int = 1
    left_out: Mapping[str, int] = field(default_factory=dict)
    synced: bool = False
    synced_version: int | None = None
    contract_version: int = CONTRACT_VERSION

    @property
    def group(self) -> GroupKey:
        """Whose evaluations it is made of."""
        return GroupKey(self.student, self.subject, self.period)

    @property
    def content(self) -> tuple[object, ...]:
        """What makes a grade another version when it differs."""
        return (
            self.consolidated_score,
            self.evaluations_count,
            dict(self.parts),
            self.passed,
            self.rules_version,
            dict(self.left_out),
        )

    def item(self) -> dict[str, Any]:
        """The item of the single table, as plain Python values; fields without a value are left out."""
        item: dict[str, Any] = {
            "PK": keys.student_pk(self.student),
            "SK": keys.grade_sk(self.subject, self.period),
            "evaluations_count": self.evaluations_count,
            "parts": {
                kind: {"score": part.score, "weight": part.weight, "count": part.count}
                for kind, part in self.parts.items()
            },
            "rules_version": self.rules_version,
            "last_calculated": self.last_calculated,
            "version": self.version,
            "calculation": self.calculation,
            "correlation_id": self.correlation_id,
            "synced": self.synced,
            "contract_version": self.contract_version,
        }
        if self.consolidated_score is not None:
            item["consolidated_score"] = self.consolidated_score
        if self.passed is not None:
            item["passed"] = self.passed
        if self.left_out:
            item["left_out"] = dict(self.left_out)
        if self.synced_version is not None:
            item["synced_version"] = self.synced_version
        if not self.synced:
            item["pending_pk"] = keys.pending_sync_pk(self.student.school_id)
            item["pending_sk"] = keys.pending_sk(self.group)
        return item

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Grade:
        """The inverse of `item`; numbers may be int or Decimal; attributes of others are ignored.

        Raises:
            InvalidIdentifierError, InvalidGradeError: The item holds no grade.
        """
        subject, period = keys.parse_grade_sk(item["SK"])
        score, passed, synced_version = (
            item.get(name) for name in ("consolidated_score", "passed", "synced_version")
        )
        try:
            return cls(
                student=keys.parse_student_pk(item["PK"]),
                subject=subject,
                period=period,
                consolidated_score=None if score is None else Decimal(score),
                evaluations_count=int(item["evaluations_count"]),
                parts={
                    kind: Part(Decimal(part["score"]), Decimal(part["weight"]), int(part["count"]))
                    for kind, part in item["parts"].items()
                },
                passed=None if passed is None else bool(passed),
                rules_version=int(item["rules_version"]),
                last_calculated=item["last_calculated"],
                correlation_id=item["correlation_id"],
                version=int(item["version"]),
                calculation=int(item["calculation"]),
                left_out={reason: int(count) for reason, count in item.get("left_out", {}).items()},
                synced=bool(item["synced"]),
                synced_version=None if synced_version is None else int(synced_version),
                contract_version=int(item["contract_version"]),
            )
        except keys.InvalidIdentifierError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as wrong:
            raise InvalidGradeError(f"item {item['SK']!r} is no grade: {wrong!r}") from wrong


def _check_score(score: Decimal) -> None:
    if not score.is_finite() or not LOWEST <= score <= HIGHEST:
        raise InvalidEvaluationError(f"score {score}: use a number from {LOWEST} to {HIGHEST}")
    exponent = score.normalize().as_tuple().exponent
    if isinstance(exponent, int) and -exponent > MOST_DIGITS:
        raise InvalidEvaluationError(f"score {score}: use at most {MOST_DIGITS} decimal places")

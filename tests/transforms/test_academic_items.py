from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from adapters.typed_json import from_typed, to_typed
from transforms.academic_items import (
    Evaluation,
    Grade,
    InvalidEvaluationError,
    InvalidGradeError,
    Part,
)
from transforms.keys import InvalidIdentifierError, StudentKey

ANA = StudentKey("school_123", "student_456")
NOW = "2026-02-15T18:00:00.000Z"
LATER = "2026-02-16T18:00:00.000Z"
EXAM = Evaluation(
    student=ANA,
    subject="matematicas",
    period="Q1_2026",
    evaluation_id="exam_001",
    score=Decimal("85.125"),
    type="exam",
    date=date(2026, 2, 15),
    teacher_id="teacher_789",
    recorded_at=NOW,
    correlation_id="c0ffee00-0000-4000-8000-000000000000",
    weight=Decimal("2.5"),
)
GRADE = Grade(
    student=ANA,
    subject="matematicas",
    period="Q1_2026",
    consolidated_score=Decimal("84.3"),
    evaluations_count=5,
    parts={"exam": Part(Decimal("82.5"), Decimal("0.7"), 2)},
    passed=True,
    rules_version=3,
    last_calculated=NOW,
    correlation_id="c0ffee00-0000-4000-8000-000000000000",
    left_out={"unweighted_type": 1},
)


def stored(item: dict[str, Any]) -> dict[str, Any]:
    return from_typed(to_typed(item))


@pytest.mark.parametrize(
    "evaluation",
    [
        EXAM,
        replace(EXAM, weight=None, consolidated=True),
        EXAM.corrected(score=Decimal(90), recorded_at=LATER, correlation_id="d"),
        EXAM.removed(recorded_at=LATER, correlation_id="d"),
    ],
)
def test_an_evaluation_comes_back_from_the_store_as_it_went(evaluation: Evaluation) -> None:
    assert Evaluation.from_item(stored(evaluation.item())) == evaluation


@pytest.mark.parametrize(
    "grade",
    [
        GRADE,
        replace(GRADE, consolidated_score=None, passed=None, evaluations_count=0, parts={}, left_out={}),
        replace(GRADE, synced=True, synced_version=1),
        replace(GRADE, version=4, calculation=9, synced_version=3),
    ],
)
def test_a_grade_comes_back_from_the_store_as_it_went(grade: Grade) -> None:
    assert Grade.from_item(stored(grade.item())) == grade


def test_an_evaluation_is_pending_exactly_while_it_is_not_consolidated() -> None:
    item = EXAM.item()
    assert item["pending_pk"] == "TENANT#school_123#PENDING#CONSOLIDATION"
    assert item["pending_sk"] == "student_456#matematicas#Q1_2026#exam_001"
    assert not {"pending_pk", "pending_sk"} & replace(EXAM, consolidated=True).item().keys()


def test_a_grade_is_pending_exactly_while_it_is_not_synced() -> None:
    item = GRADE.item()
    assert item["pending_pk"] == "TENANT#school_123#PENDING#SYNC"
    assert item["pending_sk"] == "student_456#matematicas#Q1_2026"
    assert not {"pending_pk", "pending_sk"} & replace(GRADE, synced=True).item().keys()


def test_a_correction_is_the_next_version_and_pending_again() -> None:
    corrected = replace(EXAM, consolidated=True).corrected(
        score=Decimal(90), recorded_at=LATER, correlation_id="d"
    )
    assert (corrected.version, corrected.consolidated, corrected.score) == (2, False, Decimal(90))
    assert corrected.removed(recorded_at=LATER, correlation_id="d").version == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"score": Decimal("100.5")}, "score 100.5: use a number from 0 to 100"),
        ({"score": Decimal("-1")}, "score -1"),
        ({"score": Decimal("NaN")}, "score NaN"),
        ({"score": Decimal("85.1234")}, "at most 3 decimal places"),
        ({"weight": Decimal(-1)}, "weight -1"),
        ({"version": 0}, "version 0: versions count from 1"),
    ],
)
def test_an_evaluation_out_of_bounds_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidEvaluationError, match=message):
        replace(EXAM, **changes)


@pytest.mark.parametrize("field", ["subject", "period", "evaluation_id", "type", "teacher_id"])
def test_an_identifier_that_cannot_be_a_key_is_named(field: str) -> None:
    with pytest.raises(InvalidIdentifierError, match=f"{field} 'a#b'"):
        replace(EXAM, **{field: "a#b"})


@pytest.mark.parametrize("missing", ["score", "type", "date", "version", "consolidated"])
def test_an_item_that_holds_no_evaluation_is_told_from_one(missing: str) -> None:
    item = {name: value for name, value in EXAM.item().items() if name != missing}
    with pytest.raises(InvalidEvaluationError, match="'EVAL#matematicas#Q1_2026#exam_001' is no evaluation"):
        Evaluation.from_item(item)


@pytest.mark.parametrize("changes", [{"date": "15/02/2026"}, {"score": "high"}, {"version": None}])
def test_a_value_of_another_kind_is_no_evaluation(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidEvaluationError, match="is no evaluation"):
        Evaluation.from_item({**EXAM.item(), **changes})


@pytest.mark.parametrize("missing", ["parts", "version", "calculation", "synced"])
def test_an_item_that_holds_no_grade_is_told_from_one(missing: str) -> None:
    item = {name: value for name, value in GRADE.item().items() if name != missing}
    with pytest.raises(InvalidGradeError, match="'GRADE#matematicas#Q1_2026' is no grade"):
        Grade.from_item(item)


def test_attributes_of_the_synchronisation_are_none_of_the_grades_business() -> None:
    assert Grade.from_item({**GRADE.item(), "receipt": "r-1"}) == GRADE

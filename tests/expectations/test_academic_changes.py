from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from expectations.academic_changes import ACADEMIC_CHANGES
from expectations.rules import NO_SCHOOL

EVALUATION: dict[str, Any] = {
    "change_id": "5a2c1d0b7a5549f7a1c3b2d4e5f60718",
    "change_type": "evaluation",
    "operation": "insert",
    "school_id": "school_1",
    "student_key": "0123456789abcdef0123456789abcdef",
    "teacher_key": "fedcba9876543210fedcba9876543210",
    "pseudonym_version": 1,
    "graduation_year": 2029,
    "previous_graduation_year": None,
    "subject": "matematicas",
    "period": "2026-1",
    "evaluation_key": "00112233445566778899aabbccddeeff",
    "evaluation_type": "exam",
    "score": Decimal("85.500"),
    "evaluations_count": None,
    "version": 1,
    "rules_version": None,
    "changed_at": datetime(2026, 2, 3, 14, 15),
    "local_date": date(2026, 2, 2),
    "correlation_id": "0198c5a4-7f3e-7c11-9d7e-2f6d1c0b7a56",
    "contract_version": 1,
}
GRADE = {
    **EVALUATION,
    "change_type": "grade",
    "evaluation_key": None,
    "evaluation_type": None,
    "evaluations_count": 5,
    "rules_version": 2,
}
COHORT = {
    **EVALUATION,
    "change_type": "cohort",
    "operation": "modify",
    "teacher_key": None,
    "previous_graduation_year": 2028,
    **dict.fromkeys(("subject", "period", "evaluation_key", "evaluation_type", "score", "version")),
    **dict.fromkeys(("correlation_id", "contract_version")),
}

# The rule, a good row, and what to change in it to break the rule and no other.
BREACHES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("change_id_shape", EVALUATION, {"change_id": None}),
    ("change_id_shape", EVALUATION, {"change_id": "Ana María"}),
    ("student_key_shape", EVALUATION, {"student_key": "student_456"}),
    ("teacher_key_shape", EVALUATION, {"teacher_key": "teacher_9"}),
    ("pseudonym_version_positive", GRADE, {"pseudonym_version": 0}),
    ("cohort_plausible", GRADE, {"graduation_year": 20299}),
    ("cohort_known", GRADE, {"graduation_year": 0}),
    ("operation_known", GRADE, {"operation": "remove"}),
    ("operation_known", GRADE, {"operation": None}),
    ("previous_cohort_plausible", COHORT, {"previous_graduation_year": 1}),
    ("previous_cohort_of_cohort_only", GRADE, {"previous_graduation_year": 2028}),
    ("subject_code", EVALUATION, {"subject": "matemáticas de Ana"}),
    ("period_code", EVALUATION, {"period": "first term"}),
    ("evaluation_type_code", EVALUATION, {"evaluation_type": "oral, with Ana"}),
    ("no_raw_identifier", EVALUATION, {"evaluation_type": "alumno_12"}),
    ("no_raw_identifier", EVALUATION, {"subject": "123456789"}),
    ("subject_and_period_of_scores", EVALUATION, {"subject": None}),
    ("subject_and_period_of_scores", GRADE, {"period": None}),
    ("subject_and_period_of_scores", COHORT, {"subject": "matematicas", "period": "2026-1"}),
    ("evaluation_key_shape", EVALUATION, {"evaluation_key": "examen de Ana"}),
    ("evaluation_key_of_evaluation_only", EVALUATION, {"evaluation_key": None}),
    ("evaluation_key_of_evaluation_only", GRADE, {"evaluation_key": EVALUATION["evaluation_key"]}),
    ("score_of_scores_only", GRADE, {"score": None}),
    ("score_of_scores_only", COHORT, {"score": Decimal("1.000")}),
    ("score_in_range", EVALUATION, {"score": Decimal("-0.001")}),
    ("score_in_range", EVALUATION, {"score": Decimal("100.001")}),
    ("evaluations_count_positive", GRADE, {"evaluations_count": 0}),
    ("evaluations_count_of_grade_only", GRADE, {"evaluations_count": None}),
    ("evaluations_count_of_grade_only", EVALUATION, {"evaluations_count": 1}),
    ("version_positive", GRADE, {"version": 0}),
    ("rules_version_positive", GRADE, {"rules_version": 0}),
    ("changed_at_plausible", GRADE, {"changed_at": None}),
    ("fresh", GRADE, {"changed_at": datetime(2026, 2, 2, 12, 59)}),
    ("not_in_the_future", GRADE, {"changed_at": datetime(2026, 2, 3, 15, 10, 1)}),
    ("local_date_plausible", EVALUATION, {"local_date": None}),
    ("local_date_plausible", EVALUATION, {"local_date": date(1999, 12, 31)}),
    ("local_date_plausible", EVALUATION, {"local_date": date(2027, 12, 31)}),
    ("correlation_id_shape", EVALUATION, {"correlation_id": "Ana"}),
    ("contract_version_known", EVALUATION, {"contract_version": 0}),
]


def test_each_breach_breaks_its_rule_and_no_other(broken_by: Any) -> None:
    rows = [
        {**good, **changes, "school_id": f"breach_{number}"}
        for number, (_, good, changes) in enumerate(BREACHES)
    ]
    found = broken_by(ACADEMIC_CHANGES, rows)
    assert found == {f"breach_{number}": {rule} for number, (rule, _, _) in enumerate(BREACHES)}


def test_good_rows_break_nothing(broken_by: Any) -> None:
    planned = {**EVALUATION, "local_date": date(2027, 1, 15), "score": Decimal("100.000")}
    rows = [
        EVALUATION,
        GRADE,
        COHORT,
        {**COHORT, "operation": "insert", "previous_graduation_year": None},
        planned,
        {**EVALUATION, "operation": "delete"},
        {**GRADE, "operation": "delete"},
    ]
    named = [{**row, "school_id": f"good_{number}"} for number, row in enumerate(rows)]
    assert broken_by(ACADEMIC_CHANGES, named) == {f"good_{number}": set() for number in range(len(rows))}


def test_a_malformed_school_breaks_its_rule_and_is_nobodys(broken_by: Any) -> None:
    assert broken_by(ACADEMIC_CHANGES, [{**GRADE, "school_id": None}]) == {NO_SCHOOL: {"school_id_shape"}}


def test_an_unknown_type_of_change_is_known_as_that(broken_by: Any) -> None:
    unknown = {**COHORT, "change_type": "wish", "previous_graduation_year": None}
    assert broken_by(ACADEMIC_CHANGES, [unknown]) == {"school_1": {"change_type_known"}}


def test_a_change_from_before_any_school_is_neither_plausible_nor_fresh(broken_by: Any) -> None:
    old = {**GRADE, "changed_at": datetime(1970, 1, 1)}
    assert broken_by(ACADEMIC_CHANGES, [old]) == {"school_1": {"changed_at_plausible", "fresh"}}


def test_copies_are_counted_and_warn_where_they_are_many(count_by: Any) -> None:
    many = [{**GRADE, "school_id": "school_2"}] * 100
    assert count_by(ACADEMIC_CHANGES, [GRADE, GRADE, *many]) == {
        "school_1": {"change_id_unique": 1},
        "school_2": {"change_id_unique": 99, "change_id_unique_of_most": 99},
    }


def test_many_unknown_cohorts_warn(count_by: Any) -> None:
    rows = [
        {**GRADE, "change_id": f"{number:032x}", "graduation_year": 0 if number < 6 else 2029}
        for number in range(100)
    ]
    found = count_by(ACADEMIC_CHANGES, rows)
    assert found == {"school_1": {"cohort_known": 6, "cohort_known_of_most": 6}}


def test_every_rule_has_a_breach() -> None:
    elsewhere = {"school_id_shape", "change_type_known", "change_id_unique"}
    elsewhere |= {"change_id_unique_of_most", "cohort_known_of_most"}
    assert {rule for rule, _, _ in BREACHES} | elsewhere == {rule.name for rule in ACADEMIC_CHANGES.rules}

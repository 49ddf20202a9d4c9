from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.academic_items import Evaluation, Grade
from transforms.consolidation import Consolidation, Unplaced, consolidate, placed
from transforms.keys import GroupKey, StudentKey
from transforms.periods import AcademicConfig, GradingRules, Period

GROUP = GroupKey(StudentKey("school_1", "student_456"), "matematicas", "Q1_2026")
Q1 = Period("Q1_2026", date(2026, 1, 15), date(2026, 4, 15))
RULES = GradingRules({"exam": Decimal("0.7"), "quiz": Decimal("0.3")})
CONFIG = AcademicConfig("school_1", 3, [Q1], {"matematicas": RULES})
NIGHT, NEXT_NIGHT = "2026-02-16T08:00:00.000Z", "2026-02-17T08:00:00.000Z"
RUN, NEXT_RUN = "c0ffee00-0000-4000-8000-000000000001", "c0ffee00-0000-4000-8000-000000000002"


def evaluation(id: str, score: int, **changes: Any) -> Evaluation:  # noqa: A002
    fields: dict[str, Any] = {"type": "exam", "date": date(2026, 2, 15), **changes}
    return Evaluation(
        *GROUP,
        id,
        Decimal(score),
        teacher_id="teacher_789",
        recorded_at=NIGHT,
        correlation_id="c",
        **fields,
    )


def night(
    previous: Grade | None,
    evaluations: Sequence[Evaluation],
    *,
    rules: GradingRules = RULES,
    rules_version: int = 3,
    now: str = NIGHT,
    run: str = RUN,
) -> Consolidation:
    return consolidate(
        GROUP,
        previous,
        evaluations,
        period=Q1,
        rules=rules,
        rules_version=rules_version,
        now=now,
        correlation_id=run,
    )


def after(decided: Consolidation, evaluations: Sequence[Evaluation]) -> list[Evaluation]:
    """The evaluations as they stand when the decision was written."""
    return [replace(each, consolidated=True) if each in decided.marks else each for each in evaluations]


def standing(decided: Consolidation) -> Grade:
    assert decided.grade is not None
    return decided.grade


def test_a_group_is_placed_by_its_period_and_its_subjects_rules() -> None:
    assert placed(GROUP, CONFIG) == (Q1, RULES)
    assert placed(GROUP, None) is Unplaced.NO_CONFIGURATION
    assert placed(GROUP._replace(period="Q9"), CONFIG) is Unplaced.UNKNOWN_PERIOD
    assert placed(GROUP._replace(subject="historia"), CONFIG) is Unplaced.NO_RULES


def test_a_first_night_makes_version_one_which_is_due_for_the_government() -> None:
    exams = [evaluation("a", 80), evaluation("b", 90)]
    decided = night(None, exams)
    grade = standing(decided)
    assert (grade.consolidated_score, grade.version, grade.rules_version) == (Decimal(85), 1, 3)
    assert (grade.last_calculated, grade.correlation_id, grade.synced) == (NIGHT, RUN, False)
    assert decided.changed
    assert decided.marks == exams


def test_a_second_night_writes_nothing() -> None:
    exams = [evaluation("a", 80)]
    first = night(None, exams)
    second = night(first.grade, after(first, exams), now=NEXT_NIGHT, run=NEXT_RUN)
    assert (second.grade, second.marks, second.changed) == (None, [], False)


def test_a_correction_makes_the_next_version_and_is_due_again() -> None:
    exam = evaluation("a", 80)
    sent = replace(standing(night(None, [exam])), synced=True, synced_version=1)
    corrected = exam.corrected(score=Decimal(90), recorded_at=NEXT_NIGHT, correlation_id="d")
    grade = standing(night(sent, [corrected], now=NEXT_NIGHT, run=NEXT_RUN))
    assert (grade.consolidated_score, grade.version, grade.calculation) == (Decimal(90), 2, 2)
    assert (grade.synced, grade.synced_version, grade.correlation_id) == (False, 1, NEXT_RUN)


def test_a_score_that_leaves_the_grade_as_it_was_is_marked_and_not_sent_again() -> None:
    exam = evaluation("a", 80)
    sent = replace(standing(night(None, [exam])), synced=True, synced_version=1)
    again = exam.corrected(recorded_at=NEXT_NIGHT, correlation_id="d")
    decided = night(sent, [again], now=NEXT_NIGHT, run=NEXT_RUN)
    grade = standing(decided)
    assert not decided.changed
    assert decided.marks == [again]
    # `calculation` moves all the same: a slower job that read before it must not write after it.
    assert (grade.version, grade.calculation, grade.last_calculated) == (1, 2, NEXT_NIGHT)
    assert (grade.synced, grade.correlation_id) == (True, RUN)


def test_a_deletion_recomputes_the_grade_and_the_last_one_withdraws_it() -> None:
    one, two = evaluation("a", 80), evaluation("b", 90)
    first = night(None, [one, two])
    tombstone = two.removed(recorded_at=NEXT_NIGHT, correlation_id="d")
    second = night(first.grade, [replace(one, consolidated=True), tombstone])
    assert standing(second).consolidated_score == Decimal(80)
    gone = one.removed(recorded_at=NEXT_NIGHT, correlation_id="d")
    third = standing(night(second.grade, [gone, replace(tombstone, consolidated=True)]))
    assert (third.consolidated_score, third.passed, third.evaluations_count) == (None, None, 0)
    assert (third.version, third.synced) == (3, False), "the government must learn of it"


def test_a_grade_that_never_was_is_no_news_for_the_government() -> None:
    gone = evaluation("a", 80).removed(recorded_at=NIGHT, correlation_id="d")
    decided = night(None, [gone])
    grade = standing(decided)
    assert (grade.consolidated_score, grade.synced, decided.marks) == (None, True, [gone])


def test_an_evaluation_without_weight_waits_and_costs_no_write_until_the_rules_weigh_it() -> None:
    exam, project = evaluation("a", 80), evaluation("p", 100, type="project")
    first = night(None, [exam, project])
    assert (first.marks, first.waiting) == ([exam], 1)
    assert standing(first).left_out == {"unweighted_type": 1}
    left = after(first, [exam, project])
    second = night(first.grade, left, now=NEXT_NIGHT)
    assert (second.grade, second.waiting) == (None, 1)
    weighed = GradingRules({"exam": Decimal("0.5"), "project": Decimal("0.5")})
    third = night(first.grade, left, rules=weighed, rules_version=4, now=NEXT_NIGHT)
    assert (standing(third).consolidated_score, third.marks) == (Decimal(90), [project])


def test_other_rules_make_another_version_only_where_something_is_pending() -> None:
    exam = evaluation("a", 80)
    first = night(None, [exam])
    done = after(first, [exam])
    assert night(first.grade, done, rules_version=4).grade is None
    second = night(first.grade, [*done, evaluation("b", 80)], rules_version=4)
    assert (standing(second).version, standing(second).rules_version) == (2, 4)


steps = st.lists(
    st.tuples(
        st.sampled_from(["record", "correct", "delete", "night"]),
        st.integers(0, 4),
        st.integers(0, 100),
        st.sampled_from(["exam", "quiz", "project"]),
    ),
    max_size=25,
)


@pytest.mark.property
@given(steps)
def test_whatever_teachers_did_the_night_ends_with_the_grade_of_a_fresh_computation(
    history: list[tuple[str, int, int, str]],
) -> None:
    school: dict[str, Evaluation] = {}
    grade: Grade | None = None
    for what, number, score, kind in [*history, ("night", 0, 0, "")]:
        name = f"e{number}"
        known = school.get(name)
        if what == "night":
            decided = night(grade, list(school.values()))
            grade = decided.grade or grade
            school = {each.evaluation_id: each for each in after(decided, list(school.values()))}
        elif known is None or known.deleted:
            if what == "record":
                school[name] = evaluation(name, score, type=kind, version=known.version + 1 if known else 1)
        elif what == "delete":
            school[name] = known.removed(recorded_at=NIGHT, correlation_id="d")
        else:
            school[name] = known.corrected(
                score=Decimal(score), type=kind, recorded_at=NIGHT, correlation_id="d"
            )
    fresh = night(None, [replace(each, consolidated=False) for each in school.values()])
    assert (grade is None) == (fresh.grade is None)
    if grade is not None and fresh.grade is not None:
        assert grade.content == fresh.grade.content
    assert all(each.consolidated or each.type == "project" for each in school.values())

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, localcontext
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.academic_items import Evaluation, Part
from transforms.grading import grade
from transforms.keys import StudentKey
from transforms.periods import Dates, GradingRules, Missing, Period, Rounding

ANA = StudentKey("school_1", "student_456")
Q1 = Period("Q1_2026", date(2026, 1, 15), date(2026, 4, 15))
WEIGHTS = {"exam": Decimal("0.7"), "homework": Decimal("0.2"), "quiz": Decimal("0.1")}
RULES = GradingRules(WEIGHTS)
SOME_DAY = date(2026, 2, 15)
NUMBERS = count()


def evaluation(type: str, score: str | int | Decimal, *, id: str = "", **changes: Any) -> Evaluation:  # noqa: A002
    given_id = id or f"{type}_{next(NUMBERS)}"
    fields: dict[str, Any] = {
        "date": SOME_DAY,
        "teacher_id": "teacher_789",
        "recorded_at": "2026-02-15T18:00:00.000Z",
        "correlation_id": "c0ffee00-0000-4000-8000-000000000000",
        **changes,
    }
    return Evaluation(ANA, "matematicas", "Q1_2026", given_id, Decimal(score), type, **fields)


EXAMPLE = [
    evaluation("exam", 85),
    evaluation("exam", 80),
    evaluation("homework", 90),
    evaluation("quiz", 70),
    evaluation("quiz", 100),
]


def rules(**changes: Any) -> GradingRules:
    return GradingRules(**{"weights": WEIGHTS, **changes})


def score(evaluations: list[Evaluation], by: GradingRules = RULES) -> Decimal | None:
    return grade(evaluations, by, Q1).score


# The rules, one by one


def test_the_example_of_the_docstring_comes_out_as_written() -> None:
    result = grade(EXAMPLE, RULES, Q1)
    assert (result.score, result.evaluations_count, result.passed) == (Decimal("84.3"), 5, True)
    assert result.parts == {
        "exam": Part(Decimal("82.5"), Decimal("0.7"), 2),
        "homework": Part(Decimal(90), Decimal("0.2"), 1),
        "quiz": Part(Decimal(85), Decimal("0.1"), 2),
    }


def test_a_missing_type_leaves_its_weight_to_the_others_or_counts_as_zero_as_the_school_says() -> None:
    without_quizzes = EXAMPLE[:3]
    assert score(without_quizzes) == Decimal("84.2")
    assert score(without_quizzes, rules(missing=Missing.ZERO)) == Decimal("75.8")


def test_who_was_never_evaluated_has_no_grade_and_not_the_grade_zero() -> None:
    for missing in Missing:
        result = grade([], rules(missing=missing), Q1)
        assert (result.score, result.passed, result.evaluations_count) == (None, None, 0)


@pytest.mark.parametrize(
    ("rounding", "digits", "expected"),
    [
        (Rounding.HALF_UP, 1, "84.3"),
        (Rounding.HALF_EVEN, 1, "84.2"),
        (Rounding.DOWN, 1, "84.2"),
        (Rounding.HALF_UP, 0, "84"),
        (Rounding.HALF_UP, 2, "84.25"),
        (Rounding.HALF_UP, 3, "84.250"),
    ],
)
def test_a_grade_is_rounded_once_by_the_rule_of_the_school(
    rounding: Rounding, digits: int, expected: str
) -> None:
    assert score(EXAMPLE, rules(rounding=rounding, digits=digits)) == Decimal(expected)


def test_a_tie_that_only_exact_arithmetic_sees_is_a_tie() -> None:
    # 1/3 · 0.75 = 0.25 exactly; with 28 digits it would be 0.2499… and round down.
    thirds = [evaluation("exam", "0.7"), evaluation("exam", "0.2"), evaluation("exam", "0.1")]
    zero = [evaluation("homework", 0)]
    weights = {"exam": Decimal("0.75"), "homework": Decimal("0.25")}
    assert score(thirds + zero, GradingRules(weights)) == Decimal("0.3")


def test_the_rounded_grade_decides_who_passes() -> None:
    assert score([evaluation("exam", "59.95")]) == Decimal("60.0")
    assert grade([evaluation("exam", "59.95")], RULES, Q1).passed is True
    assert grade([evaluation("exam", "59.94")], RULES, Q1).passed is False


def test_an_evaluations_own_weight_is_its_share_inside_its_type() -> None:
    shares = [evaluation("exam", 100, weight=Decimal(3)), evaluation("exam", 0, weight=Decimal(1))]
    assert score(shares) == Decimal(75)
    mixed = [evaluation("exam", 100, weight=Decimal(3)), evaluation("exam", 0)]
    assert score(mixed) == Decimal(75), "without a weight of its own it weighs 1"


def test_a_type_whose_evaluations_weigh_nothing_counts_as_missing() -> None:
    practice = evaluation("quiz", 0, weight=Decimal(0))
    result = grade([evaluation("exam", 80), practice], RULES, Q1)
    assert (result.score, result.evaluations_count, list(result.parts)) == (Decimal(80), 2, ["exam"])
    assert score([practice]) is None


def test_a_type_without_weight_is_told_and_waits_for_the_rules() -> None:
    result = grade([evaluation("exam", 80), evaluation("project", 10, id="project_1")], RULES, Q1)
    assert (result.score, result.evaluations_count) == (Decimal(80), 1)
    assert result.left_out == {"unweighted_type": 1}
    assert result.unweighted == {"project_1"}


@pytest.mark.parametrize("day", [Q1.start - timedelta(days=1), Q1.end + timedelta(days=1)])
def test_a_date_outside_the_period_counts_and_is_told_unless_the_school_says_within(day: date) -> None:
    late = [evaluation("exam", 80), evaluation("exam", 40, date=day)]
    counting = grade(late, RULES, Q1)
    assert (counting.score, counting.dated_outside, counting.left_out) == (Decimal(60), 1, {})
    within = grade(late, rules(dates=Dates.WITHIN), Q1)
    assert (within.score, within.dated_outside, within.left_out) == (Decimal(80), 1, {"outside_period": 1})


def test_days_of_grace_let_late_work_count() -> None:
    late = [evaluation("exam", 40, date=Q1.end + timedelta(days=3))]
    assert score(late, rules(dates=Dates.WITHIN, grace_days=3)) == Decimal(40)
    assert score(late, rules(dates=Dates.WITHIN, grace_days=2)) is None


def test_a_deleted_evaluation_leaves_no_trace_in_the_grade() -> None:
    gone = EXAMPLE[0].removed(recorded_at="2026-02-16T00:00:00.000Z", correlation_id="c")
    assert grade([gone, *EXAMPLE[1:]], RULES, Q1) == grade(EXAMPLE[1:], RULES, Q1)


# What holds whatever the evaluations and the rules are

scores = st.decimals(0, 100, places=3).map(lambda value: value.normalize())
shares = st.none() | st.decimals(0, 100, places=2)
kinds = st.sampled_from([*WEIGHTS, "project"])
days = st.dates(date(2025, 12, 1), date(2026, 6, 1))
lists = st.lists(
    st.builds(evaluation, kinds, scores, weight=shares, date=days, deleted=st.booleans()), max_size=12
)


@st.composite
def any_rules(draw: st.DrawFn) -> GradingRules:
    cuts = sorted(draw(st.lists(st.integers(0, 100), min_size=2, max_size=2)))
    weights = [cuts[0], cuts[1] - cuts[0], 100 - cuts[1]]
    return GradingRules(
        dict(zip(WEIGHTS, map(Decimal, weights), strict=True)),
        draw(st.integers(0, 100).map(Decimal)),
        draw(st.sampled_from(Missing)),
        draw(st.integers(0, 3)),
        draw(st.sampled_from(Rounding)),
        draw(st.sampled_from(Dates)),
        draw(st.integers(0, 30)),
    )


@pytest.mark.property
@given(lists, any_rules(), st.randoms(use_true_random=False))
def test_order_does_not_matter(
    evaluations: list[Evaluation], by: GradingRules, chance: random.Random
) -> None:
    shuffled = list(evaluations)
    chance.shuffle(shuffled)
    assert grade(shuffled, by, Q1) == grade(evaluations, by, Q1)


@pytest.mark.property
@given(lists, any_rules())
def test_a_grade_lies_between_the_bounds_of_what_it_is_made_of(
    evaluations: list[Evaluation], by: GradingRules
) -> None:
    result = grade(evaluations, by, Q1)
    if result.score is None:
        return
    counting = [each.score for each in evaluations if not each.deleted and each.type in by.weights]
    step = Decimal(1).scaleb(-by.digits)
    lowest = Decimal(0) if by.missing is Missing.ZERO else min(counting)
    assert lowest - step <= result.score <= max(counting) + step
    assert 0 <= result.score <= 100
    assert -int(result.score.as_tuple().exponent) <= by.digits


@pytest.mark.property
@given(lists, any_rules())
def test_every_evaluation_is_deleted_or_counted_or_left_out(
    evaluations: list[Evaluation], by: GradingRules
) -> None:
    result = grade(evaluations, by, Q1)
    deleted = sum(each.deleted for each in evaluations)
    assert deleted + result.evaluations_count + sum(result.left_out.values()) == len(evaluations)
    assert sum(part.count for part in result.parts.values()) <= result.evaluations_count


@pytest.mark.property
@given(lists, any_rules(), kinds, scores, scores)
def test_a_correction_equals_a_fresh_score(
    others: list[Evaluation], by: GradingRules, kind: str, wrong: Decimal, right: Decimal
) -> None:
    first = evaluation(kind, wrong, id="e")
    corrected = first.corrected(score=right, recorded_at=first.recorded_at, correlation_id="c")
    assert grade([*others, corrected], by, Q1) == grade([*others, evaluation(kind, right, id="e")], by, Q1)


@pytest.mark.property
@given(lists, any_rules(), kinds, scores, scores)
def test_a_better_score_never_lowers_the_grade(
    others: list[Evaluation], by: GradingRules, kind: str, one: Decimal, two: Decimal
) -> None:
    worse, better = (
        grade([*others, evaluation(kind, each, id="e")], by, Q1).score
        for each in (min(one, two), max(one, two))
    )
    assert worse is None or (better is not None and worse <= better)


@pytest.mark.property
@given(lists, any_rules())
def test_decimals_of_a_hundred_digits_give_the_same_grade(
    evaluations: list[Evaluation], by: GradingRules
) -> None:
    """Written anew with plain decimals, which a hundred digits bring within 10^-90 of the exact grade."""
    modes = {
        Rounding.HALF_UP: ROUND_HALF_UP,
        Rounding.HALF_EVEN: ROUND_HALF_EVEN,
        Rounding.DOWN: ROUND_DOWN,
    }
    with localcontext() as context:
        context.prec = 100
        means: dict[str, Decimal] = {}
        for kind in by.weights:
            those = [
                each
                for each in evaluations
                if each.type == kind
                and not each.deleted
                and (by.dates is Dates.ANY or Q1.covers(each.date, by.grace_days))
            ]
            weighed = [(Decimal(1) if each.weight is None else each.weight, each.score) for each in those]
            total = sum((share for share, _ in weighed), Decimal(0))
            if total:
                means[kind] = sum((share * value for share, value in weighed), Decimal(0)) / total
        over = means if by.missing is Missing.RENORMALISE else by.weights
        total = sum((by.weights[kind] for kind in over), Decimal(0))
        expected = None
        if means and total:
            exact = sum((by.weights[kind] * mean for kind, mean in means.items()), Decimal(0)) / total
            nearly = exact.quantize(Decimal(1).scaleb(-80), ROUND_HALF_EVEN)  # undo 0.2499…9
            expected = nearly.quantize(Decimal(1).scaleb(-by.digits), modes[by.rounding])
    assert score(evaluations, by) == expected

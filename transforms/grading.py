"""From a student's evaluations in a subject and a period to the grade, by the school's rules.

For each type of evaluation `t` with weight `W_t`, over the evaluations `i` of that type that
count, with score `s_i` and share `w_i` (1 where the evaluation names none):

    part_t = Σ w_i · s_i / Σ w_i

    renormalise:  score = Σ W_t · part_t / Σ W_t     both sums over the types that have a part
    zero:         score = Σ W_t · part_t / Σ W_t     the lower sum over all types of the rules

A type without evaluations, or whose shares sum to 0, has no part. The score is rounded once, at
the end; what passes is the rounded score, so that nobody fails with a passing grade on paper.

Example. Weights exam 0.7, homework 0.2, quiz 0.1; exams 85 and 80, homework 90, quizzes 70 and 100:

    exam 82.5, homework 90, quiz 85
    0.7 · 82.5 + 0.2 · 90 + 0.1 · 85 = 57.75 + 18 + 8.5 = 84.25  →  84.3 (one digit, half up)

Without the quizzes: 75.75 / 0.9 = 84.166… → 84.2 renormalised, 75.75 → 75.8 with zero.

Scores and weights are decimals, and all between them and the one rounding is exact (rational
numbers): a mean of thirds times 0.75 may be a tie, and no digits of any precision would show it.
Exact sums also do not know an order.

Source: mission text, section 4.1 (periods, weights, `min_passing`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from transforms.academic_items import Evaluation, Part
from transforms.periods import Dates, GradingRules, Missing, Period, Rounding

HALF = Fraction(1, 2)


class LeftOut(StrEnum):
    """Why an evaluation does not count, as a grade tells it."""

    OUTSIDE_PERIOD = "outside_period"  # by its date and the rule `dates`: that is final
    UNWEIGHTED_TYPE = "unweighted_type"  # the rules give its type no weight: mending them mends it


@dataclass(frozen=True, slots=True)
class Result:
    """What the evaluations of one group make.

    Attributes:
        score: 0 to 100, rounded; None where nothing that weighs is there.
        evaluations_count: How many count.
        parts: By type, each rounded like the score.
        passed: Whether the rounded score reaches `min_passing`; None without a score.
        left_out: Reason to how many do not count; deleted ones are not mentioned.
        unweighted: Ids of those whose type the rules do not weigh. They wait until the rules do.
        dated_outside: How many have a date outside their period, whether they count or not.
    """

    score: Decimal | None
    evaluations_count: int
    parts: Mapping[str, Part]
    passed: bool | None
    left_out: Mapping[str, int]
    unweighted: frozenset[str]
    dated_outside: int


def grade(evaluations: Iterable[Evaluation], rules: GradingRules, period: Period) -> Result:
    """Computes a grade; the module's text has the formula.

    Args:
        evaluations: All of one student, subject and period, in any order; tombstones are passed over.
        rules: Of the subject.
        period: Of the evaluations.
    """
    counted: dict[str, list[Evaluation]] = {}
    left_out: Counter[str] = Counter()
    unweighted: set[str] = set()
    dated_outside = 0
    for evaluation in evaluations:
        if evaluation.deleted:
            continue
        dated_outside += not period.covers(evaluation.date)
        if evaluation.type not in rules.weights:
            left_out[LeftOut.UNWEIGHTED_TYPE.value] += 1
            unweighted.add(evaluation.evaluation_id)
        elif rules.dates is Dates.WITHIN and not period.covers(evaluation.date, rules.grace_days):
            left_out[LeftOut.OUTSIDE_PERIOD.value] += 1
        else:
            counted.setdefault(evaluation.type, []).append(evaluation)

    means = {kind: mean for kind, each in counted.items() if (mean := _mean(each)) is not None}
    exact = _weighted(means, rules)
    score = None if exact is None else rounded(exact, rules)
    return Result(
        score=score,
        evaluations_count=sum(map(len, counted.values())),
        parts={
            kind: Part(rounded(mean, rules), rules.weights[kind], len(counted[kind]))
            for kind, mean in sorted(means.items())
        },
        passed=None if score is None else score >= rules.min_passing,
        left_out=dict(sorted(left_out.items())),
        unweighted=frozenset(unweighted),
        dated_outside=dated_outside,
    )


def rounded(value: Fraction, rules: GradingRules) -> Decimal:
    """An exact number, not negative, as the rules write it: `digits` places, rounded once."""
    scaled = value * 10**rules.digits
    whole = scaled.numerator // scaled.denominator
    rest = scaled - whole
    if rules.rounding is Rounding.HALF_UP:
        whole += rest >= HALF
    elif rules.rounding is Rounding.HALF_EVEN:
        whole += rest > HALF or (rest == HALF and whole % 2 == 1)
    return Decimal(whole).scaleb(-rules.digits)


def _mean(evaluations: Sequence[Evaluation]) -> Fraction | None:
    """The weighted mean of one type's scores; None where no evaluation weighs anything."""
    shares = [Fraction(1 if each.weight is None else each.weight) for each in evaluations]
    total = sum(shares)
    if not total:
        return None
    sums = (share * Fraction(each.score) for share, each in zip(shares, evaluations, strict=True))
    return sum(sums, Fraction(0)) / total


def _weighted(means: Mapping[str, Fraction], rules: GradingRules) -> Fraction | None:
    """The weighted mean of the types' means; None where nothing weighs anything."""
    if not means:
        return None  # also under Missing.ZERO: who was never evaluated has no grade, not the grade 0
    weighing = means if rules.missing is Missing.RENORMALISE else rules.weights
    total = sum((Fraction(rules.weights[kind]) for kind in weighing), Fraction(0))
    if not total:
        return None
    return sum((Fraction(rules.weights[kind]) * mean for kind, mean in means.items()), Fraction(0)) / total

"""How a grade came about, evaluation by evaluation: what each one weighs and what it adds.

With the formula of `transforms.grading`, an evaluation `i` of type `t` has in the whole grade the share
`(W_t / Σ W) · (w_i / Σ w)` and adds that share of its score. All shares times scores sum to the exact
grade before its one rounding. A grade that does not follow from its evaluations as they stand (one was
corrected since) is not explained that way, because the sum would be another number than the one shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from transforms.academic_items import Evaluation
from transforms.grading import LeftOut, grade
from transforms.periods import Dates, GradingRules, Missing, Period


@dataclass(frozen=True, slots=True)
class Line:
    """One evaluation of a grade.

    Attributes:
        evaluation: As it stands now.
        state: `counts`, `pending`, `corrected`, `removed`, `unweighted_type` or `outside_period`.
        share: Of the whole grade, 0 to 1; None where it does not count, or the grade is another one.
        adds: Points of the grade; None likewise.
    """

    evaluation: Evaluation
    state: str
    share: Fraction | None = None
    adds: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """A grade taken apart.

    Attributes:
        lines: By date; tombstones that the grade has forgotten are left out.
        exact: Sum of what the lines add; None where the grade does not follow from them.
    """

    lines: Sequence[Line]
    exact: Fraction | None

    @property
    def shortened(self) -> bool:
        """Whether two decimals do not show every percentage and contribution whole."""
        shown = [
            value for each in self.lines if each.share is not None for value in (each.share * 100, each.adds)
        ]
        return any(value is not None and value * 100 % 1 for value in shown)


def explain(
    evaluations: Sequence[Evaluation],
    rules: GradingRules | None,
    period: Period,
    score: Decimal | None,
    count: int,
) -> Explanation:
    """Takes a grade apart.

    Args:
        evaluations: All of one student, subject and period.
        rules: Those that the grade was calculated with; None where they are not known any more.
        period: Of the evaluations.
        score: The grade as it is stored.
        count: Of how many evaluations it says that it is made.
    """
    states = [(each, _state(each, rules, period)) for each in evaluations]
    counting = [each for each, state in states if state == "counts"]
    made = grade(counting, rules, period) if rules else None
    explained = (
        made is not None and score is not None and (made.score, made.evaluations_count) == (score, count)
    )
    shares = _shares(counting, rules) if rules and explained else {}
    lines = [
        Line(each, state, share, None if share is None else share * Fraction(each.score))
        for each, state in sorted(states, key=lambda pair: (pair[0].date, pair[0].evaluation_id))
        if state
        for share in [shares.get(each.evaluation_id)]
    ]
    exact = sum((line.adds for line in lines if line.adds is not None), Fraction(0)) if shares else None
    return Explanation(lines, exact)


def _state(evaluation: Evaluation, rules: GradingRules | None, period: Period) -> str:
    if evaluation.deleted:
        return "" if evaluation.consolidated else "removed"
    if rules and evaluation.type not in rules.weights:
        return LeftOut.UNWEIGHTED_TYPE.value
    within = rules is None or rules.dates is not Dates.WITHIN
    if not within and rules and not period.covers(evaluation.date, rules.grace_days):
        return LeftOut.OUTSIDE_PERIOD.value
    if evaluation.consolidated:
        return "counts"
    return "pending" if evaluation.version == 1 else "corrected"


def _shares(evaluations: Sequence[Evaluation], rules: GradingRules) -> Mapping[str, Fraction]:
    """Share of the whole grade, by evaluation id."""
    of_type: dict[str, Fraction] = {}
    for each in evaluations:
        of_type[each.type] = of_type.get(each.type, Fraction(0)) + _own(each)
    weighing = [kind for kind, total in of_type.items() if total]
    kinds = weighing if rules.missing is Missing.RENORMALISE else list(rules.weights)
    whole = sum((Fraction(rules.weights[kind]) for kind in kinds), Fraction(0))
    return {
        each.evaluation_id: Fraction(rules.weights[each.type]) / whole * _own(each) / of_type[each.type]
        if of_type[each.type]
        else Fraction(0)
        for each in evaluations
    }


def _own(evaluation: Evaluation) -> Fraction:
    return Fraction(1 if evaluation.weight is None else evaluation.weight)

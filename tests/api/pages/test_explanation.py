from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.pages.explanation import explain
from transforms.academic_items import Evaluation
from transforms.grading import grade, rounded
from transforms.keys import StudentKey
from transforms.periods import Dates, GradingRules, Missing, Period

PERIOD = Period("Q1", date(2026, 1, 1), date(2026, 3, 31))
WEIGHTS = {"exam": Decimal("0.7"), "homework": Decimal("0.2"), "quiz": Decimal("0.1")}
places = st.decimals(0, 100, places=2)


@st.composite
def evaluations(draw: st.DrawFn) -> list[Evaluation]:
    kinds = draw(st.lists(st.sampled_from([*WEIGHTS, "other"]), max_size=8))
    return [
        Evaluation(
            StudentKey("s", "a"),
            "m",
            "Q1",
            f"e{number}",
            draw(places),
            kind,
            draw(st.dates(date(2025, 12, 20), date(2026, 4, 10))),
            "t",
            "2026-02-01T15:00:00.000Z",
            "0b5e2c9c-4c5f-4b8e-9d3a-1f2a3b4c5d6e",
            weight=draw(st.none() | places),
            consolidated=True,
        )
        for number, kind in enumerate(kinds)
    ]


@pytest.mark.property
@given(evaluations(), st.sampled_from(Missing), st.sampled_from(Dates))
def test_what_evaluations_add_is_the_grade_before_it_is_rounded(
    given_: list[Evaluation], missing: Missing, dates: Dates
) -> None:
    rules = GradingRules(WEIGHTS, missing=missing, dates=dates)
    made = grade(given_, rules, PERIOD)
    told = explain(given_, rules, PERIOD, made.score, made.evaluations_count)
    assert len(told.lines) == len(given_)
    if made.score is None:
        assert told.exact is None
        return
    assert told.exact is not None
    assert rounded(told.exact, rules) == made.score
    shares = sum(line.share for line in told.lines if line.share is not None)
    assert shares == 1 if missing is Missing.RENORMALISE else shares <= 1


def test_a_grade_that_does_not_follow_from_its_evaluations_is_not_explained_by_them() -> None:
    assert explain([], GradingRules(WEIGHTS), PERIOD, Decimal(80), 2).exact is None
    assert explain([], None, PERIOD, Decimal(80), 2).exact is None

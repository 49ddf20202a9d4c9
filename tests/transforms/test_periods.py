from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from adapters.typed_json import from_typed, to_typed
from transforms.periods import (
    AcademicConfig,
    Dates,
    GradingRules,
    InvalidAcademicConfigError,
    Missing,
    Period,
    Rounding,
)

# As the mission text writes it, section 4.1.
MISSION: dict[str, Any] = {
    "periods": [
        {"id": "Q1_2024", "start": "2024-01-15", "end": "2024-04-15"},
        {"id": "Q2_2024", "start": "2024-04-16", "end": "2024-07-15"},
    ],
    "grading_rules": {
        "matematicas": {
            "weights": {"exam": Decimal("0.7"), "homework": Decimal("0.2"), "quiz": Decimal("0.1")},
            "min_passing": 60,
        }
    },
}


def config(**changes: Any) -> AcademicConfig:
    return AcademicConfig.from_item("school_123", {**MISSION, **changes})


def rules(**changes: Any) -> dict[str, Any]:
    return {"matematicas": {**MISSION["grading_rules"]["matematicas"], **changes}}


def test_the_item_of_the_mission_text_is_read_with_the_defaults() -> None:
    read = config()
    assert read.version == 1
    assert read.period("Q2_2024") == Period("Q2_2024", date(2024, 4, 16), date(2024, 7, 15))
    assert read.rules("matematicas") == GradingRules(
        {"exam": Decimal("0.7"), "homework": Decimal("0.2"), "quiz": Decimal("0.1")},
        min_passing=Decimal(60),
        missing=Missing.RENORMALISE,
        digits=1,
        rounding=Rounding.HALF_UP,
        dates=Dates.ANY,
    )


def test_a_configuration_comes_back_from_the_store_as_it_went() -> None:
    written = config(version=7, grading_rules=rules(missing="zero", rounding="down", dates="within"))
    item = written.item()
    assert (item["PK"], item["SK"]) == ("TENANT#school_123#CONFIG", "PERIODS")
    assert AcademicConfig.from_item("school_123", from_typed(to_typed(item))) == written
    assert written.item(history=True)["SK"] == "PERIODS#v000007"


def test_numbers_may_be_texts_as_in_json_that_keeps_them_exact() -> None:
    text = json.dumps({**MISSION, "grading_rules": rules(weights={"exam": "0.7", "quiz": "0.3"})})
    assert AcademicConfig.from_item("school_123", json.loads(text)).rules("matematicas") is not None


def test_a_subject_without_rules_of_its_own_has_the_general_ones() -> None:
    general = config(grading_rules={**rules(), "*": {"weights": {"exam": 1}}})
    assert general.rules("historia") == GradingRules({"exam": Decimal(1)})
    assert config().rules("historia") is None


def test_the_periods_of_a_day_may_be_none_or_several() -> None:
    overlapping = config(
        periods=[*MISSION["periods"], {"id": "S1", "start": "2024-01-15", "end": "2024-06-30"}]
    )
    assert [each.id for each in overlapping.periods_on(date(2024, 4, 15))] == ["Q1_2024", "S1"]
    assert [each.id for each in overlapping.periods_on(date(2024, 7, 15))] == ["Q2_2024"]
    assert overlapping.periods_on(date(2024, 8, 1)) == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"periods": {}}, r"^periods is \{\}: use a list"),
        ({"periods": [{"id": 7}]}, r"periods\[0\]\.id is 7"),
        ({"periods": [{"id": "a#b", "start": "2024-01-01", "end": "2024-01-01"}]}, r"periods\[0\]\.id 'a#b'"),
        ({"periods": [{"id": "a", "start": "01/15/2024", "end": "2024-01-01"}]}, r"periods\[0\]\.start"),
        ({"periods": [{"id": "a", "start": "2024-01-02", "end": "2024-01-01"}]}, "starts on 2024-01-02"),
        ({"periods": [MISSION["periods"][0]] * 2}, r"periods\[1\]\.id 'Q1_2024' stands twice"),
        ({"grading_rules": {"a b": {"weights": {"exam": 1}}}}, "grading_rules 'a b' contains ' '"),
        ({"grading_rules": {"x": []}}, r"grading_rules\.x is \[\]: use an object"),
        ({"grading_rules": {"x": {}}}, r"grading_rules\.x\.weights is None"),
        (
            {"grading_rules": rules(weights={"exam": 0.7, "quiz": 0.3})},
            r"weights\.exam is 0\.7: use a decimal",
        ),
        ({"grading_rules": rules(weights={"exam": "0,7"})}, r"weights\.exam is '0,7'"),
        ({"grading_rules": rules(weights={"exam": "0.7", "quiz": "0.2"})}, "sum to 0.9: they must sum to 1"),
        ({"grading_rules": rules(weights={"exam": "1.5", "quiz": "-0.5"})}, r"weights\.quiz is -0\.5"),
        ({"grading_rules": rules(weights={"exam": "NaN"})}, r"weights\.exam is NaN"),
        ({"grading_rules": rules(min_passing=101)}, r"min_passing is 101"),
        ({"grading_rules": rules(digits=4)}, r"digits is 4: use a whole number from 0 to 3"),
        ({"grading_rules": rules(digits=True)}, r"digits is True"),
        ({"grading_rules": rules(missing="null")}, "missing is 'null': use one of 'renormalise', 'zero'"),
        ({"grading_rules": rules(roundng="down")}, r"matematicas\.roundng is no rule: known are weights"),
        ({"version": 0}, "version is 0"),
        ({"version": Decimal("1.5")}, "version is Decimal"),
    ],
)
def test_what_cannot_be_applied_is_refused_at_its_place(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidAcademicConfigError, match=message):
        config(**changes)

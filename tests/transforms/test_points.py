from __future__ import annotations

import pytest

from transforms.events import EVENT_TYPES, POLARITIES, STATUSES
from transforms.points import DEFAULT_POINTS, InvalidPointsError, PointsRules


def test_every_outcome_of_the_contract_has_default_points() -> None:
    details = {"attendance": STATUSES, "conduct": POLARITIES}
    outcomes = {f"{kind}.{detail}" for kind, values in details.items() for detail in values}
    outcomes |= {kind for kind in EVENT_TYPES if kind not in details}
    assert set(DEFAULT_POINTS) == outcomes


def test_a_school_changes_what_it_names_and_keeps_the_rest() -> None:
    rules = PointsRules(7, {"participation": 5})
    assert rules.of("participation") == 5
    assert rules.of("attendance.late") == DEFAULT_POINTS["attendance.late"]


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ({"singing": 3}, r"'singing': no such outcome; use one of attendance\.present"),
        ({"participation": 101}, r"'participation' are 101: use a whole number from -100 to 100"),
        ({"participation": 1.5}, r"are 1\.5: use a whole number"),
        ({"participation": True}, r"are True: use a whole number"),
    ],
)
def test_a_rule_that_cannot_be_applied_is_refused_by_name(points: dict[str, int], message: str) -> None:
    with pytest.raises(InvalidPointsError, match=message):
        PointsRules(1, points)

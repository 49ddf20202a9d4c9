"""The published tables as dbt builds them, against the definition that `tests/privacy` attacks."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from random import Random

import pandas as pd
import pytest

from tests.dbt import cloud, reference
from tests.dbt.events import WEEK, event, history
from tests.privacy.publication import Cell, Key, Told, publish
from transforms.calendar import iso_week

pytestmark = [pytest.mark.local, pytest.mark.slow]

MONDAY = date(2026, 1, 5)
TABLE = "public_weekly_cohort_behavior"
TOLD = {
    "attendance_rate": "attendance",
    "participations_per_student": "participations",
    "assignments_per_student": "assignments",
    "points_per_student": "points",
    "trend_balance": "balance",
}


def test_dbt_publishes_what_the_definition_says_and_a_week_once(lake, work):
    random = Random(8)
    events = history(random, MONDAY, 7, schools=2, students=200, cohorts=(2027, 2028))
    events += history(random, MONDAY, 7, schools=1, students=12, cohorts=(2030, 2031))  # of school_0, small
    cloud.publish(events)
    cloud.build(work)
    expected = publish(cells(reference.weekly_student_behavior(events)))
    assert {cohort for _, cohort, _ in expected} == {2027, 2028}
    assert any(row.balance for row in expected.values())
    assert any(row.participations for row in expected.values())
    assert_told(cloud.mart(TABLE), expected)

    first = cloud.files(f"marts/luca_marts/{TABLE}/")
    # Of a week that is published already, one comes late; and there is a new week.
    late = [event(random, "school_1", str(i), 2027, MONDAY + 7 * WEEK) for i in range(3)]
    late += [event(random, "school_1", str(i), 2027, MONDAY + 2 * WEEK) for i in range(0, 60, 2)]
    cloud.publish(late)
    cloud.build(work)
    now = cloud.files(f"marts/luca_marts/{TABLE}/")
    assert {key: now.get(key) for key in first} == first
    assert {key.split("iso_week=")[1][:8] for key in set(now) - set(first)} == {iso_week(MONDAY + 3 * WEEK)}


def cells(students: pd.DataFrame) -> dict[Key, Cell]:
    """What is true of the active students of each cohort's final school week."""
    chosen = students[(students["event_count"] > 0) & students["is_school_week"] & students["is_final"]]
    found = {}
    for (school, cohort, week), rows in chosen.groupby(["school_id", "graduation_year", "iso_week"]):
        seen = rows[["present_count", "late_count", "absent_count"]].astype(int).to_numpy().tolist()
        rates = [
            Fraction(present + late, present + late + absent)
            for present, late, absent in seen
            if any((present, late, absent))
        ]
        found[str(school), int(cohort), str(week)] = Cell(
            len(rows),
            len(rates),
            sum(rates, Fraction(0)),
            int((rows["participation_count"] > 0).sum()),
            int(rows["participation_count"].sum()),
            int((rows["assignment_submitted_count"] > 0).sum()),
            int(rows["assignment_submitted_count"].sum()),
            int(rows["points"].sum()),
            int((rows["trend"] == "rising").sum()),
            int((rows["trend"] == "falling").sum()),
        )
    return found


def assert_told(built: pd.DataFrame, expected: dict) -> None:
    """The same cells and bounds, and the same numbers but for a last decimal that stands on the edge."""
    rows = {
        (row["school_id"], row["graduation_year"], row["iso_week"]): row for row in built.to_dict("records")
    }
    assert set(rows) == set(expected)
    exact = []
    for key, published in expected.items():
        assert rows[key]["student_count"] == published.students
        for column, name in TOLD.items():
            told: Told | None = getattr(published, name)
            value, bound = rows[key][column], rows[key].get(f"{column}_bound", None)
            assert pd.isna(value) is (told is None), (key, column)
            if told is not None:
                assert ("" if pd.isna(bound) else bound) == told.bound, (key, column)
                step = 0.01 if name in ("attendance", "balance") else 0.1
                assert value == pytest.approx(float(told.value), abs=step + 1e-9), (key, column)
                exact.append(value == pytest.approx(float(told.value), abs=1e-9))
    assert sum(exact) >= 0.9 * len(exact) > 0

"""Every question of docs/analysts.md is asked of a lake in which its answer is known, and drawn."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
import pytest

from pipelines.questions import answers
from pipelines.questions.answers import NothingToDrawError, answer, drawn
from pipelines.questions.catalogue import QUESTIONS, question
from tests.dbt import cloud
from tests.dbt.events import WEEK, event, graded
from transforms.lake_schema import ACADEMIC_CHANGES

pytestmark = pytest.mark.local

MONDAY = date(2025, 9, 1)
SCHOOLS = ("school_1", "school_2")
STUDENTS, WEEKS, LAST_YEAR = 72, 8, 2
FINAL = WEEKS - 4


def events() -> Iterator[dict[str, Any]]:
    """Two weeks a year ago and eight of now, in which each student takes part in everything."""
    random = Random(5)
    weeks = [MONDAY + week * WEEK for week in range(WEEKS)]
    for school in SCHOOLS:
        for student in range(STUDENTS):
            for week in [*(monday - 52 * WEEK for monday in weeks[:LAST_YEAR]), *weeks]:
                for kind, status in (
                    ("attendance", random.choice(("present", "present", "late", "absent"))),
                    ("participation", None),
                    ("assignment_submitted", None),
                ):
                    row = event(random, school, str(student), 2029 + student % 2, week)
                    falls = weeks.index(week) if week in weeks and student < 3 else 0
                    points = 10 - falls if kind == "participation" else 1
                    yield {**row, "event_type": kind, "status": status, "polarity": None, "points": points}


def grades() -> Iterator[dict[str, Any]]:
    """An evaluation and a grade of each student."""
    for school in SCHOOLS:
        for student in range(STUDENTS):
            changed, day = datetime(2025, 9, 10, 12), MONDAY + timedelta(days=9)
            yield from graded(school, str(student), 2029 + student % 2, changed, day, 20 + student)


def load_of(school: str, published: int) -> dict[str, Any]:
    """A row of the table of loads."""
    counts = {"landed": published + 5, "duplicate": 3, "quarantined": 2, "published": published}
    return {"load_id": f"load-{school}", "table_name": "behavior_events", "school_id": school} | {
        "state": "published",
        **counts,
    }


@pytest.fixture(scope="module", autouse=True)
def built(running_cloud: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A lake with its marts, for all questions."""
    with pytest.MonkeyPatch.context() as patch:
        # One work group stands for all of them: here the roles are not asked.
        for readers in answers.Readers:
            patch.setattr(readers, "_value_", "luca-dbt")
        cloud.create_lake()
        cloud.publish(events())
        cloud.publish(grades(), ACADEMIC_CHANGES)
        cloud.publish_loads([load_of(school, 100 + place) for place, school in enumerate(SCHOOLS)])
        cloud.build(tmp_path_factory.mktemp("dbt"))
        yield


def asked(name: str) -> pd.DataFrame:
    """The answer of a question, whose chart can be drawn."""
    found = question(name)
    rows = answer(found, SCHOOLS[0])
    chart = drawn(found, rows)
    assert chart.startswith("<svg")
    assert chart.count("<path") > 2
    return rows


def test_attendance_has_a_row_for_each_school_and_final_week():
    rows = asked("attendance_by_school")
    assert Counter(rows["school_id"]) == dict.fromkeys(SCHOOLS, FINAL + LAST_YEAR)
    assert rows["attendance_rate"].between(0.5, 1).all()
    assert set(rows["student_count"]) == {2 * 35}  # told in steps of five


def test_participation_is_one_for_each_student():
    rows = asked("participation_of_the_platform")
    assert len(rows) == FINAL + LAST_YEAR
    assert set(rows["participations_per_student"]) == {1.0}


def test_cohorts_differ_by_their_points():
    rows = asked("cohorts_side_by_side")
    assert list(rows["graduation_year"]) == [2029, 2030]
    assert rows["points_per_student"].between(11, 12).all()
    # Of the three whose points fall, two graduate in 2029.
    assert rows["points_per_student"][0] < rows["points_per_student"][1]


def test_homework_is_shown_beside_attendance_for_each_cell():
    rows = asked("homework_and_attendance")
    assert set(zip(rows["school_id"], rows["graduation_year"], strict=True)) == {
        (school, year) for school in SCHOOLS for year in (2029, 2030)
    }
    assert set(rows["assignments_per_student"]) == {1.0}


def test_the_same_week_of_last_year_is_compared_by_school():
    rows = asked("same_week_last_year")
    assert list(rows["school_id"]) == ["school_1"] * LAST_YEAR + ["school_2"] * LAST_YEAR
    assert list(rows["iso_week"]) == ["2025-W36", "2025-W37"] * 2


def test_a_balance_of_trends_lies_between_all_falling_and_all_rising():
    rows = answer(question("rising_or_falling"))
    assert rows["trend_balance"].between(-1, 1).all()


def test_warnings_and_falls_are_of_the_asked_school():
    warnings = asked("warnings_of_a_school")
    assert {"absent_week_after_week", "falling_points"} <= set(warnings["rule"])
    falls = asked("certain_falls_of_a_school")
    own = {hashlib.md5(f"school_1/{student}".encode()).hexdigest() for student in range(3)}
    assert own <= set(falls["student_key"])
    assert falls["points_slope_4w"].max() < 0


def test_grades_stand_beside_attendance():
    rows = asked("behaviour_beside_grades")
    assert rows["grade_count"].sum() == STUDENTS
    assert rows["mean_grade"].between(20, 20 + STUDENTS).all()


def test_the_fates_of_rows_sum_to_what_landed():
    rows = asked("what_became_of_rows")
    assert rows.groupby("school_id")["row_count"].sum().to_dict() == {"school_1": 105, "school_2": 106}


def test_every_question_has_a_test():
    here = Path(__file__).read_text()
    assert [name for name in QUESTIONS if f'("{name}")' not in here] == []


def test_an_answer_without_rows_is_not_drawn():
    found = question("warnings_of_a_school")
    nothing = answer(found, "school_9")
    with pytest.raises(NothingToDrawError, match="warnings_of_a_school has no rows"):
        drawn(found, nothing)

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
import pytest

from pipelines.trends import run_trends
from pipelines.trends.commands import DONE, THEN
from tests.dbt import cloud, reference
from tests.dbt.events import WEEK, event, graded, history
from transforms.calendar import iso_week, week_start
from transforms.lake_schema import ACADEMIC_CHANGES

pytestmark = pytest.mark.local

MONDAY = date(2025, 9, 1)
STUDENTS = ["school_id", "student_key", "week_start"]
COHORTS = ["school_id", "week_start", "graduation_year"]
CLASSES = ["school_id", "class_id", "subject", "iso_week"]


@pytest.mark.slow
def test_a_full_build_equals_the_definition_across_years_cohorts_and_closed_weeks(lake, work):
    events = history(Random(1), MONDAY, 30, schools=2, students=12, cohorts=(0, 2025, 2026, 2029))
    cloud.publish(events)

    run_trends(work_dir=work)

    expected = reference.weekly_student_behavior(events)
    assert expected.groupby(["graduation_year", "iso_week"]).ngroups > 100  # more than Athena writes at once
    assert set(expected["trend"]) == {"rising", "steady", "falling"}
    assert expected["silent_weeks"].max() == reference.SILENT_WEEKS_LIMIT
    assert_same(cloud.mart("weekly_student_behavior"), expected, STUDENTS)
    schools = reference.weekly_school_behavior(expected)
    # Means of means are rounded, and slopes of shares may differ in their last bits.
    assert_same(cloud.mart("weekly_school_behavior"), schools, ["school_id", "week_start"], rtol=1e-9)
    cohorts = reference.weekly_cohort_behavior(expected)
    assert_same(cloud.mart("weekly_cohort_behavior"), cohorts, COHORTS, rtol=1e-9)
    trends = reference.weekly_student_trends(expected)
    assert trends["attendance_rate_slope_4w"].notna().sum() > 10
    assert trends["absence_streak_weeks"].max() >= 3
    assert_same(cloud.mart("weekly_student_trends"), trends, STUDENTS, rtol=1e-9)
    classes = reference.weekly_class_behavior(events)
    assert_same(cloud.mart("weekly_class_behavior")[[*classes]], classes, CLASSES)
    warnings = cloud.mart("early_warnings")
    assert set(warnings["rule"]) >= {"silent", "chronic_absence", "repeated_misconduct"}
    silent = trends[
        trends["is_school_week"] & (trends["silent_school_weeks"] >= 3) & (trends["row_count"] >= 3)
    ]
    assert len(warnings[warnings["rule"] == "silent"]) == len(silent)


@pytest.mark.slow
def test_an_incremental_run_equals_a_full_one_and_reads_only_the_weeks_it_needs(lake, work):
    random = Random(2)
    events = history(random, MONDAY, 38, schools=2, students=4, cohorts=(2029,))
    newest = MONDAY + 34 * WEEK
    first = newest - 3 * WEEK
    # school_1 pauses until after the first run; one student, alone in a cohort, moves to another.
    pause = newest - 7 * WEEK
    events = [row for row in events if row["school_id"] != "school_1" or not pause < _week(row) <= newest]
    mover = [event(random, "school_0", "mover", 2039, MONDAY + i * WEEK) for i in range(30, 36)]
    late = [row for row in events if first <= _week(row) <= newest and random.random() < 0.3]
    early = [row for row in [*events, *mover] if _week(row) <= newest and row not in late]
    cloud.publish(early)
    cloud.note_load("load-1", MONDAY + WEEK, [MONDAY])
    cloud.build(work)
    assert 2039 in set(cloud.mart("weekly_student_trends", since=iso_week(newest))["graduation_year"])

    rebuilt = pause + WEEK
    old_lake = {key for key in cloud.files("lake/") if _month(key) < (rebuilt.year, rebuilt.month)}
    old_marts = {key for key in cloud.files("marts/") if _iso_week(key) < iso_week(first - 30 * WEEK)}
    older = {key: tag for key, tag in cloud.files("marts/").items() if _iso_week(key) < iso_week(rebuilt)}
    assert {key.split("/")[1] for key in old_lake} == {"behavior_events", "loads"}
    assert old_marts
    cloud.spoil(old_lake | old_marts)
    moved = [{**row, "graduation_year": 2040} if first <= _week(row) else row for row in mover]
    cloud.remove([row for row in mover if first <= _week(row) <= newest])
    cloud.publish([row for row in [*events, *moved] if row not in early])
    cloud.note_load("load-20991231", MONDAY + 38 * WEEK, [newest - 5 * WEEK])
    run_trends(work_dir=work)

    everything = reference.weekly_student_behavior([*events, *moved])
    expected = everything[everything["week_start"] >= rebuilt].reset_index(drop=True)
    assert_same(cloud.mart("weekly_student_behavior", since=iso_week(rebuilt)), expected, STUDENTS)
    schools = reference.weekly_school_behavior(expected)
    built = cloud.mart("weekly_school_behavior", since=iso_week(rebuilt))
    assert_same(built, schools, ["school_id", "week_start"], rtol=1e-9)
    trends = reference.weekly_student_trends(everything)
    trends = trends[trends["week_start"] >= rebuilt].reset_index(drop=True)
    assert_same(cloud.mart("weekly_student_trends", since=iso_week(rebuilt)), trends, STUDENTS, rtol=1e-9)
    for name in ("weekly_student_behavior", "weekly_student_trends"):
        assert 2039 not in set(cloud.mart(name, since=iso_week(first))["graduation_year"])
    assert set(cloud.mart("late_changes")["changed_week"]) == {iso_week(newest - 5 * WEEK)}
    # Weeks without a warning leave no partition, so that of the warnings the look-back begins earlier.
    kept = {key: tag for key, tag in older.items() if key not in old_marts and "/early_warnings/" not in key}
    assert kept == {key: tag for key, tag in cloud.files("marts/").items() if key in kept}


@pytest.mark.slow
@pytest.mark.fault
def test_every_mart_and_view_stays_as_it_was_after_a_second_run_and_after_one_that_was_killed(lake, work):
    cloud.publish(history(Random(7), MONDAY, 8, schools=1, students=30, cohorts=(2027,)))
    cloud.publish(grades(), ACADEMIC_CHANGES)
    cloud.note_load(
        "load-20251126", MONDAY + 12 * WEEK + timedelta(days=2), [MONDAY + WEEK], school_id="school_0"
    )
    cloud.build(work)
    first = cloud.every_row()
    # Two years would be compared, and no school has a holiday or a threshold of its own.
    empty = {
        "yearly_school_comparison",
        "public_yearly_comparison",
        "school_holidays",
        "publication_thresholds",
    }
    assert {name for name, rows in first.items() if not rows} == empty
    assert len(first) == 20

    cloud.build(work)
    assert cloud.every_row() == first

    for moment in ("school_weeks", "weekly_student_behavior"):
        killed_after(moment, work)
        cloud.wait_for_queries()
        assert cloud.every_row() == first, moment
        cloud.build(work)
        assert cloud.every_row() == first, moment


def killed_after(model: str, work: Path) -> None:
    """Begins a run, and kills it when it says that a model is done: others are in the middle of theirs."""
    command = [sys.executable, "-m", "pipelines.trends", "--work-dir", str(work), "run"]
    with subprocess.Popen(command, cwd=cloud.ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert any(line.startswith(f"{DONE}{model}: success") for line in child.stdout)
        child.kill()
    assert child.returncode == -signal.SIGKILL


def grades() -> Iterator[dict[str, Any]]:
    """An evaluation of each of some students, and the grade that came of it."""
    for student in range(8):
        changed = datetime(2025, 10, 8, 12)
        yield from graded("school_0", str(student), 2027, changed, changed.date(), 60 + student)


@pytest.mark.slow
@pytest.mark.fault
def test_a_mart_with_other_columns_than_its_model_is_named_and_keeps_its_weeks(lake, work):
    cloud.publish([event(Random(4), "school_1", "ana", 2027, MONDAY)])
    chosen = ("run", "--select", "+school_weeks")
    assert cloud.dbt(work, *chosen, THEN, *chosen).returncode == 0
    cloud.add_column("school_weeks", "of_yesterday")
    before = cloud.files("marts/")

    done = cloud.dbt(work, *chosen)

    assert done.returncode == 1
    assert "school_weeks: " in done.stdout
    assert "out of sync" in done.stdout
    assert "of_yesterday" in done.stdout
    assert before
    assert cloud.files("marts/") == before

    done = cloud.dbt(work, *chosen, "--full-refresh")

    assert done.returncode == 0, done.stdout
    assert "of_yesterday" not in cloud.mart("school_weeks")
    assert len(cloud.mart("school_weeks")) == 1


@pytest.mark.slow
def test_marts_built_from_an_empty_lake_fill_later_with_the_cohort_in_their_path_and_leave_nothing_else(
    lake, work
):
    cloud.build(work)
    assert not cloud.files("marts/")

    cloud.publish([event(Random(4), "school_1", "ana", 2027, MONDAY)])
    cloud.build(work)

    week = iso_week(MONDAY)
    of_students = ("weekly_student_behavior", "weekly_student_trends")
    of_schools = ("school_weeks", "weekly_class_behavior", "weekly_cohort_behavior", "weekly_school_behavior")
    assert {key.partition("/gen=")[0] for key in cloud.files("marts/")} == {
        *(
            f"marts/luca_marts/{name}/graduation_year=2027/iso_week={week}/school_id=school_1"
            for name in of_students
        ),
        *(f"marts/luca_marts/{name}/iso_week={week}" for name in of_schools),
    }
    assert not cloud.files("dbt-tmp/", bucket=cloud.RESULTS)


def assert_same(mart: pd.DataFrame, expected: pd.DataFrame, order: list[str], rtol: float = 0) -> None:
    """The same rows, columns and values; points_change is a whole number or missing in both."""
    assert list(mart) == list(expected)
    mart = mart.sort_values(order, ignore_index=True)
    whole = [name for name in mart if name == "points_change" or (name.endswith("_4w") and "count" in name)]
    whole += [name for name in mart if name.endswith("_slope_weeks")]
    mart, expected = (
        mart.astype(dict.fromkeys(whole, "Int64")),
        expected.astype(dict.fromkeys(whole, "Int64")),
    )
    moments = {name: expected[name].dtype for name in expected.select_dtypes("datetime")}
    pd.testing.assert_frame_equal(mart.astype(moments), expected, check_dtype=False, rtol=rtol, atol=0)


def _week(row: dict[str, Any]) -> date:
    return week_start(row["local_date"])


def _month(key: str) -> tuple[int, int]:
    return int(_partition(key)["year"]), int(_partition(key)["month"])


def _iso_week(key: str) -> str:
    return _partition(key)["iso_week"]


def _partition(key: str) -> dict[str, str]:
    return dict(part.split("=") for part in key.split("/") if "=" in part)

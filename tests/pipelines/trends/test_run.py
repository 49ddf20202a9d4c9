from __future__ import annotations

import fcntl
from datetime import UTC, date, datetime, timedelta
from random import Random

import boto3
import pandas as pd
import pytest

from adapters.settings import MissingSettingError
from pipelines.trends import TrendsBusyError, TrendsError, run_trends
from pipelines.trends.commands import ROOT
from pipelines.trends.history import latest
from pipelines.trends.run import SETTINGS
from tests.dbt import cloud, reference
from tests.dbt.events import WEEK, event, history
from transforms.calendar import week_start

pytestmark = pytest.mark.local


def test_a_run_says_what_it_built_tested_and_found_fresh_and_writes_the_docs(lake, work, tmp_path):
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    events = [event(Random(4), "school_1", "ana", 2031, yesterday) for _ in range(3)]
    cloud.publish(events)
    said: list[str] = []

    result = run_trends(docs_dir=tmp_path / "docs", work_dir=work, progress=said.append)

    rows = {model.name: model.rows for model in result.models}
    assert rows == {
        "stg_behavior_events": None,
        "stg_academic_changes": None,
        "early_warning_rules": None,
        "school_holidays": None,
        "publication_thresholds": None,
        "school_weeks": 1,
        "weekly_student_behavior": 1,
        "weekly_school_behavior": 1,
        "weekly_cohort_behavior": 1,
        "weekly_class_behavior": 1,
        "weekly_student_trends": 1,
        "early_warnings": None,
        "student_period_grades": None,
        "yearly_school_comparison": None,
        "late_changes": None,
        "uncounted_changes": None,
        "public_weekly_cohort_behavior": None,
        "public_weekly_school_behavior": None,
        "public_weekly_platform_behavior": None,
        "public_yearly_comparison": None,
    }
    assert {model.status for model in result.models} == {"success"}
    assert set(result.passed) >= {"one_row_per_student_and_week", "schools_add_up_to_students"}
    assert (result.failed, result.warned) == ((), ())
    fresh = {source.name: (source.status, source.newest is not None) for source in result.freshness}
    assert fresh == {
        "behavior_events": ("pass", True),
        "academic_changes": ("warn", False),
        "loads": ("warn", False),
    }
    assert "weekly_student_behavior 1 rows" in result.summary
    assert any(line.startswith("weekly_school_behavior: success") for line in said)

    assert result.docs == tmp_path / "docs" / "index.html"
    page = result.docs.read_text()
    assert "One row per school, student and ISO week" in page  # a description
    assert "count_if(event_type" in page  # the compiled SQL
    assert str(ROOT) not in page

    (kept,) = latest()
    assert kept.models == result.models
    assert (kept.state, kept.failures, kept.warnings) == ("passed", 0, 2)  # two tables without a new row


@pytest.mark.slow
def test_events_that_came_after_the_look_back_are_reported_and_built_on_request(lake, work):
    monday = date(2026, 1, 5)
    events = history(Random(5), monday, 9, schools=1, students=2, cohorts=(2029,))
    late = [row for row in events if week_start(row["local_date"]) == monday + 2 * WEEK]
    cloud.publish(row for row in events if row not in late)
    cloud.build(work)
    assert late
    cloud.publish(late)

    audit = run_trends(select="tag:audit", work_dir=work)
    assert audit.warned == ("no_event_came_after_the_look_back",)

    run_trends(since=monday + 2 * WEEK + timedelta(days=3), work_dir=work)
    built = cloud.mart("weekly_student_behavior").sort_values(
        ["student_key", "week_start"], ignore_index=True
    )
    expected = reference.weekly_student_behavior(events)
    assert built["points_moving_avg_4w"].tolist() == expected["points_moving_avg_4w"].tolist()
    assert built["trend"].tolist() == expected["trend"].tolist()


def test_a_broken_rule_stops_the_run_and_names_itself(lake, work):
    raw = {**event(Random(6), "school_1", "ana", 2031, date(2026, 3, 2)), "student_key": "ana"}
    cloud.publish([raw])

    with pytest.raises(TrendsError, match="student_rows_keep_the_rules: Got 1 result") as caught:
        run_trends(work_dir=work)

    assert caught.value.result.failed == ("student_rows_keep_the_rules",)
    statuses = {model.name: model.status for model in caught.value.result.models}
    assert statuses["weekly_school_behavior"] == "skipped"
    assert [(kept.state, kept.failures) for kept in latest()] == [("failed", 1)]


@pytest.mark.slow
@pytest.mark.fault
def test_a_run_that_fails_in_the_middle_leaves_what_comes_after_as_it_was(lake, work):
    good = [event(Random(7), "school_1", "ana", 2031, date(2026, 3, 2)) for _ in range(3)]
    cloud.publish(good)
    cloud.build(work)
    later = ["weekly_student_trends", "weekly_school_behavior"]
    before = {name: cloud.mart(name) for name in later}
    assert len(before["weekly_school_behavior"]) == 1
    cloud.publish([{**event(Random(8), "school_1", "ana", 2031, date(2026, 3, 9)), "student_key": "ana"}])

    with pytest.raises(TrendsError, match="student_rows_keep_the_rules"):
        run_trends(work_dir=work)

    assert len(cloud.mart("weekly_student_behavior")) > 1
    for name in later:
        pd.testing.assert_frame_equal(cloud.mart(name), before[name])


@pytest.mark.slow
def test_what_dbt_cannot_do_is_told_in_its_words(lake, work):
    boto3.client("glue").delete_table(DatabaseName="luca_lake", Name="behavior_events")
    with pytest.raises(TrendsError, match=r"behavior_events: .*(\n.*)*does not exist"):
        run_trends(work_dir=work)


@pytest.mark.slow
def test_a_selection_of_nothing_is_an_error(lake, work):
    with pytest.raises(TrendsError, match="'no_such_model' selects no model"):
        run_trends(select="no_such_model", work_dir=work)


def test_a_run_without_its_settings_names_the_missing_one(monkeypatch):
    monkeypatch.delenv("LUCA_LAKE_BUCKET", raising=False)
    with pytest.raises(MissingSettingError, match="LUCA_LAKE_BUCKET"):
        run_trends()


@pytest.mark.fault
def test_a_second_run_in_the_same_folder_is_told_to_wait(tmp_path, monkeypatch):
    for name in SETTINGS:
        monkeypatch.setenv(f"LUCA_{name}", "x")
    with (tmp_path / ".lock").open("w") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        with pytest.raises(TrendsBusyError, match="another run of the trends works in"):
            run_trends(work_dir=tmp_path)

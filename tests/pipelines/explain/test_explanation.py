from __future__ import annotations

from datetime import date
from random import Random
from typing import Any

import pandas as pd
import pytest

from pipelines.explain import UnexplainedError, explain, marts
from tests.dbt import cloud
from tests.dbt.events import WEEK, event, history

pytestmark = pytest.mark.local

MONDAY = date(2025, 9, 1)


def key_of(name: str, row: dict[str, Any]) -> str:
    values = (row[column] for column in marts()[name].key)
    return "/".join("" if pd.isna(value) else str(value) for value in values)


@pytest.mark.slow
def test_the_events_behind_a_number_sum_to_it_in_every_mart_until_a_late_one_comes(lake, work, monkeypatch):
    monkeypatch.setenv("LUCA_JOBS_WORK_GROUP", "luca-dbt")
    events = history(Random(11), MONDAY, 12, schools=2, students=4, cohorts=(2027, 2029))
    cloud.publish(events)
    cloud.build(work)

    asked = 0
    for name, mart in marts().items():
        if mart.lake != "stg_behavior_events":
            continue
        rows = cloud.mart(name)
        if name == "weekly_student_trends":  # in a week without school some are empty
            rows = rows[rows["is_school_week"]]
        row = rows.sort_values(["row_count", *mart.key]).iloc[-1].to_dict()
        for column in [each for each in mart.columns.values() if each.of][
            :: 1 if name == "weekly_student_trends" else 6
        ]:
            found = explain(name, key_of(name, row), column.name)
            assert found.value == int(row[column.name]), (name, column.name)
            assert found.total == found.value, (name, column.name)
            asked += found.total > 0
        assert len(explain(name, key_of(name, row)).rows) == row["row_count"] > 0
    assert asked > 10

    row = cloud.mart("weekly_school_behavior").iloc[0].to_dict()
    cloud.publish([event(Random(1), row["school_id"], "late", 2027, row["week_start"] + WEEK / 7)])
    moved = explain("weekly_school_behavior", key_of("weekly_school_behavior", row))
    assert (moved.holds, moved.total) == (False, moved.value + 1)

    with pytest.raises(UnexplainedError, match="weekly_school_behavior has no row 'nowhere/2025-W36'"):
        explain("weekly_school_behavior", "nowhere/2025-W36")

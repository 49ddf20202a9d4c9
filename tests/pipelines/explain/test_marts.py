from __future__ import annotations

import pytest

from pipelines.explain import UnexplainedError, marts
from pipelines.explain.marts import mart

MADE_OF_LOADS = ["late_changes", "uncounted_changes"]  # each row names its loads: `luca loads show`


def test_a_mart_knows_its_key_its_window_and_what_its_columns_mean():
    trends = mart("weekly_student_trends")
    assert trends.key == ("school_id", "student_key", "iso_week")
    assert trends.lake == "stg_behavior_events"
    assert [trends.column(name).weeks for name in ("row_count", "points")] == [8, 1]
    column = trends.column("participation_count_4w")
    assert (column.of, column.school_weeks, column.unit) == ("event_type = 'participation'", 4, "events")
    assert column.meaning == "Such events of the last four school weeks."


def test_every_mart_of_lake_rows_can_be_taken_apart():
    assert [name for name, each in marts().items() if not each.lake] == [
        *MADE_OF_LOADS,
        "yearly_school_comparison",
    ]
    assert all(each.column("row_count") for each in marts().values() if each.lake)


def test_what_cannot_be_explained_is_refused_with_what_can():
    with pytest.raises(
        UnexplainedError, match="mart 'nothing' cannot be explained: use one of early_warnings,"
    ):
        mart("nothing")
    weeks = mart("school_weeks")
    with pytest.raises(
        UnexplainedError, match="'holiday' of school_weeks counts no rows: use one of event_count"
    ):
        weeks.column("holiday")
    with pytest.raises(UnexplainedError, match="key 'school_1' of school_weeks: use school_id/iso_week"):
        weeks.parsed_key("school_1")
    assert mart("weekly_class_behavior").parsed_key("s//math/2026-W06")["class_id"] is None

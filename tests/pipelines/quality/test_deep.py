"""The deep suite on a lake into which bad rows came behind the gate."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from adapters.aws import client
from expectations.catalogue import expectations_of
from expectations.verdict import GateToolError
from pipelines.cli import app
from pipelines.quality import deep, kept
from pipelines.quality.deep import judge_day_deeply
from pipelines.quality.kept import Kind
from transforms.lake_schema import BEHAVIOR_EVENTS

pytestmark = [pytest.mark.service]

TUESDAY = date(2026, 2, 3)
MORNING = datetime(2026, 2, 4, 9, tzinfo=UTC)
TABLE = "behavior_events"


def slip_in(lake: Any, rows: list[dict[str, Any]]) -> None:
    """Puts rows beside the file of a load, which nobody judges."""
    (key,) = (key for key in lake.objects(f"lake/{TABLE}/") if "school_1" in key)
    sink = io.BytesIO()
    pq.write_table(
        pa.Table.from_pylist([{**row, "load_id": "x"} for row in rows], BEHAVIOR_EVENTS.lake_schema), sink
    )
    client("s3").put_object(
        Bucket="luca-lake-000000000000", Key=f"{key.rpartition('/')[0]}/by-hand.parquet", Body=sink.getvalue()
    )


def test_what_was_slipped_in_is_found_row_by_row_and_a_clean_day_passes(lake: Any) -> None:
    good = lake.event()
    lake.land([good, lake.event(), lake.event(school_id="school_2", graduation_year=0)])
    lake.load_one()
    clean = judge_day_deeply(TABLE, TUESDAY, MORNING)
    assert clean.rows == {"school_1": 2, "school_2": 1}
    assert [(found.rule, found.severity, found.found) for found in clean.findings] == [
        ("cohort_known", "info", 1)
    ]
    slip_in(
        lake,
        [
            good,
            lake.event(points=500),
            lake.event(points=None),
            lake.event(event_type="excursion"),
            lake.event(student_key="Ana María"),
            lake.event(local_date=date(2026, 2, 4)),  # of another day
        ],
    )
    judged = judge_day_deeply(TABLE, TUESDAY, MORNING)
    assert judged.rows == {"school_1": 7, "school_2": 1}
    assert {found.rule: found.found for found in judged.findings} == {
        "student_key_shape": 1,
        "cohort_known": 1,
        "event_type_known": 1,
        "points_in_range": 2,
        "published_once": 2,
    }
    assert {found.severity for found in judged.findings} == {"info", "warning"}
    assert "excursion" not in str(judged)
    assert list(kept.since(Kind.DEEP, TABLE, TUESDAY)) == [judged]
    assert lake.tables() == [], "the view is gone"


def test_two_runs_of_a_day_leave_each_other_alone_and_what_a_killed_one_left_goes(lake: Any) -> None:
    lake.land([lake.event()])
    lake.load_one()
    expected, elsewhere = expectations_of(TABLE), "deep_other_20200101t000000_x"
    with deep._day_view(expected, TUESDAY, MORNING) as left:
        client("glue").create_table(DatabaseName=left.database, TableInput={"Name": elsewhere})
        with deep._day_view(expected, TUESDAY, MORNING + timedelta(hours=1)) as other:
            assert set(lake.tables()) == {left.name, other.name, elsewhere}
        with deep._day_view(expected, TUESDAY, MORNING + timedelta(hours=7)) as later:
            assert set(lake.tables()) == {later.name, elsewhere}, "what is of another table stays"


@pytest.mark.slow
def test_the_command_ends_with_3_where_a_rule_is_broken_and_a_day_without_rows_with_0(lake: Any) -> None:
    lake.land([lake.event()])
    lake.load_one()
    slip_in(lake, [lake.event(points_version=0)])
    broken = CliRunner().invoke(app, ["quality", "deep", TABLE, "--day", "2026-02-03"])
    assert broken.exit_code == 3
    assert "1 of 2 published rows break it" in " ".join(broken.output.split())
    silent = CliRunner().invoke(app, ["quality", "deep", "--day", "2026-02-01"])
    assert (silent.exit_code, silent.output.count("nothing found")) == (0, 2)


def test_a_query_that_fails_says_nothing_of_the_rows(lake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deep, "in_months", lambda first, last: "no_such_column = 1")
    with pytest.raises(GateToolError, match="no_such_column"):
        judge_day_deeply(TABLE, TUESDAY, MORNING)
    assert list(kept.since(Kind.DEEP, TABLE, TUESDAY)) == []


@pytest.mark.slow
def test_great_expectations_that_fails_says_nothing_of_the_rows_and_leaves_no_view(
    lake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.land([lake.event()])
    lake.load_one()
    monkeypatch.setattr(
        deep.athena, "address", lambda group, database: "awsathena+rest://@nowhere/x?work_group=none"
    )
    with pytest.raises(
        GateToolError, match="Great Expectations failed on view deep_behavior_events_20260204t090000_"
    ):
        judge_day_deeply(TABLE, TUESDAY, MORNING)
    assert list(kept.since(Kind.DEEP, TABLE, TUESDAY)) == []
    assert lake.tables() == []

"""The nightly upkeep as its schedules start it: containers under their own roles, on the local cloud."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adapters import lake
from infra.local.cloud import LocalCloud
from infra.local.state_machines.execution import StateError
from tests.assumed_role import forget_clients
from tests.pipelines.conftest import Lake
from transforms.lake_schema import BEHAVIOR_EVENTS

pytestmark = [pytest.mark.local, pytest.mark.slow]

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0, tzinfo=None) - timedelta(days=1)


def rows_of_yesterday() -> list[dict[str, Any]]:
    """Ten rows, the last of which no gate would have let pass."""
    times = {"occurred_at": NOON, "received_at": NOON, "local_date": NOON.date(), "utc_offset_minutes": 0}
    made = Lake("")
    return [made.event(**times, load_id="l", points=500 if number == 9 else 2) for number in range(10)]


def test_a_night_compacts_the_lake_and_judges_yesterday_under_the_roles_of_its_tasks(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LocalCloud.start(tmp_path_factory.mktemp("cloud")) as cloud:
        for name, value in cloud.environment.items():
            monkeypatch.setenv(name, value)
        forget_clients()
        bucket = cloud.environment["LUCA_LAKE_BUCKET"]
        partition = ("2029", f"{NOON:%Y}", f"{NOON:%m}", "school_1")
        place = lake.partition_path("behavior_events", partition)
        for number, row in enumerate(rows_of_yesterday()):
            sink = pa.BufferOutputStream()
            pq.write_table(pa.Table.from_pylist([row], BEHAVIOR_EVENTS.lake_schema), sink)
            lake.write(bucket, f"{place}{number}.parquet", sink.getvalue().to_pybytes())
        lake.register_partitions("behavior_events", {partition: place})

        now = datetime.now(UTC)
        cloud.fire("luca-compaction", now)
        moved = lake.partition_locations("behavior_events", [partition])[partition]
        assert [key.removeprefix(moved) for key in lake.keys_under(bucket, moved)] == ["part-00000.parquet"]
        cloud.fire("luca-quality-day", now)
        with pytest.raises(StateError, match="container quality ended with 3"):
            cloud.fire("luca-quality-deep", now)
        reports = cloud.environment["LUCA_REPORTS_BUCKET"]
        kept = sorted(lake.keys_under(reports, "quality/days/"))
        assert kept == [
            f"quality/days/{kind}/{table}/{NOON:%Y-%m-%d}.json"
            for kind in ("deep", "history")
            for table in ("academic_changes", "behavior_events")
        ]
        judged = json.loads(lake.read(reports, kept[1]))
        assert [(found["rule"], found["found"]) for found in judged["findings"]] == [("points_in_range", 1)]
        cloud.fire("luca-quality-page", now)
        page = lake.read(reports, "quality/index.html").decode()
        assert re.search(r"points_in_range<td>[a-z]+<td>\(all\)<td>1 of 10 published rows break it", page)
    forget_clients()

"""The chain of `infra/trends.yaml` on the local cloud: containers under their own roles, in their order."""

from __future__ import annotations

import io
import json
import time
import urllib.request
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adapters import weekly_trends
from adapters.settings import setting
from infra.local.cloud import LocalCloud
from pipelines.load.run import load
from pipelines.simulation.scenario import Scenario, create_schools
from tests.assumed_role import forget_clients
from tests.recorded_calls import local_cloud
from transforms.calendar import iso_week
from transforms.keys import StudentKey
from transforms.schools import School
from transforms.students import Student
from transforms.weekly_trends import WeeklyTrend

pytestmark = [pytest.mark.e2e, pytest.mark.local, pytest.mark.slow, pytest.mark.timeout(1200)]

ANA = StudentKey("school_1", "ana")
LAST_WEEK = datetime.now(UTC) - timedelta(days=8)  # over everywhere


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[LocalCloud]:
    """A cloud in whose lake are three events of Ana of last week, and no marts yet."""
    with pytest.MonkeyPatch.context() as patch, local_cloud(tmp_path) as started:
        for name, value in started.environment.items():
            patch.setenv(name, value)
        forget_clients()
        school = School("school_1", "UTC")
        create_schools(Scenario([school], [Student(ANA, 2030, "3B", "Ana", "Ruiz")], [], 0))
        for _ in range(3):
            body = {
                "event_id": str(uuid.uuid4()),
                "type": "participation",
                "student_id": "ana",
                "occurred_at": LAST_WEEK.isoformat(),
            }
            request = urllib.request.Request(
                f"{started.environment['LUCA_API_ENDPOINT']}/behavior",
                json.dumps(body).encode(),
                {"Authorization": f"Bearer {started.token('school_1')}"},
            )
            urllib.request.urlopen(request, timeout=30).close()
        started.settle(timeout=120)
        load("behavior_events", now=datetime.now(UTC), docs=tmp_path / "docs")
        yield started
    forget_clients()


def run_chain() -> tuple[str, list[str]]:
    """Runs the machine to its end; its status, and the states that it entered."""
    machines = boto3.client("stepfunctions")
    arn = machines.start_execution(stateMachineArn=setting("TRENDS_MACHINE_ARN"), input="{}")["executionArn"]
    while machines.describe_execution(executionArn=arn)["status"] == "RUNNING":
        time.sleep(0.5)
    events = machines.get_execution_history(executionArn=arn)["events"]
    entered = [
        each["stateEnteredEventDetails"]["name"] for each in events if "stateEnteredEventDetails" in each
    ]
    return machines.describe_execution(executionArn=arn)["status"], entered


def weeks() -> dict[str, WeeklyTrend]:
    return weekly_trends.stored(ANA, "2000-W01")


def spoil_the_lake() -> None:
    """Adds a row past the gate that no mart may have: its student is named in plain."""
    s3, bucket = boto3.client("s3"), setting("LAKE_BUCKET")
    (entry, *_) = s3.list_objects_v2(Bucket=bucket, Prefix="lake/behavior_events/")["Contents"]
    rows: list[dict[str, Any]] = pq.read_table(
        io.BytesIO(s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()), partitioning=None
    ).to_pylist()
    schema = pq.read_schema(io.BytesIO(s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()))
    spoilt = {**rows[0], "event_id": str(uuid.uuid4()), "student_key": "ana"}
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([spoilt], schema), sink)
    s3.put_object(Bucket=bucket, Key=f"{entry['Key'].rsplit('/', 1)[0]}/spoilt.parquet", Body=sink.getvalue())


@pytest.mark.fault
def test_the_chain_brings_the_weeks_back_and_a_failed_one_leaves_the_profiles_as_they_are(
    cloud: LocalCloud,
) -> None:
    assert run_chain() == ("SUCCEEDED", ["Build", "Publish"])
    brought = weeks()
    assert {week: trend.events for week, trend in brought.items()} == {iso_week(LAST_WEEK.date()): 3}
    spoil_the_lake()
    assert run_chain() == ("FAILED", ["Build"])
    assert weeks() == brought

"""The load's state machine on the local cloud: plan, shards side by side, finish, each a container."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from adapters import athena, ledger
from adapters.aws import client
from adapters.settings import setting
from bench._invented_landing import events
from bench.load import parquet
from infra.local.cloud import LocalCloud
from pipelines.load.steps import shards_key
from tests.recorded_calls import local_cloud

pytestmark = pytest.mark.local
TABLE = "behavior_events"
ROWS = 60  # a file


@pytest.fixture(params=[3, pytest.param(20, marks=pytest.mark.slow)], ids="{} shards".format)
def landed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[LocalCloud, int]]:
    """A cloud whose shards hold one file, with some files landed."""
    shards: int = request.param
    parameters = {"LoadShardFiles": "1", "LoadConcurrency": "2"}
    with pytest.MonkeyPatch.context() as patch, local_cloud(tmp_path, parameters=parameters) as cloud:
        for name, value in cloud.environment.items():
            patch.setenv(name, value)
        client.cache_clear()
        athena._session.cache_clear()
        hour = f"{datetime.now(UTC):%Y-%m-%d-%H}"
        rows = events(ROWS * shards, schools=4, students=40)
        for number in range(shards):
            # The last row of each file comes again at the start of the next.
            start = max(number * ROWS - 1, 0)
            body = parquet(rows.slice(start, (number + 1) * ROWS - start))
            key = f"{TABLE}/hour={hour}/{number:04d}.parquet"
            client("s3").put_object(Bucket=setting("LANDING_BUCKET"), Key=key, Body=body)
        yield cloud, shards
    client.cache_clear()
    athena._session.cache_clear()


def ended(arn: str) -> dict[str, Any]:
    machines = boto3.client("stepfunctions")
    while (told := machines.describe_execution(executionArn=arn))["status"] == "RUNNING":
        time.sleep(0.2)
    return dict(told)


def start() -> str:
    given = {"table": TABLE, "shards": shards_key(TABLE), "concurrency": 2}
    machine = setting("LOAD_MACHINE_ARN")
    return str(
        boto3.client("stepfunctions").start_execution(stateMachineArn=machine, input=json.dumps(given))[
            "executionArn"
        ]
    )


@pytest.mark.timeout(600)
def test_the_machine_loads_what_has_landed(landed: tuple[LocalCloud, int]) -> None:
    _, shards = landed
    told = ended(start())
    assert told["status"] == "SUCCEEDED", told.get("cause")
    (load,) = ledger.loads(TABLE)
    assert len(load.facts["shards"]) == shards == len(ledger.shards_done(load))
    rows = ROWS * shards
    copies = shards - 1
    assert load.facts["rows"] == {
        "landed": rows + copies,
        "duplicate": copies,
        "quarantined": 0,
        "published": rows,
    }
    (found,) = athena.query(
        f"SELECT count(*) AS n, count(DISTINCT event_id) AS ids FROM {TABLE}",
        work_group=setting("JOBS_WORK_GROUP"),
        database=setting("LAKE_DATABASE"),
    ).to_dict("records")
    assert found == {"n": rows, "ids": rows}
    assert ledger.the_open_load(TABLE) is None

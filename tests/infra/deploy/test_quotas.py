from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from infra.deploy.plan import stacks
from infra.deploy.quotas import ROW_BYTES, Quota, quotas
from infra.deploy.stages import Stage, read_stage
from infra.local.children import REPOSITORY
from transforms.lake_schema import LAKE_TABLES

STACKS = stacks(sorted((REPOSITORY / "infra").glob("*.yaml")))


def needed(events: float, stage: Stage) -> dict[str, Quota]:
    return {f"{each.service} {each.name}": each for each in quotas(events, stage, STACKS)}


def test_5000_events_a_second_need_what_the_design_says() -> None:
    found = needed(5000, read_stage("prod"))
    # 50 workers; 5 shards and 2 enrichers more; 20 consolidators and 20 others; a quarter to spare
    assert found["Lambda Concurrent executions"].needed == 122
    assert found["DynamoDB Table-level write throughput"].needed == 6250
    assert found["Fargate On-Demand vCPU resource count"].needed == 55  # (10 x 2 + 20 x 1 + 4) x 1.25
    assert [name for name, each in found.items() if each.short] == [
        "Lambda Concurrent executions",
        "Fargate On-Demand vCPU resource count",
        "Athena Active DML queries",
    ]


def test_firehose_is_short_where_its_quota_is_small() -> None:
    ireland, madrid = read_stage("prod"), Stage("s", "eu-south-2", None, read_stage("prod").parameters)
    assert not needed(5000, ireland)["Firehose Direct PUT, data of a stream"].short
    assert needed(5000, madrid)["Firehose Direct PUT, data of a stream"].short


@pytest.mark.parametrize("events", [1, 100, 10_000, 100_000])
def test_more_events_never_need_less(events: int) -> None:
    less, more = needed(events, read_stage("prod")), needed(events * 2, read_stage("prod"))
    assert all(more[name].needed >= each.needed for name, each in less.items())


def width(kind: pa.DataType) -> Any:
    """A value as long as they come: identifiers are mostly UUIDs or shorter."""
    if pa.types.is_temporal(kind):
        return "2026-02-03 14:15:00.000"
    return 9999 if pa.types.is_integer(kind) else "x" * 36


def test_no_row_of_the_lake_is_wider_than_is_reckoned_with() -> None:
    table = LAKE_TABLES["behavior_events"]
    widest = {field.name: width(field.type) for field in table.landing_schema}
    assert ROW_BYTES / 2 < len(json.dumps(widest, separators=(",", ":"))) < ROW_BYTES

"""Compaction under its own role, on the local cloud that enforces it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import boto3
import pyarrow as pa
import pytest
from botocore.exceptions import ClientError

from adapters import athena, generations, lake
from adapters.aws import client
from pipelines.partitions.compaction import Wish, compact
from pipelines.partitions.rewriting import rewriting
from tests.assumed_role import assumed, forget_clients
from tests.recorded_calls import local_cloud
from transforms.lake_schema import BEHAVIOR_EVENTS

pytestmark = pytest.mark.local

HERE = ("2029", "2026", "02", "school_1")


def counted() -> int:
    answer = athena.query(
        "SELECT count(*) AS n FROM behavior_events", work_group="luca-jobs", database="luca_lake"
    )
    return int(answer["n"][0])


def test_the_maintenance_role_may_compact_and_erase_and_no_more(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with local_cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        for name, value in cloud.environment.items():
            monkeypatch.setenv(name, value)
        forget_clients()
        bucket = cloud.environment["LUCA_LAKE_BUCKET"]
        place = lake.partition_path("behavior_events", HERE)
        for number in range(3):
            row = {"event_id": str(number), "student_key": "s", "load_id": "l"}
            rows = pa.Table.from_pylist([row], BEHAVIOR_EVENTS.lake_schema)
            sink = pa.BufferOutputStream()
            pa.parquet.write_table(rows, sink)
            lake.write(bucket, f"{place}{number}.parquet", sink.getvalue().to_pybytes())
        lake.register_partitions("behavior_events", {HERE: place})
        lake.write(bucket, "quarantine/behavior_events/x", b"x")
        assert counted() == 3

        with assumed("luca-maintenance"):
            wish = Wish(most_small=1, grace=timedelta(0))
            done = compact(BEHAVIOR_EVENTS, wish)
            assert (done.files, done.rows) == ((3, 1), 3)
            assert compact(BEHAVIOR_EVENTS, wish).deleted.objects == 3
            with rewriting(BEHAVIOR_EVENTS, "erase") as rewriter:
                rewriter.rewrite([HERE], lambda part: part.slice(1), every_version=True)
            assert compact(BEHAVIOR_EVENTS, wish).deleted.generations == 1
            for refused in (
                lambda: client("s3").delete_object(Bucket=bucket, Key="quarantine/behavior_events/x"),
                lambda: generations.delete("quarantine/"),
                lambda: client("dynamodb").get_item(
                    TableName="luca-platform", Key={"PK": {"S": "x"}, "SK": {"S": "x"}}
                ),
            ):
                with pytest.raises(ClientError, match="AccessDenied"):
                    refused()
        assert counted() == 2
        versions: Any = boto3.client("s3").list_object_versions(Bucket=bucket, Prefix="lake/")
        assert [found["Key"].rpartition("/gen=")[2] for found in versions["Versions"]] == [
            "0002/part-00000.parquet"
        ]
        assert "DeleteMarkers" not in versions
    forget_clients()

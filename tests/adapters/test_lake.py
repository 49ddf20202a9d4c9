from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from adapters import lake
from adapters.aws import client
from adapters.catalog import PartitionRefusedError
from adapters.lake import LandingFile, ObjectChangedError, ObjectVanishedError
from transforms.lake_schema import BEHAVIOR_EVENTS

pytestmark = pytest.mark.service

LANDING, LAKE = "luca-landing-000000000000", "luca-lake-000000000000"
VALUES = ("2029", "2026", "02", "school_1")


@pytest.fixture(autouse=True)
def buckets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in list(os.environ):
        if name.startswith("AWS_ENDPOINT_URL"):
            monkeypatch.delenv(name)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "LUCA_LANDING_BUCKET": LANDING,
        "LUCA_LAKE_BUCKET": LAKE,
        "LUCA_LANDING_DATABASE": "luca_landing",
        "LUCA_LAKE_DATABASE": "luca_lake",
    }.items():
        monkeypatch.setenv(name, value)
    client.cache_clear()
    with mock_aws():
        for bucket in (LANDING, LAKE):
            client("s3").create_bucket(Bucket=bucket)
        for database in ("luca_landing", "luca_lake"):
            client("glue").create_database(DatabaseInput={"Name": database})
        client("glue").create_table(
            DatabaseName="luca_lake",
            TableInput={
                "Name": "behavior_events",
                "PartitionKeys": [{"Name": "school_id", "Type": "string"}],
                "StorageDescriptor": {
                    "Columns": [{"Name": "event_id", "Type": "string"}],
                    "Location": f"s3://{LAKE}/lake/behavior_events/",
                    "SerdeInfo": {"SerializationLibrary": "parquet"},
                },
            },
        )
        yield
    client.cache_clear()


def put(key: str, body: bytes = b"body", bucket: str = LANDING) -> str:
    answer = client("s3").put_object(Bucket=bucket, Key=key, Body=body)
    return str(answer["ETag"].strip('"'))


def partitions() -> dict[tuple[str, ...], str]:
    found = client("glue").get_partitions(DatabaseName="luca_lake", TableName="behavior_events")["Partitions"]
    return {tuple(item["Values"]): item["StorageDescriptor"]["Location"] for item in found}


def test_landing_files_come_oldest_hour_first_with_what_names_their_content() -> None:
    later = put("behavior_events/hour=2026-02-03-15/a.parquet")
    early = put("behavior_events/hour=2026-02-03-14/z.parquet", b"longer body")
    put("behavior_events/hour=2026-02-03-14/", b"")
    put("behavior_events_v2/hour=2026-02-03-14/other.parquet")
    put("errors/behavior_events/x")
    assert list(lake.landing_files("behavior_events")) == [
        LandingFile("behavior_events/hour=2026-02-03-14/z.parquet", early, 11),
        LandingFile("behavior_events/hour=2026-02-03-15/a.parquet", later, 4),
    ]


def test_a_file_knows_its_hour() -> None:
    assert LandingFile("t/hour=2026-02-03-14/x/y.parquet", "", 0).hour == "2026-02-03-14"


def test_an_object_is_read_whole_if_it_is_the_one_that_was_noted() -> None:
    etag = put("key")
    assert lake.read(LANDING, "key", etag) == lake.read(LANDING, "key") == b"body"
    assert lake.read_uri(f"s3://{LANDING}/key") == b"body"
    with pytest.raises(ObjectChangedError, match="no longer the object with ETag"):
        lake.read(LANDING, "key", "0" * 32)
    with pytest.raises(ObjectVanishedError, match="s3://luca-landing-000000000000/gone is gone"):
        lake.read(LANDING, "gone", etag)


def test_a_folder_is_copied_with_its_folders(tmp_path: Path) -> None:
    (tmp_path / "table").mkdir()
    (tmp_path / "table" / "load.json").write_text("{}")
    (tmp_path / "index.html").write_text("1")
    assert lake.write_folder(tmp_path, LAKE, "site/") == 2
    assert lake.read(LAKE, "site/table/load.json") == b"{}"
    assert lake.read(LAKE, "site/index.html") == b"1"
    assert client("s3").head_object(Bucket=LAKE, Key="site/index.html")["ContentType"] == "text/html"


def test_a_partition_begins_where_its_values_say() -> None:
    path = "lake/behavior_events/graduation_year=2029/year=2026/month=02/school_id=school_1/"
    assert lake.partition_path("behavior_events", VALUES) == f"{path}gen=0000/"
    assert lake.partition_path("behavior_events", VALUES, 12) == f"{path}gen=0012/"
    with pytest.raises(ValueError, match="zip"):
        lake.partition_path("behavior_events", VALUES[:3])


def test_registering_again_changes_nothing_and_a_partition_keeps_its_place() -> None:
    lake.register_partitions("behavior_events", {("a",): "lake/a/", ("b",): "lake/b/gen=1/"})
    lake.register_partitions("behavior_events", {("a",): "lake/elsewhere/", ("c",): "lake/c/"})
    assert partitions() == {
        ("a",): f"s3://{LAKE}/lake/a/",
        ("b",): f"s3://{LAKE}/lake/b/gen=1/",
        ("c",): f"s3://{LAKE}/lake/c/",
    }
    assert lake.partition_locations("behavior_events", [("b",), ("nobody",), ("c",)]) == {
        ("b",): "lake/b/gen=1/",
        ("c",): "lake/c/",
    }


def test_many_partitions_are_registered_and_found_in_batches() -> None:
    many = {(f"school_{number}",): f"lake/{number}/" for number in range(1_205)}
    lake.register_partitions("behavior_events", many)
    assert lake.partition_locations("behavior_events", many) == many


def test_a_partition_that_glue_refuses_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = {"Errors": [{"PartitionValues": ["a"], "ErrorDetail": {"ErrorCode": "InvalidInputException"}}]}
    monkeypatch.setattr(client("glue"), "batch_create_partition", lambda **_: refused)
    with pytest.raises(PartitionRefusedError, match=r"\['a'\] of behavior_events: InvalidInputException"):
        lake.register_partitions("behavior_events", {("a",): "lake/a/"})


def test_partitions_that_glue_leaves_unprocessed_are_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    lake.register_partitions("behavior_events", {("a",): "lake/a/", ("b",): "lake/b/"})
    really = client("glue").batch_get_partition

    def one_at_a_time(**named: Any) -> Any:
        first, *rest = named.pop("PartitionsToGet")
        return {**really(**named, PartitionsToGet=[first]), "UnprocessedKeys": rest}

    monkeypatch.setattr(client("glue"), "batch_get_partition", one_at_a_time)
    assert set(lake.partition_locations("behavior_events", [("a",), ("b",)])) == {("a",), ("b",)}


def test_a_loads_table_names_its_files_by_shard_and_is_replaced_and_dropped() -> None:
    early, late = "t/hour=1/a.parquet", "t/hour=2/b.parquet"
    for shards in ([[early], [early], [early]], [[early, late], [late]]):
        lake.make_shard_table("load_1", BEHAVIOR_EVENTS.columns, "loads/1/manifest/", shards)
    assert lake.has_manifest_table("load_1")
    assert lake.read(LANDING, "loads/1/manifest/shard=0000/files.txt").decode().splitlines() == [
        f"s3://{LANDING}/{early}",
        f"s3://{LANDING}/{late}",
    ]
    partitions = client("glue").get_partitions(DatabaseName="luca_landing", TableName="load_1")["Partitions"]
    assert {part["Values"][0]: part["StorageDescriptor"]["Location"] for part in partitions} == {
        str(shard): f"s3://{LANDING}/loads/1/manifest/shard={shard:04d}/" for shard in range(2)
    }
    described = client("glue").get_table(DatabaseName="luca_landing", Name="load_1")["Table"][
        "StorageDescriptor"
    ]
    assert described["Location"] == f"s3://{LANDING}/loads/1/manifest/"
    assert described["InputFormat"].endswith("SymlinkTextInputFormat")
    assert [column["Name"] for column in described["Columns"]] == BEHAVIOR_EVENTS.landing_schema.names
    lake.drop_manifest_table("load_1")
    lake.drop_manifest_table("load_1")
    assert not lake.has_manifest_table("load_1")
    assert client("glue").get_tables(DatabaseName="luca_landing")["TableList"] == []

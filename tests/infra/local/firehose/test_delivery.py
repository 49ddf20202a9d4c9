from __future__ import annotations

import asyncio
import base64
import io
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from infra.local.declarations import DeliveryDeclaration
from infra.local.firehose.delivery import DeliveryStream

DECLARED = DeliveryDeclaration(
    name="events",
    arn="arn:aws:firehose:us-east-1:000000000000:deliverystream/events",
    bucket="landing",
    prefix="events/hour=!{timestamp:yyyy-MM-dd-HH}/",
    error_prefix="errors/!{firehose:error-output-type}/",
    size=1000,
    interval=3600,
    table=("db", "events"),
    compression="snappy",
    schema_configuration={"DatabaseName": "db", "TableName": "events", "Region": "us-east-1"},
)


class Cloud:
    """A bucket and a catalog in memory; the bucket may refuse for a while."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.refusals = 0

    def __call__(self, service: str) -> Cloud:
        return self

    def get_table(self, **_: str) -> dict[str, Any]:
        columns = [{"Name": "id", "Type": "int"}]
        return {"Table": {"StorageDescriptor": {"Columns": columns}}}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803
        if self.refusals:
            self.refusals -= 1
            raise OSError("the bucket refuses")
        assert Bucket == "landing"
        self.objects[Key] = Body

    def ids(self) -> list[int]:
        """Of all rows that landed, in order of their files."""
        files = [io.BytesIO(body) for key, body in sorted(self.objects.items()) if key.endswith(".parquet")]
        return [row["id"] for file in files for row in pq.read_table(file).to_pylist()]


def using(cloud: Cloud, directory: Path, use: Callable[[DeliveryStream], Awaitable[None]]) -> None:
    async def run() -> None:
        stream = DeliveryStream(DECLARED, directory, cloud)
        stream.start()
        try:
            await use(stream)
        finally:
            await stream.stop()

    asyncio.run(run())


def records(*ids: int) -> list[bytes]:
    return [json.dumps({"id": each}).encode() for each in ids]


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.02)


def test_a_flush_writes_one_parquet_file_under_the_hour(tmp_path: Path) -> None:
    cloud = Cloud()

    async def use(stream: DeliveryStream) -> None:
        stream.put(records(1, 2))
        stream.put(records(3))
        await stream.flush()
        assert len(cloud.objects) == 1

    using(cloud, tmp_path, use)
    assert cloud.ids() == [1, 2, 3]
    (key,) = cloud.objects
    assert re.fullmatch(r"events/hour=\d{4}-\d\d-\d\d-\d\d/events-1-[\d-]{19}-[0-9a-f-]{36}\.parquet", key)
    assert list(tmp_path.iterdir()) == []


def test_a_full_buffer_goes_without_being_asked(tmp_path: Path) -> None:
    cloud = Cloud()

    async def use(stream: DeliveryStream) -> None:
        stream.put(records(*range(200)))
        await until(lambda: bool(cloud.objects))

    using(cloud, tmp_path, use)
    assert cloud.ids() == list(range(200))


def test_what_does_not_convert_goes_to_the_error_prefix_with_its_reason(tmp_path: Path) -> None:
    cloud = Cloud()

    async def use(stream: DeliveryStream) -> None:
        stream.put([*records(1), b'{"id": "many"}', b"no json", *records(2)])

    using(cloud, tmp_path, use)
    assert cloud.ids() == [1, 2]
    (key,) = [key for key in cloud.objects if key.startswith("errors/")]
    assert key.startswith("errors/format-conversion-failed/events-1-")
    errors = [json.loads(line) for line in cloud.objects[key].splitlines()]
    assert [base64.b64decode(error["rawData"]) for error in errors] == [b'{"id": "many"}', b"no json"]
    assert [error["lastErrorCode"] for error in errors] == [
        "DataFormatConversion.MalformedData",
        "DataFormatConversion.ParseError",
    ]
    assert all(error["lastErrorMessage"] and error["attemptsMade"] == 1 for error in errors)
    assert errors[0]["dataCatalogTable"]["tableName"] == "events"


@pytest.mark.fault
def test_a_bucket_that_refuses_for_a_while_gets_everything_once(tmp_path: Path) -> None:
    cloud = Cloud()
    cloud.refusals = 1

    async def use(stream: DeliveryStream) -> None:
        stream.put(records(*range(200)))
        await until(lambda: bool(cloud.objects))

    using(cloud, tmp_path, use)
    assert cloud.ids() == list(range(200))


@pytest.mark.fault
def test_what_cannot_be_delivered_before_the_end_is_delivered_after_the_next_start(tmp_path: Path) -> None:
    cloud = Cloud()
    cloud.refusals = 1_000

    async def put(stream: DeliveryStream) -> None:
        stream.put(records(1, 2))

    using(cloud, tmp_path, put)
    assert cloud.objects == {}
    cloud.refusals = 0

    async def wait(stream: DeliveryStream) -> None:
        await until(lambda: bool(cloud.objects))

    using(cloud, tmp_path, wait)
    assert cloud.ids() == [1, 2]

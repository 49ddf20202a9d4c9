from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from infra.local.streams import KEPT, PAGE, Shard, sequence_of
from infra.local.wire import AwsError


def record(number: int) -> dict[str, Any]:
    return {"dynamodb": {"SequenceNumber": f"{number:010d}"}}


class Streams:
    """The stream service in memory; counts what it is asked."""

    def __init__(self, count: int) -> None:
        self.records = [record(number) for number in range(count)]
        self.trimmed = 0
        self.asked: list[str] = []
        self.refuse_next = False

    async def call(self, action: str, request: dict[str, Any]) -> bytes:
        self.asked.append(action)
        if action == "DescribeStream":
            return json.dumps({"StreamDescription": {"Shards": [{"ShardId": "s0"}]}}).encode()
        if action == "GetShardIterator":
            after = request.get("SequenceNumber")
            if after is not None and int(after) < self.trimmed:
                raise AwsError(action, 400, b'{"__type":"TrimmedDataAccessException"}')
            at = self.trimmed if after is None else int(after) + 1
            return json.dumps({"ShardIterator": str(at)}).encode()
        if self.refuse_next:
            self.refuse_next = False
            raise AwsError(action, 400, b'{"__type":"ExpiredIteratorException"}')
        at = int(request["ShardIterator"])
        page = self.records[at : at + request["Limit"]]
        return json.dumps({"Records": page, "NextShardIterator": str(at + len(page))}).encode()

    def pages_read(self) -> int:
        return self.asked.count("GetRecords")


async def shard_of(streams: Streams) -> Shard:
    return await Shard.of("arn:stream", streams)  # type: ignore[arg-type]  # a service in memory


async def read_all(shard: Shard, after: str | None = None) -> list[int]:
    found: list[int] = []
    while page := await shard.read(after):
        found += [int(sequence_of(each)) for each in page]
        after = sequence_of(page[-1])
    return found


def test_a_reader_sees_every_record_once_and_in_order() -> None:
    async def run() -> None:
        streams = Streams(2 * PAGE + 5)
        shard = await shard_of(streams)
        assert await read_all(shard) == list(range(2 * PAGE + 5))
        streams.records.append(record(2 * PAGE + 5))
        page = await shard.read(f"{2 * PAGE + 4:010d}")
        assert [int(sequence_of(each)) for each in page] == [2 * PAGE + 5]
        assert page[0]["eventSourceARN"] == "arn:stream"

    asyncio.run(run())


def test_a_second_reader_costs_the_store_next_to_nothing() -> None:
    async def run() -> None:
        streams = Streams(3 * PAGE)
        shard = await shard_of(streams)
        first = await read_all(shard)
        pages = streams.pages_read()
        assert await read_all(shard) == first
        assert streams.pages_read() == pages + 1  # to see that there is nothing new

    asyncio.run(run())


@pytest.mark.parametrize("behind", [0, 1, PAGE, KEPT - 1, KEPT, KEPT + 1, KEPT + PAGE])
def test_readers_at_different_places_disturb_each_other_in_nothing(behind: int) -> None:
    async def run() -> None:
        total = KEPT + 2 * PAGE
        shard = await shard_of(Streams(total))
        await read_all(shard)
        position = total - 1 - behind
        assert await read_all(shard, f"{position:010d}") == list(range(position + 1, total))
        assert await read_all(shard, f"{total - 2:010d}") == [total - 1]
        assert await read_all(shard) == list(range(total))

    asyncio.run(run())


def test_what_has_left_the_stream_is_skipped() -> None:
    async def run() -> None:
        streams = Streams(10)
        streams.trimmed = 7
        assert await read_all(await shard_of(streams), f"{3:010d}") == [7, 8, 9]

    asyncio.run(run())


def test_an_expired_iterator_is_renewed_at_the_next_read() -> None:
    async def run() -> None:
        streams = Streams(3)
        shard = await shard_of(streams)
        assert await read_all(shard) == [0, 1, 2]
        streams.records.append(record(3))
        streams.refuse_next = True
        with pytest.raises(AwsError, match="ExpiredIteratorException"):
            await shard.read(f"{2:010d}")
        assert await read_all(shard, f"{2:010d}") == [3]

    asyncio.run(run())


def test_the_newest_position_is_that_of_the_last_record() -> None:
    async def run() -> None:
        assert await (await shard_of(Streams(0))).newest() is None
        assert await (await shard_of(Streams(PAGE + 1))).newest() == f"{PAGE:010d}"

    asyncio.run(run())

"""Reads a table's stream, in large pages.

The store models a stream as one shard.
"""

from __future__ import annotations

from typing import Any

import msgspec

from infra.local.wire import AwsError, JsonService

PAGE = 1000  # records, the most that GetRecords gives

Record = dict[str, Any]


class Shard:
    """The shard of a stream.

    Args:
        stream_arn: Of the stream; records get it as `eventSourceARN`, as pipes and Lambda add it.
        shard_id: From `DescribeStream`.
        streams: The stream service.
    """

    def __init__(self, stream_arn: str, shard_id: str, streams: JsonService) -> None:
        self.stream_arn = stream_arn
        self.shard_id = shard_id
        self._streams = streams

    @classmethod
    async def of(cls, stream_arn: str, streams: JsonService) -> Shard:
        """The one shard of a stream.

        Raises:
            RuntimeError: There are more: the local cloud would need a reader for each.
        """
        answer = msgspec.json.decode(await streams.call("DescribeStream", {"StreamArn": stream_arn}))
        shards = answer["StreamDescription"]["Shards"]
        if len(shards) != 1:
            raise RuntimeError(f"{stream_arn} has {len(shards)} shards: the local cloud reads one")
        return cls(stream_arn, shards[0]["ShardId"], streams)

    async def start(self, after: str | None, starting_position: str) -> str:
        """An iterator behind a sequence number, or at the declared position when there is none."""
        request = {"StreamArn": self.stream_arn, "ShardId": self.shard_id}
        if after is None:
            return await self._iterator({**request, "ShardIteratorType": starting_position})
        try:
            return await self._iterator(
                {**request, "ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": after}
            )
        except AwsError as gone:
            if gone.code != "TrimmedDataAccessException":
                raise
            # The mark has left the stream's 24 hours: what remains begins at its horizon.
            return await self._iterator({**request, "ShardIteratorType": "TRIM_HORIZON"})

    async def _iterator(self, request: dict[str, str]) -> str:
        answer = msgspec.json.decode(await self._streams.call("GetShardIterator", request))
        return str(answer["ShardIterator"])

    async def read(self, position: str) -> tuple[list[Record], str]:
        """The next page, and the position behind it."""
        answer = msgspec.json.decode(
            await self._streams.call("GetRecords", {"ShardIterator": position, "Limit": PAGE})
        )
        records: list[Record] = answer["Records"]
        for record in records:
            record["eventSourceARN"] = self.stream_arn
        return records, str(answer["NextShardIterator"])

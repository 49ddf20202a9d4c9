"""Reads a table's stream in large pages, once for all of its readers.

The store models a stream as one shard. Pipes of one stream are mostly equally far, and a page
costs the store and us the same for each reader, so the newest pages are kept for the others.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from typing import Any

import msgspec

from infra.local.wire import AwsError, JsonService

PAGE = 1000  # records, the most that GetRecords gives
KEPT = 5000  # newest records, kept for readers that are a little behind

Record = dict[str, Any]


def sequence_of(record: Record) -> str:
    """A record's sequence number; as text they sort like the numbers, for all have one length."""
    number: str = record["dynamodb"]["SequenceNumber"]
    return number


class Shard:
    """The shard of a stream.

    Positions are sequence numbers: a reader stands behind the record of that number, or before
    the first one (None).

    Args:
        stream_arn: Of the stream; records get it as `eventSourceARN`, as pipes and Lambda add it.
        shard_id: From `DescribeStream`.
        streams: The stream service.
    """

    def __init__(self, stream_arn: str, shard_id: str, streams: JsonService) -> None:
        self.stream_arn = stream_arn
        self.shard_id = shard_id
        self._streams = streams
        self._kept: list[Record] = []
        self._numbers: list[str] = []
        self._kept_after: str | None = None  # what was kept begins behind this position
        self._following: str | None = None  # iterator behind what is kept
        self._reading = asyncio.Lock()

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

    async def newest(self) -> str | None:
        """The position behind all that is in the stream now, for readers that start at LATEST."""
        position: str | None = None
        while records := await self.read(position):
            position = sequence_of(records[-1])
        return position

    async def read(self, after: str | None) -> list[Record]:
        """Up to a page of records behind a position; none when there is nothing newer.

        Raises:
            AwsError: The store refused.
        """
        async with self._reading:
            if (kept := self._page(after)) is not None:
                return kept
            if self._following is None or after != self._end():
                self._following = await self._iterator(after)
                self._kept, self._numbers, self._kept_after = [], [], after
            # Forgotten until it is renewed: an iterator that has expired must not be tried again.
            iterator, self._following = self._following, None
            answer = msgspec.json.decode(
                await self._streams.call("GetRecords", {"ShardIterator": iterator, "Limit": PAGE})
            )
            self._following = str(answer["NextShardIterator"])
            records: list[Record] = answer["Records"]
            self._keep(records)
            return records

    def _end(self) -> str | None:
        return self._numbers[-1] if self._numbers else self._kept_after

    def _page(self, after: str | None) -> list[Record] | None:
        """The next page behind a position, if it is kept."""
        if not self._numbers or after == self._numbers[-1]:
            return None
        if after == self._kept_after:
            return self._kept[:PAGE]
        if after is None or after < self._numbers[0] or after > self._numbers[-1]:
            return None
        at = bisect_right(self._numbers, after)
        return self._kept[at : at + PAGE]

    def _keep(self, records: list[Record]) -> None:
        for record in records:
            record["eventSourceARN"] = self.stream_arn
        self._kept += records
        self._numbers += map(sequence_of, records)
        if (beyond := len(self._kept) - KEPT) > 0:
            self._kept_after = self._numbers[beyond - 1]
            del self._kept[:beyond], self._numbers[:beyond]

    async def _iterator(self, after: str | None) -> str:
        request = {"StreamArn": self.stream_arn, "ShardId": self.shard_id}
        if after is not None:
            try:
                return await self._asked(
                    {**request, "ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": after}
                )
            except AwsError as gone:
                if gone.code != "TrimmedDataAccessException":
                    raise
                # The position has left the stream's 24 hours: what remains begins at its horizon.
        return await self._asked({**request, "ShardIteratorType": "TRIM_HORIZON"})

    async def _asked(self, request: dict[str, str]) -> str:
        answer = msgspec.json.decode(await self._streams.call("GetShardIterator", request))
        return str(answer["ShardIterator"])

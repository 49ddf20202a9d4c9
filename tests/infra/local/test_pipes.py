from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from infra.local.declarations import PipeDeclaration
from infra.local.functions import FunctionError
from infra.local.pipes import Pipe
from infra.local.streams import sequence_of

DECLARED = PipeDeclaration(
    name="events",
    arn="arn:aws:pipes:us-east-1:000000000000:pipe/events",
    stream_arn="arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/2026",
    starting_position="TRIM_HORIZON",
    patterns=({"dynamodb": {"Keys": {"SK": {"S": [{"prefix": "EVENT#"}]}}}},),
    batch_size=100,
    window=0.2,
    maximum_retries=2,
    maximum_age=None,
    bisect=True,
    dead_letter_arn="arn:aws:sqs:us-east-1:000000000000:dead",
    enrichment_arn="arn:aws:lambda:us-east-1:000000000000:function:enrich",
    target_arn="arn:aws:firehose:us-east-1:000000000000:deliverystream/events",
)
NOW = 4_000_000_000  # seconds since 1970, in the future: never too old


def record(number: int, sort_key: str = "EVENT#") -> dict[str, Any]:
    return {
        "eventID": f"id{number}",
        "eventName": "INSERT",
        "dynamodb": {
            "Keys": {"SK": {"S": sort_key}},
            "SequenceNumber": f"{number:05d}",
            "ApproximateCreationDateTime": NOW,
        },
    }


class Shard:
    """A shard in memory."""

    shard_id = "shardId-0"

    def __init__(self, records: list[dict[str, Any]]) -> None:
        self.records = records

    async def newest(self) -> str | None:
        return sequence_of(self.records[-1]) if self.records else None

    async def read(self, after: str | None) -> list[dict[str, Any]]:
        return [r for r in self.records if after is None or sequence_of(r) > after][:30]


class Around:
    """What stands around a pipe, and the pipe: enrichment, target, dead letters in memory."""

    def __init__(self, shard: Shard, checkpoint: Path, **changes: Any) -> None:
        self.delivered: list[str] = []
        self.batches: list[int] = []
        self.letters: list[dict[str, Any]] = []
        self.poison: set[str] = set()
        self.dropped: set[str] = set()
        self.attempts = 0
        self.target_fails = False
        self.pipe = Pipe(
            dataclasses.replace(DECLARED, **changes),
            shard,  # type: ignore[arg-type]  # a shard in memory
            checkpoint,
            enrich=self.enrich,
            deliver=self.deliver,
            bury=self.bury,
        )

    async def enrich(self, payload: bytes) -> bytes:
        ids = [each["eventID"] for each in msgspec.json.decode(payload)]
        self.attempts += 1
        if self.poison & set(ids):
            raise FunctionError("enrich", b'{"errorType":"ValueError","errorMessage":"poison"}')
        self.batches.append(len(ids))
        return json.dumps([each for each in ids if each not in self.dropped]).encode()

    def deliver(self, records: Sequence[bytes]) -> None:
        if self.target_fails:
            raise OSError("disk full")
        self.delivered += [json.loads(each) for each in records]

    async def bury(self, message: dict[str, Any]) -> None:
        self.letters.append(message)

    async def carry(self) -> None:
        """Runs the pipe until it has caught up."""
        self.pipe.start()
        async with asyncio.timeout(20):
            await self.pipe.catch_up()
        await self.pipe.stop()


def ids(*numbers: int) -> list[str]:
    return [f"id{number}" for number in numbers]


def test_what_the_filter_lets_through_arrives_in_order_and_in_batches(tmp_path: Path) -> None:
    records = [record(n, "EVENT#" if n % 2 else "PROFILE") for n in range(500)]
    around = Around(Shard(records), tmp_path / "mark")
    asyncio.run(around.carry())
    assert around.delivered == ids(*range(1, 500, 2))
    assert max(around.batches) == 100


def test_an_enrichment_may_answer_with_less(tmp_path: Path) -> None:
    around = Around(Shard([record(n) for n in range(4)]), tmp_path / "mark")
    around.dropped = {"id1", "id3"}
    asyncio.run(around.carry())
    assert around.delivered == ids(0, 2)
    assert around.letters == []


def test_one_poisoned_record_of_a_hundred_goes_to_the_dead_letters_alone(tmp_path: Path) -> None:
    around = Around(Shard([record(n) for n in range(100)]), tmp_path / "mark")
    around.poison = {"id37"}
    asyncio.run(around.carry())
    assert around.delivered == ids(*(n for n in range(100) if n != 37))
    (letter,) = around.letters
    assert letter["context"] == {"partnerResourceArn": DECLARED.arn, "condition": "RetryAttemptsExhausted"}
    position = letter["DDBStreamBatchInfo"]
    assert (position["startSequenceNumber"], position["endSequenceNumber"]) == ("00037", "00037")
    assert (position["batchSize"], position["shardId"], position["streamArn"]) == (
        1,
        "shardId-0",
        DECLARED.stream_arn,
    )
    assert "EVENT#" not in json.dumps(letter)


def test_without_bisecting_the_whole_batch_goes(tmp_path: Path) -> None:
    around = Around(Shard([record(n) for n in range(10)]), tmp_path / "mark", bisect=False)
    around.poison = {"id3"}
    asyncio.run(around.carry())
    assert around.delivered == []
    assert around.attempts == 1 + DECLARED.maximum_retries  # type: ignore[operator]  # it is set above
    assert [letter["DDBStreamBatchInfo"]["batchSize"] for letter in around.letters] == [10]


def test_a_record_that_is_too_old_is_not_tried_again(tmp_path: Path) -> None:
    old = record(0)
    old["dynamodb"]["ApproximateCreationDateTime"] = 1_000_000_000
    around = Around(Shard([old]), tmp_path / "mark", maximum_age=60.0)
    around.poison = {"id0"}
    asyncio.run(around.carry())
    assert around.attempts == 1
    assert around.letters[0]["context"]["condition"] == "MaximumRecordAgeExceeded"


def test_a_pipe_goes_on_where_it_was(tmp_path: Path) -> None:
    shard = Shard([record(n) for n in range(50)])
    first = Around(shard, tmp_path / "mark")
    asyncio.run(first.carry())
    shard.records += [record(50, "PROFILE"), record(51)]
    second = Around(shard, tmp_path / "mark")
    asyncio.run(second.carry())
    assert first.delivered == ids(*range(50))
    assert second.delivered == ids(51)


def test_a_pipe_that_starts_at_the_end_leaves_what_was_before(tmp_path: Path) -> None:
    shard = Shard([record(n) for n in range(5)])
    around = Around(shard, tmp_path / "mark", starting_position="LATEST")

    async def then_one_more() -> None:
        around.pipe.start()
        async with asyncio.timeout(20):
            await around.pipe.catch_up()
            shard.records.append(record(5))
            await around.pipe.catch_up()
        await around.pipe.stop()

    asyncio.run(then_one_more())
    assert around.delivered == ids(5)


def test_the_mark_moves_only_after_the_target_took_the_batch(tmp_path: Path) -> None:
    shard = Shard([record(n) for n in range(50)])
    around = Around(shard, tmp_path / "mark")
    around.target_fails = True

    async def fail_then_end() -> None:
        around.pipe.start()
        async with asyncio.timeout(20):
            while not around.batches:
                await asyncio.sleep(0.01)
        await around.pipe.stop()

    asyncio.run(fail_then_end())
    assert not (tmp_path / "mark").exists()
    again = Around(shard, tmp_path / "mark")
    asyncio.run(again.carry())
    assert again.delivered == ids(*range(50))


def test_records_that_do_not_pass_move_the_mark_as_well(tmp_path: Path) -> None:
    around = Around(Shard([record(n, "PROFILE") for n in range(5)]), tmp_path / "mark")
    asyncio.run(around.carry())
    assert (tmp_path / "mark").read_text() == "00004"
    assert around.attempts == 0


def test_an_enrichment_that_answers_with_no_list_fails(tmp_path: Path) -> None:
    around = Around(Shard([record(0)]), tmp_path / "mark", maximum_retries=0)

    async def one(payload: bytes) -> bytes:
        return b'{"not": "a list"}'

    around.pipe._enrich = one
    asyncio.run(around.carry())
    assert len(around.letters) == 1


def test_a_partial_batch_waits_for_its_window(tmp_path: Path) -> None:
    around = Around(Shard([record(n) for n in range(3)]), tmp_path / "mark", window=0.5)

    async def watch() -> tuple[list[str], list[str]]:
        around.pipe.start()
        await asyncio.sleep(0.25)
        early = list(around.delivered)
        async with asyncio.timeout(20):
            while not around.delivered:
                await asyncio.sleep(0.01)
        await around.pipe.stop()
        return early, around.delivered

    assert asyncio.run(watch()) == ([], ids(0, 1, 2))

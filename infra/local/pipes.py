"""EventBridge Pipes: table stream, filter, batch, enrichment, delivery stream.

A pipe reads its shard in order, remembers how far it has come in a file, and moves that mark
only after the target took the batch: a restart repeats at most the batch that was on its way.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes.html
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from infra.local.declarations import PipeDeclaration
from infra.local.event_patterns import Test, compile_pattern
from infra.local.functions import FunctionError, PayloadTooLargeError
from infra.local.streams import Shard, sequence_of
from infra.local.wire import AwsError

logger = logging.getLogger(__name__)

IDLE = 0.1  # seconds between reads of a stream that has nothing new; Lambda's own pollers take 0.25
FIRST_RETRY = 0.1  # seconds; doubles with each attempt
LONGEST_RETRY = 5.0
PAUSE = 1.0  # seconds before going on after the store or a target failed
TARGET_RECORDS = 500  # the most that PutRecordBatch takes

Record = dict[str, Any]
Enrich = Callable[[bytes], Awaitable[bytes]]
Deliver = Callable[[Sequence[bytes]], None]
Bury = Callable[[Record], Awaitable[None]]


class EnrichmentAnswerError(ValueError):
    """The enrichment answered with something that is no JSON array."""


def compiled_filter(patterns: tuple[dict[str, Any], ...] | None) -> Test:
    """A test whether a record passes: one of the patterns matches, or there are none."""
    if patterns is None:
        return lambda record: True
    tests = [compile_pattern(pattern) for pattern in patterns]
    return lambda record: any(test(record) for test in tests)


class Pipe:
    """One pipe.

    Args:
        declaration: What the template says.
        shard: Of its stream.
        checkpoint: File that remembers the last sequence number done.
        enrich: Invokes the enrichment with a JSON array, gives its JSON array; None: there is none.
        deliver: Hands records to the target.
        bury: Sends a message to the dead letters; None: what cannot be carried is dropped.
    """

    def __init__(
        self,
        declaration: PipeDeclaration,
        shard: Shard,
        checkpoint: Path,
        *,
        enrich: Enrich | None,
        deliver: Deliver,
        bury: Bury | None,
    ) -> None:
        self.declaration = declaration
        self._shard = shard
        self._checkpoint = checkpoint
        self._passes = compiled_filter(declaration.patterns)
        self._enrich = enrich
        self._deliver = deliver
        self._bury = bury
        self._task: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        self.empty_since = 0.0  # loop time when a read began that found nothing, while nothing was under way
        self.carried = 0
        self.buried = 0

    @property
    def running(self) -> bool:
        """Whether it is started."""
        return self._task is not None

    def start(self) -> None:
        """Begins, or goes on, where the checkpoint says."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"pipe {self.declaration.name}")

    async def stop(self) -> None:
        """Ends; the checkpoint stays."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
            self.empty_since = 0.0

    async def catch_up(self) -> None:
        """Waits until everything written before this call has been carried; the window does not count."""
        since = asyncio.get_running_loop().time()
        while self.running and self.empty_since < since:
            self._hurry.set()
            await asyncio.sleep(0.02)

    async def _run(self) -> None:
        while True:
            mark = self._checkpoint.read_text() if self._checkpoint.exists() else None
            try:
                if mark is None and self.declaration.starting_position == "LATEST":
                    mark = await self._shard.newest()
                await self._carry_on(mark)
            except (AwsError, ConnectionError, TimeoutError) as failed:
                logger.warning("pipe %s: %s; going on from the checkpoint", self.declaration.name, failed)
            except Exception:
                logger.exception("pipe %s: going on from the checkpoint", self.declaration.name)
            await asyncio.sleep(PAUSE)

    async def _carry_on(self, position: str | None) -> None:
        loop = asyncio.get_running_loop()
        size = self.declaration.batch_size
        waiting: list[Record] = []
        window_ends = 0.0
        last_read: str | None = None
        reading = asyncio.create_task(self._read(position))
        try:
            while True:
                began, records = await reading
                if records:
                    position = sequence_of(records[-1])
                # The next page is read while this one is enriched.
                reading = asyncio.create_task(self._read(position, pause=0.0 if records else IDLE))
                for record in records:
                    if self._passes(record):
                        if not waiting:
                            window_ends = loop.time() + self.declaration.window
                        waiting.append(record)
                if records:
                    last_read = position
                while len(waiting) >= size:
                    await self._carry(waiting[:size])
                    self._mark(sequence_of(waiting[size - 1]))
                    del waiting[:size]
                if waiting and (loop.time() >= window_ends or (self._hurry.is_set() and not records)):
                    await self._carry(waiting)
                    waiting = []
                if not waiting:
                    if last_read is not None:
                        self._mark(last_read)
                        last_read = None
                    if not records:
                        self.empty_since = began
                        self._hurry.clear()
        finally:
            reading.cancel()

    async def _read(self, position: str | None, pause: float = 0.0) -> tuple[float, list[Record]]:
        if pause and not self._hurry.is_set():
            try:
                async with asyncio.timeout(pause):
                    await self._hurry.wait()
            except TimeoutError:
                pass
        began = asyncio.get_running_loop().time()
        return began, await self._shard.read(position)

    def _mark(self, sequence_number: str) -> None:
        written = self._checkpoint.with_suffix(".new")
        written.write_text(sequence_number)
        written.replace(self._checkpoint)

    async def _carry(self, batch: list[Record]) -> None:
        """Carries a batch, halves of it where it fails, and buries what fails alone to the end."""
        attempt = 0
        while (error := await self._attempt(batch)) is not None:
            if self._too_old(batch[0]):
                await self._give_up(batch, "MaximumRecordAgeExceeded", error)
                return
            if self.declaration.bisect and len(batch) > 1:
                middle = len(batch) // 2
                await self._carry(batch[:middle])
                await self._carry(batch[middle:])
                return
            if self.declaration.maximum_retries is not None and attempt >= self.declaration.maximum_retries:
                await self._give_up(batch, "RetryAttemptsExhausted", error)
                return
            await asyncio.sleep(min(LONGEST_RETRY, FIRST_RETRY * 2**attempt))
            attempt += 1

    async def _attempt(self, batch: list[Record]) -> Exception | None:
        """Carries a batch; the reason if that fails."""
        try:
            await self._enrich_and_deliver(batch)
        except (FunctionError, PayloadTooLargeError, EnrichmentAnswerError) as failed:
            return failed
        self.carried += len(batch)
        return None

    async def _enrich_and_deliver(self, batch: list[Record]) -> None:
        payload = msgspec.json.encode(batch)
        if self._enrich is None:
            answers = [msgspec.json.encode(record) for record in batch]
        else:
            try:
                answers = list(
                    map(bytes, msgspec.json.decode(await self._enrich(payload), type=list[msgspec.Raw]))
                )
            except msgspec.ValidationError as wrong:
                raise EnrichmentAnswerError(
                    f"the enrichment must answer with a JSON array: {wrong}"
                ) from wrong
        for at in range(0, len(answers), TARGET_RECORDS):
            self._deliver(answers[at : at + TARGET_RECORDS])

    def _too_old(self, record: Record) -> bool:
        limit = self.declaration.maximum_age
        return limit is not None and time.time() - record["dynamodb"]["ApproximateCreationDateTime"] > limit

    async def _give_up(self, batch: list[Record], condition: str, error: Exception) -> None:
        logger.warning(
            "pipe %s: gives up %d records: %s: %s", self.declaration.name, len(batch), condition, error
        )
        self.buried += len(batch)
        if self._bury is not None:
            await self._bury(self._dead_letter(batch, condition))

    def _dead_letter(self, batch: list[Record], condition: str) -> Record:
        """Where the records are in the stream; never what they say."""
        first, last = batch[0]["dynamodb"], batch[-1]["dynamodb"]
        return {
            "context": {"partnerResourceArn": self.declaration.arn, "condition": condition},
            "version": "1.0",
            "timestamp": _instant(time.time()),
            "DDBStreamBatchInfo": {
                "shardId": self._shard.shard_id,
                "startSequenceNumber": first["SequenceNumber"],
                "endSequenceNumber": last["SequenceNumber"],
                "approximateArrivalOfFirstRecord": _instant(first["ApproximateCreationDateTime"]),
                "approximateArrivalOfLastRecord": _instant(last["ApproximateCreationDateTime"]),
                "batchSize": len(batch),
                "streamArn": self.declaration.stream_arn,
            },
        }


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

"""SQS to Lambda: what an event source mapping does, with the batch and window it declares.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import msgspec

from infra.local.declarations import QueueMapping
from infra.local.functions import INSTANCES, FunctionError, FunctionRuntime
from infra.local.wire import AwsError, JsonService

logger = logging.getLogger(__name__)

RECEIVE = 10  # messages, the most that one ReceiveMessage gives
IDLE_WAIT = 5  # seconds of long polling while a queue is empty
SHALLOW_PAUSE = 0.05  # seconds between receives of a queue that gives less than it is asked for
PAUSE = 0.5  # seconds after the store failed to answer


class Message(msgspec.Struct):
    """A message as `ReceiveMessage` gives it."""

    MessageId: str
    ReceiptHandle: str
    Body: str
    MD5OfBody: str
    Attributes: dict[str, str] = {}
    MessageAttributes: dict[str, dict[str, Any]] = {}
    MD5OfMessageAttributes: str | None = None


class _Received(msgspec.Struct):
    Messages: list[Message] = []


_received = msgspec.json.Decoder(_Received)


def lambda_record(message: Message, queue_arn: str, region: str) -> dict[str, Any]:
    """A message as Lambda hands it to a function."""
    record = {
        "messageId": message.MessageId,
        "receiptHandle": message.ReceiptHandle,
        "body": message.Body,
        "attributes": message.Attributes,
        "messageAttributes": {
            name: {
                **{key[0].lower() + key[1:]: value for key, value in attribute.items()},
                "stringListValues": [],
                "binaryListValues": [],
            }
            for name, attribute in message.MessageAttributes.items()
        },
        "md5OfBody": message.MD5OfBody,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": region,
    }
    if message.MD5OfMessageAttributes is not None:
        record["md5OfMessageAttributes"] = message.MD5OfMessageAttributes
    return record


def failed_of(answer: bytes, batch: list[str]) -> set[str]:
    """The message ids that a function wants back.

    Args:
        answer: The function's answer, JSON.
        batch: Ids of all messages of the batch.

    Returns:
        None of them for an empty answer; all of them for an answer that Lambda would not
        understand, or that names a message which was not in the batch.
        https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    everything = set(batch)
    try:
        said = msgspec.json.decode(answer)
        if not said:
            return set()
        failures = said.get("batchItemFailures")
        if not failures:
            return set()
        failed = {failure["itemIdentifier"] for failure in failures}
    except (msgspec.DecodeError, AttributeError, KeyError, TypeError):
        return everything
    return failed if failed <= everything else everything


class QueueSource:
    """One mapping: collects batches, invokes the function, deletes what succeeded.

    Args:
        declaration: The mapping.
        queue_url: Of its queue.
        sqs: The queue service.
        functions: The runtime.
    """

    def __init__(
        self,
        declaration: QueueMapping,
        queue_url: str,
        sqs: JsonService,
        functions: FunctionRuntime,
        region: str,
    ) -> None:
        self.declaration = declaration
        self.queue_url = queue_url
        self._sqs = sqs
        self._functions = functions
        self._region = region
        # One batch is collected while the others are worked on.
        self.concurrency = min(declaration.maximum_concurrency, INSTANCES)
        self._working = asyncio.Semaphore(self.concurrency)
        self._collecting = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._in_hand = 0  # messages of batches that the function has not answered yet

    @property
    def running(self) -> bool:
        """Whether it polls."""
        return bool(self._tasks)

    def start(self) -> None:
        """Begins to poll."""
        if self._tasks:
            return
        self._tasks = [
            asyncio.create_task(self._poll(), name=f"{self.declaration.name}/{number}")
            for number in range(self.concurrency + 1)
        ]

    async def stop(self) -> None:
        """Ends polling; messages on the way return to the queue after its visibility time-out."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def depth(self) -> tuple[int, int]:
        """Messages that wait (delayed ones too), and messages that are being worked on.

        A batch in hand counts even when its visibility time-out has passed meanwhile.
        """
        names = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ]
        answer = await self._sqs.call(
            "GetQueueAttributes", {"QueueUrl": self.queue_url, "AttributeNames": names}
        )
        waiting, working, delayed = (
            int(msgspec.json.decode(answer)["Attributes"].get(name, 0)) for name in names
        )
        return waiting + delayed, max(working, self._in_hand)

    async def _poll(self) -> None:
        while True:
            try:
                async with self._collecting:
                    batch = await self._collect()
                if batch:
                    await self._take(batch)
            except (AwsError, ConnectionError, TimeoutError) as failed:
                logger.warning("%s: %s; polling again", self.declaration.name, failed)
                await asyncio.sleep(PAUSE)
            except Exception:
                logger.exception("%s: polling again", self.declaration.name)
                await asyncio.sleep(PAUSE)

    async def _take(self, batch: list[Message]) -> None:
        self._in_hand += len(batch)
        try:
            async with self._working:
                await self._work(batch)
        finally:
            self._in_hand -= len(batch)

    async def _receive(self, most: int, wait: int) -> list[Message]:
        request = {
            "QueueUrl": self.queue_url,
            "MaxNumberOfMessages": most,
            "WaitTimeSeconds": wait,
            "AttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
        }
        return _received.decode(await self._sqs.call("ReceiveMessage", request)).Messages

    async def _collect(self) -> list[Message]:
        """Waits for a first message, then for a full batch or the end of the window."""
        size = self.declaration.batch_size
        batch = await self._receive(min(size, RECEIVE), IDLE_WAIT)
        if not batch:
            return batch
        loop = asyncio.get_running_loop()
        ends = loop.time() + self.declaration.window
        plenty = len(batch) == RECEIVE
        while len(batch) < size and (left := ends - loop.time()) > 0:
            if not plenty:
                await asyncio.sleep(min(SHALLOW_PAUSE, left))
            # Several receives at once only while the queue keeps filling them: each costs the store a call.
            missing = size - len(batch)
            rounds = [min(RECEIVE, missing - at) for at in range(0, missing if plenty else 1, RECEIVE)]
            found = await asyncio.gather(*(self._receive(most, 0) for most in rounds))
            plenty = all(len(part) == most for part, most in zip(found, rounds, strict=True))
            batch += [message for part in found for message in part]
        return batch

    async def _work(self, batch: list[Message]) -> None:
        arn, region = self.declaration.queue_arn, self._region
        event = {"Records": [lambda_record(message, arn, region) for message in batch]}
        try:
            answer = await self._functions.invoke(self.declaration.function, msgspec.json.encode(event))
        except FunctionError as failed:
            logger.warning(
                "%s: a batch of %d messages returns: %s", self.declaration.name, len(batch), failed
            )
            return
        failed_ids = (
            failed_of(answer, [message.MessageId for message in batch])
            if self.declaration.report_failures
            else set()
        )
        done = [message for message in batch if message.MessageId not in failed_ids]
        await asyncio.gather(*(self._delete(done[at : at + RECEIVE]) for at in range(0, len(done), RECEIVE)))

    async def _delete(self, messages: list[Message]) -> None:
        entries = [
            {"Id": str(number), "ReceiptHandle": message.ReceiptHandle}
            for number, message in enumerate(messages)
        ]
        await self._sqs.call("DeleteMessageBatch", {"QueueUrl": self.queue_url, "Entries": entries})

"""The rejected queue: events that can never be stored as they are, kept with their reason.

An operator reads them there, mends the cause (a school's `records_since`, a sender's clock)
and sends the bodies again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypedDict

import msgspec

from adapters.aws import client
from adapters.queues import ENTRIES_A_CALL, messages
from adapters.settings import setting
from transforms.events import Fault

BYTES_A_CALL = 900_000  # a little under SQS's 1 MiB for a whole batch


class Rejection(TypedDict):
    """A rejected message.

    Attributes:
        message_id: Of the message that was rejected.
        school_id: The tenant of its token, if it had one.
        correlation_id: Of its request.
        received_at: When the queue took it, UTC text.
        reason: The name under which it is counted (`transforms.events.Reason`).
        faults: All that is wrong: reason, path, rule.
        body: As it was sent.
    """

    message_id: str
    school_id: str | None
    correlation_id: str
    received_at: str
    reason: str
    faults: Sequence[Fault]
    body: str


def send_rejections(rejections: Sequence[Rejection]) -> set[str]:
    """Puts rejections into the rejected queue.

    Returns:
        The `message_id`s that the queue did not take; the caller leaves those messages where they are.

    Raises:
        ClientError, BotoCoreError: The queue cannot be reached.
    """
    refused: set[str] = set()
    for entries in _batches(rejections):
        response = client("sqs").send_message_batch(QueueUrl=setting("REJECTED_QUEUE"), Entries=entries)
        refused |= {failure["Id"] for failure in response.get("Failed", [])}
    return refused


def rejections(hidden_for: int = 120) -> list[Rejection]:
    """Reads the rejected queue and leaves it as it was.

    Args:
        hidden_for: Seconds for which a message that was read is hidden from readers, this one
            included: long enough to reach the end of the queue. At the end all are shown again.

    Returns:
        Every message that was visible, once.

    Raises:
        ClientError, BotoCoreError: The queue cannot be reached.
    """
    found = messages(setting("REJECTED_QUEUE"), hidden_for)
    return [msgspec.json.decode(message["Body"], type=Rejection) for message in found]


def _batches(rejections: Sequence[Rejection]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    size = 0
    for rejection in rejections:
        body = msgspec.json.encode(rejection).decode()
        if batch and (len(batch) == ENTRIES_A_CALL or size + len(body.encode()) > BYTES_A_CALL):
            yield batch
            batch, size = [], 0
        batch.append(
            {
                "Id": rejection["message_id"],
                "MessageBody": body,
                "MessageAttributes": {
                    "reason": {"DataType": "String", "StringValue": rejection["reason"]},
                },
            }
        )
        size += len(body.encode())
    if batch:
        yield batch

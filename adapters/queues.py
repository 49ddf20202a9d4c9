"""A queue looked through from end to end, and left as it was but for what is taken out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from adapters.aws import client
from adapters.batches import batches

ENTRIES_A_CALL = 10  # the limit of SQS's batches
WAIT_SECONDS = 1  # any wait asks every server of the queue, not a sample

Message = dict[str, Any]


class MessagesKeptError(RuntimeError):
    """SQS did not delete a message."""


def messages(
    queue: str, hidden_for: int = 120, take_out: Callable[[Message], bool] = lambda message: False
) -> Iterator[Message]:
    """Every message of a queue that was visible, once.

    Args:
        queue: Its URL.
        hidden_for: Seconds for which a message that was read is hidden from readers, this one
            included: long enough to reach the end of the queue. At the end all are shown again.
        take_out: Which messages are deleted once the end is reached.

    Raises:
        MessagesKeptError: SQS kept a message that it was to delete.
        ClientError, BotoCoreError: The queue cannot be reached.
    """
    found: dict[str, Message] = {}
    receipts: dict[str, str] = {}  # the newest of each message: older ones do nothing
    try:
        while received := _receive(queue, hidden_for):
            receipts |= {message["MessageId"]: message["ReceiptHandle"] for message in received}
            fresh = [message for message in received if message["MessageId"] not in found]
            if not fresh:
                break  # the first ones are visible again: the queue's end was passed
            found |= {message["MessageId"]: message for message in fresh}
        taken = {name: receipts.pop(name) for name, message in found.items() if take_out(message)}
        _delete(queue, list(taken.values()))
    finally:
        _show(queue, list(receipts.values()))
    yield from found.values()


def _receive(queue: str, hidden_for: int) -> list[Message]:
    response = client("sqs").receive_message(
        QueueUrl=queue,
        MaxNumberOfMessages=ENTRIES_A_CALL,
        VisibilityTimeout=hidden_for,
        WaitTimeSeconds=WAIT_SECONDS,
        MessageSystemAttributeNames=["MessageGroupId"],
        MessageAttributeNames=["correlation_id"],
    )
    return list(response.get("Messages", []))


def _show(queue: str, receipts: list[str]) -> None:
    for handles in batches(receipts, ENTRIES_A_CALL):
        client("sqs").change_message_visibility_batch(
            QueueUrl=queue,
            Entries=[
                {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                for number, handle in enumerate(handles)
            ],
        )


def _delete(queue: str, receipts: list[str]) -> None:
    for handles in batches(receipts, ENTRIES_A_CALL):
        answer = client("sqs").delete_message_batch(
            QueueUrl=queue,
            Entries=[{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(handles)],
        )
        for failed in answer.get("Failed", []):
            raise MessagesKeptError(f"queue {queue} kept a message: {failed.get('Message')}; run it again")

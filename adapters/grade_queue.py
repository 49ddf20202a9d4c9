"""The queue of the nightly job: one order a school, and what is left of it when time runs out."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import date

import msgspec

from adapters.aws import client
from adapters.batches import batches
from adapters.settings import setting

ENTRIES_A_CALL = 10  # SendMessageBatch's limit
NIGHTS = uuid.UUID("3d1f4c1e-6f0a-5c0e-8f6e-3f4f2f1f9b10")  # any constant: makes run ids repeatable
_DEPTHS = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
]


class ConsolidationOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Consolidate what is pending of one school.

    Attributes:
        school_id: The tenant.
        run_id: A UUID; the correlation id of the grades that it makes.
        after: `pending_sk` after which to begin; None: at the beginning.
        postponed: Groups of this round, before `after`, that others kept changing.
        round: How often the school's pending groups were gone through before.
    """

    school_id: str
    run_id: str
    after: str | None = None
    postponed: int = 0
    round: int = 0

    def rest(self, after: str, postponed: int) -> ConsolidationOrder:
        """What is left when time runs out."""
        return msgspec.structs.replace(self, after=after, postponed=self.postponed + postponed)

    def again(self) -> ConsolidationOrder:
        """Another round over what is still pending."""
        return msgspec.structs.replace(self, after=None, postponed=0, round=self.round + 1)


class OrdersNotSentError(RuntimeError):
    """The queue did not take all orders."""


def nightly_order(school_id: str, night: date) -> ConsolidationOrder:
    """The order of a school's night; the same school and date give the same one."""
    return ConsolidationOrder(
        school_id=school_id, run_id=str(uuid.uuid5(NIGHTS, f"{school_id}/{night.isoformat()}"))
    )


def send_orders(orders: Iterable[ConsolidationOrder], delay: int = 0) -> int:
    """Puts orders into the queue, each in the group of its school (a fair queue: none delays the others).

    Args:
        orders: Any number.
        delay: Seconds until they are delivered, at most 900.

    Returns:
        How many were sent.

    Raises:
        OrdersNotSentError: The queue refused some, after the others were sent. Sending all of them
            again is safe: a second order of a night finds nothing to do.
        ClientError, BotoCoreError: The queue cannot be reached.
    """
    sent, refused = 0, []
    for batch in batches(orders, ENTRIES_A_CALL):
        response = client("sqs").send_message_batch(
            QueueUrl=setting("GRADES_QUEUE"),
            Entries=[
                {
                    "Id": str(position),
                    "MessageBody": msgspec.json.encode(order).decode(),
                    "MessageGroupId": order.school_id,
                    "DelaySeconds": delay,
                }
                for position, order in enumerate(batch)
            ],
        )
        failed = response.get("Failed", [])
        refused += [batch[int(failure["Id"])].school_id for failure in failed]
        sent += len(batch) - len(failed)
    if refused:
        raise OrdersNotSentError(
            f"the queue took {sent} orders and refused those of {', '.join(refused[:10])}"
            f"{' and others' if len(refused) > 10 else ''}: send them again"
        )
    return sent


def orders_left() -> int:
    """How many orders wait, are delayed or are being carried out; approximate, as SQS counts.

    Raises:
        ClientError, BotoCoreError: The queue cannot be reached.
    """
    response = client("sqs").get_queue_attributes(QueueUrl=setting("GRADES_QUEUE"), AttributeNames=_DEPTHS)
    return sum(int(response["Attributes"].get(name, 0)) for name in _DEPTHS)


def read_order(body: str) -> ConsolidationOrder:
    """The order of a message.

    Raises:
        msgspec.ValidationError, msgspec.DecodeError: The body is none.
    """
    return msgspec.json.decode(body, type=ConsolidationOrder)

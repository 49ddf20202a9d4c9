"""SQS worker of the high-volume path: messages in, items of the store out.

A message ends in one of three ways: stored; rejected for good, with its reasons, in the
rejected queue; or returned to the queue alone, because something outside failed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from adapters.edge_secret import passed
from adapters.rejected import Rejection, send_rejections
from adapters.table import Key, put_items, school
from adapters.telemetry import logger, metrics, tracer
from adapters.tombstones import tombstones
from transforms import keys
from transforms.calendar import utc_text
from transforms.event_items import event_item
from transforms.events import Fault, Reason, RejectedEventError, check, decode

Message = dict[str, Any]


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics
def handler(batch: dict[str, list[Message]], context: object) -> dict[str, list[dict[str, str]]]:
    """Stores one batch of messages.

    Args:
        batch: `Records` as SQS hands them over, at most 50.
        context: Lambda's own.

    Returns:
        `batchItemFailures`: the messages to deliver again. All others are done with.
    """
    metrics.add_metric("MessagesReceived", MetricUnit.Count, len(batch["Records"]))
    items: dict[Key, dict[str, Any]] = {}
    sources: dict[Key, list[str]] = {}
    rejections: list[Rejection] = []
    for message in batch["Records"]:
        try:
            item = _item(message)
        except RejectedEventError as rejected:
            rejections.append(_rejection(message, rejected.faults))
            continue
        # The same event twice in one batch is one write: BatchWriteItem refuses equal keys. The
        # first delivery stays, as it would if the second had come in a batch of its own.
        key = (item["PK"], item["SK"])
        items.setdefault(key, item)
        sources.setdefault(key, []).append(message["messageId"])

    unwritten = put_items(items.values())
    unsent = send_rejections(rejections) if rejections else set()
    failures = [message_id for key in unwritten for message_id in sources[key]] + sorted(unsent)

    _count(
        stored=len(items) - len(unwritten),
        merged=_merged(sources),
        rejections=rejections,
        returned=len(failures),
    )
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failures]}


def _item(message: Message) -> dict[str, Any]:
    school_id = message["attributes"].get("MessageGroupId")
    if not school_id:
        rule = "the token has no school_id: every sender's token names its school"
        raise RejectedEventError(Fault(Reason.MISSING_SCHOOL, "token.school_id", rule))
    if not passed(_attribute(message, "edge")):
        rule = "the request came around the edge and its firewall: send to the platform's own address"
        raise RejectedEventError(Fault(Reason.NOT_FROM_EDGE, "header.x-luca-edge", rule))
    event = decode(message["body"])
    its_school = _school(school_id)
    received_at = _received_at(message)
    check(event, its_school, received_at)
    if tombstones(school_id).erased(event.student_id):
        rule = "the student was erased: `luca erase lift` lets a student who enrols again send events"
        raise RejectedEventError(Fault(Reason.ERASED_STUDENT, "$.student_id", rule))
    return event_item(event, its_school, received_at, correlation_id(message))


def _school(school_id: str) -> Any:
    try:
        found = school(keys.identifier("school_id", school_id))
    except keys.InvalidIdentifierError as invalid:
        raise RejectedEventError(Fault(Reason.UNKNOWN_SCHOOL, "token.school_id", str(invalid))) from invalid
    if found is None:
        rule = f"{school_id!r} has no configuration: create the school, then send the event again"
        raise RejectedEventError(Fault(Reason.UNKNOWN_SCHOOL, "token.school_id", rule))
    return found


def _received_at(message: Message) -> datetime:
    """When the queue took the message: the same at every delivery, so that a redelivery writes the same."""
    return datetime.fromtimestamp(int(message["attributes"]["SentTimestamp"]) / 1000, UTC)


def correlation_id(message: Message) -> str:
    """The caller's correlation id if it is a UUID, else the message's own id, which is one.

    A caller could put anything into the header, and the value goes to the lake: only a UUID
    cannot carry a person's identifier.
    """
    given = _attribute(message, "correlation_id").lower()
    return given if keys.is_uuid(given) else str(message["messageId"])


def _attribute(message: Message, name: str) -> str:
    """A header of the request; empty where it had none. The gateway writes its request id behind it."""
    text: str = message.get("messageAttributes", {}).get(name, {}).get("stringValue", "")
    return text.split(" ", 1)[0]


def _rejection(message: Message, faults: tuple[Fault, ...]) -> Rejection:
    return Rejection(
        message_id=message["messageId"],
        school_id=message["attributes"].get("MessageGroupId"),
        correlation_id=correlation_id(message),
        received_at=utc_text(_received_at(message)),
        reason=faults[0].reason,
        faults=faults,
        # Kept, the body would bring back for two weeks what was erased.
        body="" if faults[0].reason is Reason.ERASED_STUDENT else message["body"],
    )


def _merged(sources: dict[Key, list[str]]) -> int:
    return sum(len(messages) - 1 for messages in sources.values())


def _count(*, stored: int, merged: int, rejections: list[Rejection], returned: int) -> None:
    metrics.add_metric("EventsStored", MetricUnit.Count, stored)
    metrics.add_metric("EventsMerged", MetricUnit.Count, merged)
    metrics.add_metric("EventsRejected", MetricUnit.Count, len(rejections))
    metrics.add_metric("EventsReturned", MetricUnit.Count, returned)
    for rejection in rejections:
        logger.warning(
            "event rejected",
            reason=rejection["reason"],
            paths=[fault.path for fault in rejection["faults"]],
            school_id=rejection["school_id"],
            correlation_id=rejection["correlation_id"],
        )

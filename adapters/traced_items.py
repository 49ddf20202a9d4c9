"""What the store has of one student under an id that is followed: never what it says of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from adapters.aws import client
from adapters.settings import setting
from transforms import keys
from transforms.keys import StudentKey

_TOLD = "PK, SK, event_id, correlation_id, received_at, recorded_at"


class StoredItem(NamedTuple):
    """An item under the id.

    Attributes:
        kind: First part of its sort key, such as `EVENT`.
        at: When the queue or the API took it; aware. None where the item does not say.
    """

    kind: str
    at: datetime | None


def under(student: StudentKey, trace_id: str) -> Iterator[StoredItem]:
    """The student's items whose event id or correlation id it is.

    Args:
        student: Whose items are looked through: one partition of the table.
        trace_id: A UUID in lower case.

    Raises:
        ClientError, BotoCoreError: The store cannot be read.
    """
    pages = client("dynamodb").get_paginator("query")
    for page in pages.paginate(
        TableName=setting("TABLE"),
        KeyConditionExpression="PK = :student",
        FilterExpression="event_id = :id OR correlation_id = :id",
        ExpressionAttributeValues={":student": {"S": keys.student_pk(student)}, ":id": {"S": trace_id}},
        ProjectionExpression=_TOLD,
        ConsistentRead=True,
    ):
        for item in page["Items"]:
            at = item.get("received_at", item.get("recorded_at", {})).get("S")
            yield StoredItem(item["SK"]["S"].split("#", 1)[0], datetime.fromisoformat(at) if at else None)

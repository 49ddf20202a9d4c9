"""The behaviour events that the store took in some span of time, found in either of two ways.

`ScannedStore` reads the whole table: for one machine and small tables. `adapters.store_exports` reads what
DynamoDB exported, which costs the day's changes and no capacity of the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Protocol

from adapters.aws import client
from adapters.settings import setting
from transforms.calendar import utc_text

TypedItem = Mapping[str, Any]
"""An item in DynamoDB's typed JSON, as a stream record's `NewImage` has it."""


class StoredEvents(Protocol):
    """A way to the events of the store."""

    def items(self, start: datetime, end: datetime) -> Iterator[TypedItem]:
        """The items of behaviour events that were received from `start` on and before `end`, both aware.

        An item may come more than once; every one comes at least once.
        """


class ScannedStore:
    """The table itself, from end to end. No role of the templates may do this: an operator does."""

    def items(self, start: datetime, end: datetime) -> Iterator[TypedItem]:
        """See `StoredEvents.items`; each item comes once.

        Raises:
            ClientError, BotoCoreError: The store cannot be read.
        """
        pages = client("dynamodb").get_paginator("scan")
        for page in pages.paginate(
            TableName=setting("TABLE"),
            FilterExpression="begins_with(SK, :event) AND received_at >= :start AND received_at < :end",
            ExpressionAttributeValues={
                ":event": {"S": "EVENT#"},
                ":start": {"S": utc_text(start)},
                ":end": {"S": utc_text(end)},
            },
        ):
            yield from page["Items"]

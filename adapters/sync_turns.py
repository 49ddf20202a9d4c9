"""Whose turn it is to synchronise a school: one run at a time.

Two runs at once could send an older version of a grade after a newer one. The lease outlasts
every send that it allowed, so a run that lost it has nothing under way.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from adapters.aws import client
from adapters.settings import setting
from adapters.transactions import Action, ConditionsError, transact
from adapters.typed_json import from_typed, to_typed
from transforms import keys
from transforms.calendar import utc_text

LEASE_SECONDS = 180  # longer than a function may run, with its time-outs and the clocks' differences


class SyncRunningError(RuntimeError):
    """Another run has the school's turn."""


def take(school_id: str, owner: str, now: datetime, wait_seconds: int = 0) -> None:
    """Takes or keeps a school's turn.

    Args:
        school_id: The school.
        owner: Who asks; the ARN of an execution.
        now: Aware.
        wait_seconds: For how long the owner is going to wait before it asks again.

    Raises:
        SyncRunningError: It is another's, and has not run out.
    """
    try:
        transact([turn(school_id, owner, now, wait_seconds)])
    except ConditionsError as refused:
        raise running(school_id) from refused


def give_back(school_id: str, owner: str) -> None:
    """Gives a school's turn back; nothing if it is another's by now."""
    dynamodb = client("dynamodb")
    try:
        dynamodb.delete_item(
            TableName=setting("SYNC_BATCHES"),
            Key=to_typed(_key(school_id)),
            ConditionExpression="attribute_not_exists(PK) OR #owner = :me",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues=to_typed({":me": owner}),
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return


def turn(school_id: str, owner: str, now: datetime, wait_seconds: int = 0) -> Action:
    """The action that takes or keeps a turn, for a transaction that must not happen without it."""
    until = utc_text(now + timedelta(seconds=LEASE_SECONDS + wait_seconds))
    return {
        "Update": {
            "TableName": setting("SYNC_BATCHES"),
            "Key": to_typed(_key(school_id)),
            "UpdateExpression": "SET #owner = :me, #until = :until",
            "ConditionExpression": "attribute_not_exists(PK) OR #owner = :me OR #until < :now",
            "ExpressionAttributeNames": {"#owner": "owner", "#until": "until"},
            "ExpressionAttributeValues": to_typed({":me": owner, ":until": until, ":now": utc_text(now)}),
        }
    }


def running(school_id: str) -> SyncRunningError:
    """The error that says who has a school's turn, and until when."""
    response = client("dynamodb").get_item(
        TableName=setting("SYNC_BATCHES"), Key=to_typed(_key(school_id)), ConsistentRead=True
    )
    item = from_typed(response.get("Item", {}))
    return SyncRunningError(
        f"school {school_id!r} is being synchronised by {item.get('owner', 'another run')} until "
        f"{item.get('until', 'now')} at the latest: wait for it, then start again"
    )


def _key(school_id: str) -> dict[str, str]:
    return {"PK": keys.sync_pk(school_id), "SK": keys.SYNC_LEASE}

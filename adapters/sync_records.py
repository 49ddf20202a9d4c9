"""What the synchronisation remembers of its batches, in a table of its own.

A batch is written down before it is sent, under an open marker, and the marker goes only when
everything that follows from the answer is written. A run that finds a marker finishes that
batch, with the same id and the same content, before it makes another: so a crash at any point
leads to the same end, and no grade ever reaches the government in two batches.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from adapters.aws import client
from adapters.settings import setting
from adapters.sync_turns import running, turn
from adapters.transactions import Action, ConditionsError, transact
from adapters.typed_json import from_typed, to_typed
from transforms import keys, sync_batches
from transforms.calendar import utc_text
from transforms.sync_batches import Batch
from transforms.sync_reconciliation import SentBatch
from transforms.sync_responses import Receipt

KEPT_DAYS = 400  # after its end; the daily reconciliation looks back less far


# What a batch that is begun again must not keep.
_OF_ANOTHER_LIFE = (
    *("closed_at", "expires_at", "retry_of", "instead_of"),
    *("receipt", "receipt_id", "error", "message"),
)


class UnknownBatchError(LookupError):
    """There is no record of a batch."""


class Status(StrEnum):
    """How far a batch has come."""

    OPEN = "open"  # begun: an open marker stands beside it
    ACCEPTED = "accepted"  # the government answered, and the grades know
    FAILED = "failed"  # given up; it stands in SyncFailures
    REPLACED = "replaced"  # another batch was found to have carried its grades


@dataclass(frozen=True, slots=True)
class Record:
    """A batch as it is remembered.

    Attributes:
        batch: What is sent.
        status: How far it has come.
        attempts: How often it was sent, in all runs.
        correlation_id: Of the run that prepared it.
        receipt: The government's answer, once there is one.
        retry_of: Batch id of the failure that ends with this batch, if it is a retry.
        instead_of: Batch id of one that perhaps was applied and of which this is a part: the
            government is asked for its receipt before this one is sent.
        error: What went wrong with the last try, in a word.
        message: The same for people; may quote the government.
    """

    batch: Batch
    status: Status
    attempts: int
    correlation_id: str
    receipt: Receipt | None = None
    retry_of: str | None = None
    instead_of: str | None = None
    error: str | None = None
    message: str | None = None


def first_open(school_id: str) -> Record | None:
    """The batch that was begun and not ended, or None. Consistent."""
    response = client("dynamodb").query(
        TableName=setting("SYNC_BATCHES"),
        KeyConditionExpression="PK = :pk AND begins_with(SK, :open)",
        ExpressionAttributeValues=to_typed({":pk": keys.sync_pk(school_id), ":open": keys.sync_open_sk()}),
        ConsistentRead=True,
        Limit=1,
    )
    if not response["Items"]:
        return None
    return read(school_id, from_typed(response["Items"][0])["sync_batch_id"])


def read(school_id: str, sync_batch_id: str) -> Record:
    """A batch's record. Consistent.

    Raises:
        UnknownBatchError: There is none.
    """
    key = to_typed({"PK": keys.sync_pk(school_id), "SK": keys.sync_batch_sk(sync_batch_id)})
    response = client("dynamodb").get_item(TableName=setting("SYNC_BATCHES"), Key=key, ConsistentRead=True)
    if "Item" not in response:
        raise UnknownBatchError(
            f"school {school_id!r} has no batch {sync_batch_id!r}: records are kept {KEPT_DAYS} days"
        )
    return _record(from_typed(response["Item"]))


def begin(
    batch: Batch,
    *,
    owner: str,
    now: datetime,
    correlation_id: str,
    retry_of: str | None = None,
    instead_of: str | None = None,
    receipt: Receipt | None = None,
    also: Sequence[Action] = (),
) -> None:
    """Writes a batch down with its open marker, before anything is sent.

    Args:
        batch: What will be sent.
        owner: Who has the school's turn.
        now: Aware.
        correlation_id: Of the run.
        retry_of: See `Record`.
        instead_of: See `Record`.
        receipt: Where the government's answer is known already: nothing will be sent.
        also: Writes that belong to the same moment.

    Raises:
        SyncRunningError: The turn is another's by now.
        ConditionsError: A condition of `also` did not hold.
    """
    written = utc_text(now)
    changes = {
        "sync_batch_id": batch.sync_batch_id,
        "status": Status.OPEN.value,
        "payload": zlib.compress(sync_batches.encode(batch)),
        "line_count": len(batch.lines),
        "resubmission": batch.resubmission,
        "prepared_at": written,
        "touched_at": written,
        "correlation_id": correlation_id,
        **({"retry_of": retry_of} if retry_of else {}),
        **({"instead_of": instead_of} if instead_of else {}),
        **(_receipt_attributes(receipt) if receipt else {}),
    }
    actions = [
        turn(batch.school_id, owner, now),
        _update(_batch_key(batch.school_id, batch.sync_batch_id), changes, remove=_OF_ANOTHER_LIFE),
        _put_marker(batch.school_id, batch.sync_batch_id),
        *also,
    ]
    try:
        transact(actions)
    except ConditionsError as refused:
        if 0 in refused.failed:
            raise running(batch.school_id) from refused
        raise


def count_attempt(record: Record, owner: str, now: datetime) -> None:
    """Notes that a batch is about to be sent, and keeps the turn for as long as that takes.

    Raises:
        SyncRunningError: The turn is another's by now: nothing may be sent.
    """
    school_id = record.batch.school_id
    attempt = {
        "Update": {
            "TableName": setting("SYNC_BATCHES"),
            "Key": to_typed(_batch_key(school_id, record.batch.sync_batch_id)),
            "UpdateExpression": "SET touched_at = :now ADD attempts :one",
            "ExpressionAttributeValues": to_typed({":now": utc_text(now), ":one": 1}),
        }
    }
    try:
        transact([turn(school_id, owner, now), attempt])
    except ConditionsError as refused:
        raise running(school_id) from refused


def note_receipt(school_id: str, receipt: Receipt, now: datetime) -> None:
    """Keeps the government's answer, before anything is done with it."""
    key = _batch_key(school_id, receipt.sync_batch_id)
    transact([_update(key, {**_receipt_attributes(receipt), "touched_at": utc_text(now)})])


def note_error(record: Record, error: str, message: str, now: datetime) -> None:
    """Keeps what went wrong with a try, for SyncFailures."""
    key = _batch_key(record.batch.school_id, record.batch.sync_batch_id)
    transact([_update(key, {"error": error, "message": message, "touched_at": utc_text(now)})])


def turn_to(record: Record, receipt: Receipt, now: datetime) -> None:
    """Opens the batch that `instead_of` names, whose receipt was found, in place of the one that asked."""
    school_id, ours = record.batch.school_id, record.batch.sync_batch_id
    written = utc_text(now)
    found = {
        **_receipt_attributes(receipt),
        "status": Status.OPEN.value,
        "touched_at": written,
        **({"retry_of": record.retry_of} if record.retry_of else {}),
    }
    ended = {"status": Status.REPLACED.value, "touched_at": written, "expires_at": _expiry(now)}
    transact(
        [
            _update(_batch_key(school_id, receipt.sync_batch_id), found, remove=("closed_at", "expires_at")),
            _put_marker(school_id, receipt.sync_batch_id),
            _update(_batch_key(school_id, ours), ended),
            _without_marker(school_id, ours),
        ]
    )


def close(record: Record, status: Status, now: datetime, also: Sequence[Action] = ()) -> None:
    """Ends a batch: its status, its marker's removal and what else belongs to that moment, at once.

    Args:
        record: The batch.
        status: `ACCEPTED` or `FAILED`.
        now: Aware.
        also: Writes of the same moment, such as the row in SyncFailures.
    """
    school_id, batch_id = record.batch.school_id, record.batch.sync_batch_id
    written = utc_text(now)
    changes: dict[str, Any] = {"status": status.value, "touched_at": written, "closed_at": written}
    if status is Status.ACCEPTED:
        changes["expires_at"] = _expiry(now)  # a failed batch stays until somebody deals with it
    transact(
        [
            _update(_batch_key(school_id, batch_id), changes, remove=("retry_of", "instead_of")),
            _without_marker(school_id, batch_id),
            *also,
        ]
    )


def sent_batches(touched_since: str) -> Iterator[SentBatch]:
    """Our books: every batch that was prepared, sent or answered since a moment, of all schools.

    A Scan of the synchronisation's own table, which forgets what ended more than 400 days ago.

    Args:
        touched_since: UTC text.
    """
    pages = (
        client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=setting("SYNC_BATCHES"),
            FilterExpression="begins_with(SK, :batch) AND touched_at >= :since",
            ProjectionExpression="PK, sync_batch_id, #status, receipt",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues=to_typed({":batch": "BATCH#", ":since": touched_since}),
            ConsistentRead=True,
        )
    )
    for page in pages:
        for typed in page["Items"]:
            item = from_typed(typed)
            receipt = _receipt(item) if item["status"] == Status.ACCEPTED else None
            yield SentBatch(
                keys.parse_sync_pk(item["PK"]),
                item["sync_batch_id"],
                receipt.accepted if receipt else frozenset(),
                receipt.received_at if receipt else None,
            )


def _batch_key(school_id: str, sync_batch_id: str) -> dict[str, str]:
    return {"PK": keys.sync_pk(school_id), "SK": keys.sync_batch_sk(sync_batch_id)}


def _put_marker(school_id: str, sync_batch_id: str) -> Action:
    marker = {
        "PK": keys.sync_pk(school_id),
        "SK": keys.sync_open_sk(sync_batch_id),
        "sync_batch_id": sync_batch_id,
    }
    return {"Put": {"TableName": setting("SYNC_BATCHES"), "Item": to_typed(marker)}}


def _without_marker(school_id: str, sync_batch_id: str) -> Action:
    key = {"PK": keys.sync_pk(school_id), "SK": keys.sync_open_sk(sync_batch_id)}
    return {"Delete": {"TableName": setting("SYNC_BATCHES"), "Key": to_typed(key)}}


def _update(key: Mapping[str, str], changes: Mapping[str, Any], remove: Sequence[str] = ()) -> Action:
    sets = "SET " + ", ".join(f"#{name} = :{name}" for name in changes)
    gone = [name for name in remove if name not in changes]
    removes = " REMOVE " + ", ".join(f"#{name}" for name in gone) if gone else ""
    return {
        "Update": {
            "TableName": setting("SYNC_BATCHES"),
            "Key": to_typed(key),
            "UpdateExpression": sets + removes,
            "ExpressionAttributeNames": {f"#{name}": name for name in (*changes, *gone)},
            "ExpressionAttributeValues": to_typed({f":{name}": value for name, value in changes.items()}),
        }
    }


def _receipt_attributes(receipt: Receipt) -> dict[str, Any]:
    return {"receipt": zlib.compress(msgspec.json.encode(receipt)), "receipt_id": receipt.receipt_id}


def _receipt(item: Mapping[str, Any]) -> Receipt | None:
    stored = item.get("receipt")
    return msgspec.json.decode(zlib.decompress(bytes(stored)), type=Receipt) if stored else None


def _record(item: Mapping[str, Any]) -> Record:
    return Record(
        batch=sync_batches.decode(zlib.decompress(bytes(item["payload"]))),
        status=Status(item["status"]),
        attempts=item.get("attempts", 0),
        correlation_id=item["correlation_id"],
        receipt=_receipt(item),
        retry_of=item.get("retry_of"),
        instead_of=item.get("instead_of"),
        error=item.get("error"),
        message=item.get("message"),
    )


def _expiry(now: datetime) -> int:
    return int((now + timedelta(days=KEPT_DAYS)).timestamp())

"""SyncFailures: what the government did not take, with all that a person needs to mend and retry it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from adapters.aws import client
from adapters.settings import setting
from adapters.transactions import Action
from adapters.typed_json import from_typed, to_typed
from transforms import keys, sync_batches
from transforms.calendar import utc_text
from transforms.sync_batches import Batch
from transforms.sync_responses import LineResult

KEPT_DAYS = 400  # after it is settled; an open failure stays until somebody deals with it
STATUS_INDEX = "status"


class FailureStatus(StrEnum):
    """What has become of a failure."""

    OPEN = "open"  # somebody has to look at it
    RETRYING = "retrying"  # a batch is on its way in its place
    RESOLVED = "resolved"  # the government has taken it
    SUPERSEDED = "superseded"  # every grade of it was corrected since; the new versions go their own way
    REPLACED = "replaced"  # a retry of a part of it failed; that failure stands under its own id


class UnknownFailureError(LookupError):
    """There is no such failure."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A batch, or the refused lines of one, that the government did not take.

    Attributes:
        school_id: Whose grades.
        batch: As it was sent.
        line_ids: The lines that failed: all of the batch, or those that were refused.
        error: A short word, such as `http_400` or `refused`.
        message: The same for people; may quote the government.
        attempts: How often the batch was sent, in all runs.
        failed_at: When it was given up last, UTC text.
        correlation_id: Of the run.
        refusals: The government's reasons, line by line, where only some lines were refused.
        status: What has become of it.
    """

    school_id: str
    batch: Batch
    line_ids: tuple[str, ...]
    error: str
    message: str
    attempts: int
    failed_at: str
    correlation_id: str
    refusals: tuple[LineResult, ...] = ()
    status: FailureStatus = FailureStatus.OPEN

    @property
    def id(self) -> str:
        """What a person calls it: `{school}/{sync_batch_id}`."""
        return f"{self.school_id}/{self.batch.sync_batch_id}"

    @property
    def partial(self) -> bool:
        """Whether the government took the batch and refused only some of its lines."""
        return bool(self.refusals)


def written(failure: Failure) -> Action:
    """The write that puts a failure down, again if it is there already."""
    item = {
        "PK": keys.sync_pk(failure.school_id),
        "SK": keys.sync_failure_sk(failure.batch.sync_batch_id),
        "sync_batch_id": failure.batch.sync_batch_id,
        "payload": sync_batches.encode(failure.batch).decode(),
        "line_ids": list(failure.line_ids),
        "error": failure.error,
        "message": failure.message,
        "attempts": failure.attempts,
        "failed_at": failure.failed_at,
        "correlation_id": failure.correlation_id,
        "refusals": msgspec.json.encode(failure.refusals).decode(),
        "status": failure.status.value,
    }
    return {"Put": {"TableName": setting("SYNC_FAILURES"), "Item": to_typed(item)}}


def moved(
    school_id: str,
    sync_batch_id: str,
    status: FailureStatus,
    now: datetime,
    only_from: FailureStatus | None = None,
) -> Action:
    """The write that moves a failure to another status, if it exists, and from one status only if said so."""
    settled = status not in {FailureStatus.OPEN, FailureStatus.RETRYING}
    values: dict[str, Any] = {":to": status.value, ":now": utc_text(now)}
    if settled:
        values[":expires_at"] = int((now + timedelta(days=KEPT_DAYS)).timestamp())
    if only_from:
        values[":from"] = only_from.value
    return {
        "Update": {
            "TableName": setting("SYNC_FAILURES"),
            "Key": to_typed(_key(school_id, sync_batch_id)),
            "UpdateExpression": "SET #status = :to, changed_at = :now"
            + (", expires_at = :expires_at" if settled else ""),
            "ConditionExpression": "#status = :from" if only_from else "attribute_exists(PK)",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": to_typed(values),
        }
    }


def failure(failure_id: str) -> Failure:
    """A failure by its id.

    Args:
        failure_id: `{school}/{sync_batch_id}`; the first digits of the batch's id are enough if no
            other failure of the school begins so.

    Raises:
        UnknownFailureError: There is none, or more than one.
        InvalidIdentifierError: It is no such id.
    """
    school_id, _, batch_id = failure_id.partition("/")
    response = client("dynamodb").query(
        TableName=setting("SYNC_FAILURES"),
        KeyConditionExpression="PK = :pk AND begins_with(SK, :sk)",
        ExpressionAttributeValues=to_typed(
            {":pk": keys.sync_pk(school_id), ":sk": keys.sync_failure_sk(batch_id)}
        ),
        ConsistentRead=True,
        Limit=2,
    )
    found = [_failure(from_typed(item)) for item in response["Items"]]
    if len(found) != 1:
        what = "no failure" if not found else "more than one failure"
        raise UnknownFailureError(
            f"{what} begins with {failure_id!r}: `luca sync failures` lists them as school/batch"
        )
    return found[0]


def failures(
    statuses: Sequence[FailureStatus] = (FailureStatus.OPEN, FailureStatus.RETRYING),
) -> Iterator[Failure]:
    """All failures of all schools that have one of some statuses, oldest first within each."""
    for status in statuses:
        pages = (
            client("dynamodb")
            .get_paginator("query")
            .paginate(
                TableName=setting("SYNC_FAILURES"),
                IndexName=STATUS_INDEX,
                KeyConditionExpression="#status = :status",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues=to_typed({":status": status.value}),
            )
        )
        for page in pages:
            yield from (_failure(from_typed(item)) for item in page["Items"])


def _key(school_id: str, sync_batch_id: str) -> dict[str, str]:
    return {"PK": keys.sync_pk(school_id), "SK": keys.sync_failure_sk(sync_batch_id)}


def _failure(item: Mapping[str, Any]) -> Failure:
    return Failure(
        school_id=keys.parse_sync_pk(item["PK"]),
        batch=sync_batches.decode(item["payload"].encode()),
        line_ids=tuple(item["line_ids"]),
        error=item["error"],
        message=item["message"],
        attempts=item["attempts"],
        failed_at=item["failed_at"],
        correlation_id=item["correlation_id"],
        refusals=tuple(msgspec.json.decode(item["refusals"], type=list[LineResult])),
        status=FailureStatus(item["status"]),
    )

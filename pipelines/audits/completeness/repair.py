"""Sends again what was stored and never landed, the way that a Pipe does: enricher, then Firehose.

The enricher makes the rows, so they are the ones that the Pipe would have made; the load drops what it has,
so an event that is sent twice is published once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Set
from datetime import date
from typing import Any

import msgspec

from adapters import functions
from adapters.aws import client
from adapters.backoff import jittered
from adapters.batches import batches
from adapters.settings import setting
from adapters.stored_events import StoredEvents, TypedItem
from pipelines.audits.completeness.report import Event
from transforms import keys
from transforms.completeness import bounds

RECORDS_A_CALL = 500  # PutRecordBatch's limit; as records of a stream they are far below Lambda's 6 MB
ATTEMPTS = 6
FIRST_WAIT = 0.2  # seconds


class ResendFailedError(RuntimeError):
    """Firehose did not take all rows."""


def resend(
    day: date,
    missing: Set[Event],
    store: StoredEvents,
    *,
    say: Callable[[str], None] = lambda text: None,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Sends a day's missing events to the landing.

    Args:
        day: Of receipt, UTC.
        missing: As the audit found them.
        store: Where their items are read.
        say: Told how far it has come.
        sleep: How to wait between attempts.

    Returns:
        How many rows Firehose took; fewer than `missing` where the enricher has nothing to say of an
        event, or the store has forgotten it since.

    Raises:
        FunctionFailedError: The enricher failed. What was sent before stays sent; run it again.
        ResendFailedError: Firehose refused rows through all attempts; run it again.
    """
    sent = 0
    for batch in batches(_wanted(day, missing, store), RECORDS_A_CALL):
        rows = functions.call(setting("LAKE_ENRICHER"), [as_inserted(item) for item in batch])
        _put([msgspec.json.encode(row) for row in rows], sleep)
        sent += len(rows)
        say(f"{sent:,} of {len(missing):,} sent again")
    return sent


def _wanted(day: date, missing: Set[Event], store: StoredEvents) -> Iterator[TypedItem]:
    """The items of the missing events, each once."""
    left = set(missing)
    for item in store.items(*bounds(day)):
        event = Event(keys.parse_student_pk(item["PK"]["S"]).school_id, item["event_id"]["S"])
        if event in left:
            left.discard(event)
            yield item


def as_inserted(item: TypedItem) -> dict[str, Any]:
    """The item as its insert stood in the table's stream, as far as the enricher looks."""
    return {
        "eventID": f"resent-{item['event_id']['S']}",
        "eventName": "INSERT",
        "dynamodb": {"Keys": {"PK": item["PK"], "SK": item["SK"]}, "NewImage": item},
    }


def _put(rows: list[bytes], sleep: Callable[[float], None]) -> None:
    """Hands rows to Firehose; those that it does not take go again."""
    for attempt in range(ATTEMPTS):
        if attempt:
            sleep(jittered(FIRST_WAIT, attempt))
        if not rows:
            return
        answer = client("firehose").put_record_batch(
            DeliveryStreamName=setting("BEHAVIOR_EVENTS_DELIVERY"), Records=[{"Data": row} for row in rows]
        )
        responses = answer["RequestResponses"]
        rows = [row for row, told in zip(rows, responses, strict=True) if "ErrorCode" in told]
    if rows:
        raise ResendFailedError(
            f"Firehose did not take {len(rows):,} rows after {ATTEMPTS} attempts: it throttles; run it again"
        )

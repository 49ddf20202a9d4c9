"""What an execution of the synchronisation carries from state to state: small, and nobody's name.

An execution's history can be read for 90 days by everyone who may look at executions, so it
holds ids and counts; the batch itself is in the synchronisation's table (Step Functions also
refuses more than 256 KiB).
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from transforms.keys import IDENTIFIER

# A standard execution may have 25,000 history events. A batch takes 21 (five for each of its
# functions, two for each choice and wait) and 57 at worst, with three tries and a failure.
MOST_BATCHES = 400

Scope = Literal["pending", "open"]


class BatchState(msgspec.Struct, kw_only=True):
    """The batch that the execution works on.

    Attributes:
        sync_batch_id: None where nothing was left to send when the batch was to be made.
        lines: How many.
        tries: How often this execution has sent it.
        outcome: Of the last try: `accepted`, `retry` or `failed` (`transforms.sync_responses.Outcome`).
        wait_seconds: Before the next try.
        error: A short word for what went wrong, such as `http_503`.
    """

    sync_batch_id: str | None
    lines: int
    tries: int = 0
    outcome: str | None = None
    wait_seconds: int = 0
    error: str | None = None


class SyncState(msgspec.Struct, kw_only=True):
    """The state of one execution: its input, and what each function hands to the next.

    Attributes:
        school_id: The school.
        scope: `pending`: batches that were begun, then everything that waits. `open`: only batches
            that were begun, as a retry or a repair leaves them.
        correlation_id: A UUID; made from the execution's name if the input has none.
        found: Whether there is anything to send at all.
        batch: The one that is worked on.
        more: Whether there is more to send.
        go_on: Whether this execution goes on to send it; the next one does otherwise.
        batches: How many were ended.
        accepted: Lines that the government took.
        refused: Lines that it refused, in batches that it took.
        failed: Lines of batches that were given up.
    """

    school_id: Annotated[str, Meta(pattern=IDENTIFIER)]
    scope: Scope = "pending"
    correlation_id: str = ""
    found: bool = False
    batch: BatchState | None = None
    more: bool = False
    go_on: bool = False
    batches: int = 0
    accepted: int = 0
    refused: int = 0
    failed: int = 0

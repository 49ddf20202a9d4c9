"""What the government's answer to a batch means, and how long to wait before the next try.

Mission text, section 4.2: a 200 is a receipt, line by line; 5xx and time-outs are tried three
times in all, with 5, 15 and 45 s behind each; 429 waits 30 s, or what it asks for if that is
longer; any other 4xx has failed at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from transforms.sync_batches import BATCH_ID, LINE_ID, Batch

MAX_TRIES = 3  # the choice CheckRetries of infra/government_sync.asl.json counts the same
WAITS = (5, 15, 45)  # seconds behind the first, second and third try
BUSY_WAIT = 30  # seconds after a 429
LONGEST_WAIT = 3600  # seconds; a government that asks for more is down, and an operator should know


class Outcome(StrEnum):
    """What becomes of a batch after one try; the state machine branches on these words."""

    ACCEPTED = "accepted"
    RETRY = "retry"
    FAILED = "failed"


class LineResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the government did with one line.

    Attributes:
        line_id: Of the batch.
        status: Only an accepted line is on the record.
        code: Why it was refused, for programs.
        message: Why it was refused, for people.
    """

    line_id: Annotated[str, Meta(pattern=LINE_ID)]
    status: Literal["accepted", "refused"]
    code: str | None = None
    message: str | None = None


class Receipt(msgspec.Struct, frozen=True, omit_defaults=True):
    """The government's word that it took a batch.

    Attributes:
        receipt_id: The government's own number.
        sync_batch_id: The batch's.
        received_at: By the government's clock, UTC text.
        lines: One result a line.
        duplicate: Whether the batch had been taken before; nothing was applied again.
    """

    receipt_id: Annotated[str, Meta(min_length=1, max_length=128)]
    sync_batch_id: Annotated[str, Meta(pattern=BATCH_ID)]
    received_at: Annotated[str, Meta(min_length=20, max_length=32)]
    lines: tuple[LineResult, ...]
    duplicate: bool = False

    @property
    def accepted(self) -> frozenset[str]:
        """Ids of the lines that are on the record."""
        return frozenset(line.line_id for line in self.lines if line.status == "accepted")

    @property
    def refused(self) -> tuple[LineResult, ...]:
        """The lines that are not, with their reasons."""
        return tuple(line for line in self.lines if line.status == "refused")

    def only(self, line_ids: Iterable[str]) -> Receipt:
        """This receipt with some of its lines: for a batch that stands for a part of another."""
        wanted = frozenset(line_ids)
        return msgspec.structs.replace(
            self, lines=tuple(line for line in self.lines if line.line_id in wanted)
        )


class UnreadableReceiptError(ValueError):
    """A 200 whose body is no receipt for the batch that was sent."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response.

    Attributes:
        status: HTTP status.
        body: As received.
        retry_after: The header of that name, if there is one.
    """

    status: int
    body: bytes
    retry_after: str | None = None


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """No response came: the batch may or may not have been applied.

    Attributes:
        error: `timeout`, `connection` or `untrusted`.
        message: What the connection said.
    """

    error: Literal["timeout", "connection", "untrusted"]
    message: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do after a try.

    Attributes:
        outcome: Where the state machine goes.
        wait_seconds: Before the next try; 0 unless the outcome is a retry.
        receipt: When accepted.
        error: A short word for what went wrong, such as `http_503`.
        message: The same for people. It quotes the government, which may name a student: it is kept
            with the failure and never logged.
    """

    outcome: Outcome
    wait_seconds: int = 0
    receipt: Receipt | None = None
    error: str | None = None
    message: str | None = None


_receipt = msgspec.json.Decoder(Receipt)


def decide(batch: Batch, answer: Answer | NoAnswer, tries: int, now: datetime) -> Decision:
    """What an answer means.

    Args:
        batch: What was sent.
        answer: What came back, or that nothing did.
        tries: How often it was sent by now, from 1 up.
        now: Aware; `Retry-After` may name a time.
    """
    if isinstance(answer, NoAnswer):
        # A certificate that is not trusted will not be in five seconds, and nothing was sent.
        outcome = Outcome.FAILED if answer.error == "untrusted" else Outcome.RETRY
        return _without_receipt(outcome, tries, answer.error, answer.message)
    if answer.status == 200:
        try:
            return Decision(Outcome.ACCEPTED, receipt=read_receipt(answer.body, batch))
        except UnreadableReceiptError as unreadable:
            # Perhaps applied: the same id again brings the same receipt, readable this time.
            return _without_receipt(Outcome.RETRY, tries, "unreadable_receipt", str(unreadable))
    error = f"http_{answer.status}"
    message = f"the government answered {answer.status}: {_excerpt(answer.body)}"
    if answer.status == 429:
        return Decision(Outcome.RETRY, busy_wait(answer.retry_after, now), error=error, message=message)
    # 408 is the one 4xx that says "time-out": the server did not get all of the request.
    transient = answer.status >= 500 or answer.status == 408
    return _without_receipt(Outcome.RETRY if transient else Outcome.FAILED, tries, error, message)


def _without_receipt(outcome: Outcome, tries: int, error: str, message: str) -> Decision:
    wait = backoff(tries) if outcome is Outcome.RETRY else 0
    return Decision(outcome, wait, error=error, message=message)


def backoff(tries: int) -> int:
    """Seconds to wait after the `tries`-th failed try: 5, 15, 45."""
    return WAITS[min(tries, len(WAITS)) - 1]


def busy_wait(retry_after: str | None, now: datetime) -> int:
    """Seconds to wait after a 429: 30, or what `Retry-After` asks for if longer, up to an hour.

    Args:
        retry_after: Seconds or an HTTP date (RFC 9110, section 10.2.3); anything else is ignored.
        now: Aware.
    """
    return max(BUSY_WAIT, min(_seconds(retry_after, now), LONGEST_WAIT))


def _seconds(retry_after: str | None, now: datetime) -> int:
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return int(text[:9])
    try:
        until: datetime = parsedate_to_datetime(text)
    except ValueError:
        return 0
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    left: float = (until - now).total_seconds()
    return math.ceil(left)  # not a second too early


def read_receipt(body: bytes, batch: Batch) -> Receipt:
    """Reads a receipt for a batch.

    Raises:
        UnreadableReceiptError: It is none, or for another batch, or not for exactly its lines.
    """
    try:
        receipt = _receipt.decode(body)
    except msgspec.DecodeError as unreadable:
        raise UnreadableReceiptError(
            f"the receipt for {batch.sync_batch_id} is none: {unreadable}"
        ) from unreadable
    if receipt.sync_batch_id != batch.sync_batch_id:
        raise UnreadableReceiptError(
            f"the receipt for {batch.sync_batch_id} is for {receipt.sync_batch_id}: another batch"
        )
    told = [line.line_id for line in receipt.lines]
    if len(told) != len(batch.lines) or set(told) != {line.line_id for line in batch.lines}:
        raise UnreadableReceiptError(
            f"the receipt for {batch.sync_batch_id} speaks of {len(told)} lines, "
            f"which are not its {len(batch.lines)}"
        )
    return receipt


def _excerpt(body: bytes) -> str:
    text = " ".join(body[:200].decode("utf-8", "replace").split())
    return text or "(no body)"

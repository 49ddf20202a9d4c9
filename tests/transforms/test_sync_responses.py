from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.test_sync_batches import batch
from transforms.sync_responses import (
    LONGEST_WAIT,
    MAX_TRIES,
    WAITS,
    Answer,
    NoAnswer,
    Outcome,
    busy_wait,
    decide,
)

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
BATCH = batch(2)


def receipt(**changes: Any) -> dict[str, Any]:
    good = {
        "receipt_id": "GOV-1",
        "sync_batch_id": BATCH.sync_batch_id,
        "received_at": "2026-04-01T12:00:00.000Z",
        "lines": [{"line_id": line.line_id, "status": "accepted"} for line in BATCH.lines],
        "office": "a field that we do not know",
    }
    return {**good, **changes}


def answer(status: int, document: object = None, retry_after: str | None = None) -> Answer:
    return Answer(status, b"" if document is None else json.dumps(document).encode(), retry_after)


def test_a_200_with_a_receipt_is_accepted() -> None:
    decision = decide(BATCH, answer(200, receipt()), 1, NOW)
    assert (decision.outcome, decision.wait_seconds) == (Outcome.ACCEPTED, 0)
    assert decision.receipt is not None
    assert decision.receipt.accepted == {line.line_id for line in BATCH.lines}


def test_a_receipt_tells_line_by_line_what_was_refused() -> None:
    first, second = (line.line_id for line in BATCH.lines)
    lines = [
        {"line_id": first, "status": "accepted"},
        {"line_id": second, "status": "refused", "code": "unknown_student", "message": "who?"},
    ]
    decision = decide(BATCH, answer(200, receipt(lines=lines)), 1, NOW)
    assert decision.receipt is not None
    assert decision.receipt.accepted == {first}
    assert [(each.line_id, each.code) for each in decision.receipt.refused] == [(second, "unknown_student")]


@pytest.mark.parametrize(
    "document",
    [
        {"ok": True},
        receipt(sync_batch_id="0" * 32),
        receipt(lines=receipt()["lines"][:1]),
        receipt(lines=receipt()["lines"][:1] * 2),
        receipt(lines=[{"line_id": line.line_id, "status": "perhaps"} for line in BATCH.lines]),
    ],
)
def test_a_200_without_a_receipt_for_exactly_this_batch_is_asked_again(document: object) -> None:
    decision = decide(BATCH, answer(200, document), 1, NOW)
    assert (decision.outcome, decision.wait_seconds, decision.error) == (
        Outcome.RETRY,
        5,
        "unreadable_receipt",
    )


@pytest.mark.parametrize(
    "said",
    [
        answer(500),
        answer(502),
        answer(503),
        answer(504),
        answer(408),
        NoAnswer("timeout", "…"),
        NoAnswer("connection", "…"),
    ],
)
def test_5xx_and_time_outs_wait_5_15_and_45_seconds(said: Answer | NoAnswer) -> None:
    decisions = [decide(BATCH, said, tries, NOW) for tries in range(1, MAX_TRIES + 1)]
    assert [decision.outcome for decision in decisions] == [Outcome.RETRY] * 3
    assert [decision.wait_seconds for decision in decisions] == list(WAITS) == [5, 15, 45]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 301, 201, 204])
def test_every_other_answer_has_failed_at_once(status: int) -> None:
    decision = decide(BATCH, answer(status, {"message": "no"}), 1, NOW)
    assert (decision.outcome, decision.wait_seconds) == (Outcome.FAILED, 0)
    assert decision.error == f"http_{status}"
    assert decision.message is not None
    assert '"no"' in decision.message


def test_a_certificate_that_is_not_trusted_has_failed_at_once() -> None:
    assert decide(BATCH, NoAnswer("untrusted", "…"), 1, NOW).outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        (None, 30),
        ("5", 30),
        ("120", 120),
        (" 120 ", 120),
        ("999999999999", LONGEST_WAIT),
        ("soon", 30),
        ("-7", 30),
        ("1.5", 30),
        ("", 30),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 30),
    ],
)
def test_a_429_waits_30_seconds_or_what_it_asks_for_if_longer(retry_after: str | None, seconds: int) -> None:
    decision = decide(BATCH, answer(429, retry_after=retry_after), 1, NOW)
    assert (decision.outcome, decision.wait_seconds) == (Outcome.RETRY, seconds)


@given(st.text(max_size=40))
def test_whatever_retry_after_says_the_wait_is_between_30_seconds_and_an_hour(text: str) -> None:
    assert 30 <= busy_wait(text, NOW) <= LONGEST_WAIT


def test_a_receipt_can_be_read_for_a_part_of_its_batch() -> None:
    decision = decide(BATCH, answer(200, receipt()), 1, NOW)
    assert decision.receipt is not None
    part = decision.receipt.only([BATCH.lines[1].line_id])
    assert part.accepted == {BATCH.lines[1].line_id}

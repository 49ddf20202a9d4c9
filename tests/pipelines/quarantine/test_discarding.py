"""Rows of quarantine are given up for a reason, and a receipt of it stays."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from adapters import quarantine
from pipelines.quarantine.discarding import Discard, NoReasonError
from pipelines.quarantine.holdings import HoldingState
from pipelines.quarantine.releasing import Release
from tests.pipelines.quarantine.conftest import SCHOOL, TABLE, WHO

pytestmark = pytest.mark.service

Discarded = Callable[..., Discard]


def test_a_discard_leaves_a_receipt_and_no_rows(
    lake: Any, held: str, discarded: Discarded, released: Callable[..., Release]
) -> None:
    released(held)
    ((key, body),) = lake.objects("quarantine/").items()
    done = discarded(held)
    assert (done.rows, done.after.state) == (2, HoldingState.SETTLED)
    assert (done.after.quarantined, done.after.released, done.after.discarded) == (4, 2, 2)
    assert lake.objects("quarantine/") == {}
    ((receipt_key, receipt),) = lake.objects("quarantine-receipts/").items()
    assert done.receipts == (f"s3://luca-lake-000000000000/{receipt_key}",)
    assert json.loads(receipt) == {
        "table": TABLE,
        "load_id": held,
        "school_id": SCHOOL,
        "discarded_at": "2026-02-03T15:00:00.000Z",
        "discarded_by": WHO,
        "reason": "a test class of the vendor",
        "rows": 2,
        "broken_rules": {"class_code": 1, "points_in_range": 1},
        "object": key,
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    assert b"Ana" not in receipt
    assert [(change.deed, change.reason) for change in done.after.record.done] == [
        ("release", ""),
        ("discard", "a test class of the vendor"),
    ]
    assert quarantine.discarded_rows(TABLE) == {SCHOOL: 2}
    assert quarantine.waiting_rows(TABLE) == {}


def test_a_second_discard_gives_up_nothing_more(lake: Any, held: str, discarded: Discarded) -> None:
    discarded(held)
    state = lake.objects()
    done = discarded(held)
    assert (done.rows, done.receipts, done.after.discarded) == (0, (), 4)
    assert lake.objects() == state


def test_a_discard_needs_a_reason(lake: Any, held: str, discarded: Discarded) -> None:
    with pytest.raises(NoReasonError, match="needs a reason"):
        discarded(held, reason="  ")
    assert len(lake.quarantined()[SCHOOL]) == 4

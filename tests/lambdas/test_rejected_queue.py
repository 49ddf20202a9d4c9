from __future__ import annotations

import pytest

from adapters.rejected import Rejection, rejections, send_rejections
from transforms.events import Fault, Reason

pytestmark = pytest.mark.service


def rejection(number: int) -> Rejection:
    return Rejection(
        message_id=f"m{number}",
        school_id="school_1",
        correlation_id="c",
        received_at="2026-02-03T14:15:00.000Z",
        reason=Reason.TOO_OLD.value,
        faults=[Fault(Reason.TOO_OLD, "$.occurred_at", "is before the oldest record")],
        body="{" * 1000,
    )


def test_what_was_rejected_is_read_whole_and_stays_where_it_is() -> None:
    sent = [rejection(number) for number in range(37)]
    assert send_rejections(sent) == set()
    for _ in range(2):
        found = rejections()
        assert sorted(entry["message_id"] for entry in found) == sorted(r["message_id"] for r in sent)
        assert found[0]["faults"] == sent[0]["faults"]


def test_an_empty_queue_has_no_rejections() -> None:
    assert rejections() == []


@pytest.mark.fault
def test_messages_that_show_up_again_while_reading_end_it() -> None:
    send_rejections([rejection(number) for number in range(12)])
    assert len(rejections(hidden_for=0)) <= 12

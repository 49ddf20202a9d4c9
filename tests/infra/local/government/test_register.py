from __future__ import annotations

import json
from typing import Any

import pytest

from infra.local.government.faults import Faults, UnknownFaultError
from infra.local.government.register import RefusedBatchError, Register
from tests.transforms.test_sync_batches import batch, grade
from transforms.sync_batches import Batch, batch_of, encode, line_of


def take(register: Register, sent: Batch, **more: Any) -> dict[str, Any]:
    return register.take(encode(sent), sent.sync_batch_id, Faults().refusal, **more)


def test_a_batch_is_put_on_the_record_once_however_often_it_comes() -> None:
    register, sent = Register(), batch(3)
    first, second = take(register, sent), take(register, sent)
    assert second == {**first, "duplicate": True}
    state = register.state()
    assert (state["batches"], state["grades"], state["duplicates"]) == (1, 3, 1)
    assert state["lines_applied_more_than_once"] == []


def test_an_id_that_comes_with_another_content_is_a_conflict() -> None:
    register, sent = Register(), batch(3)
    take(register, sent)
    other = json.loads(encode(sent))
    other["lines"] = other["lines"][:2]
    with pytest.raises(RefusedBatchError) as refused:
        register.take(json.dumps(other).encode(), sent.sync_batch_id, Faults().refusal)
    assert refused.value.status == 409


@pytest.mark.parametrize(
    ("body", "complaint"),
    [(b"{", "no JSON"), (b"{}", "'schema' is a required property"), (b"[]", "is not of type 'object'")],
)
def test_what_is_no_batch_is_not_taken(body: bytes, complaint: str) -> None:
    with pytest.raises(RefusedBatchError, match=complaint):
        Register().take(body, None, Faults().refusal)


def test_the_idempotency_key_is_the_batchs_id() -> None:
    with pytest.raises(RefusedBatchError, match="is not the batch's id"):
        Register().take(encode(batch()), "another", Faults().refusal)


def test_an_older_version_over_a_newer_one_is_noticed_and_not_prevented() -> None:
    register = Register()
    take(register, batch_of("school_1", [line_of(grade(version=2))]))
    take(register, batch_of("school_1", [line_of(grade(version=1))]))
    state = register.state()
    assert len(state["regressions"]) == 1
    assert state["record"][0]["version"] == 1


def test_a_claim_is_forgotten() -> None:
    register, sent = Register(), batch(1)
    assert take(register, sent, forget=True)["lines"][0]["status"] == "accepted"
    assert register.receipt(sent.sync_batch_id) is None
    assert "duplicate" not in take(register, sent)


def test_refused_lines_are_not_put_on_the_record() -> None:
    faults = Faults()
    faults.add({"fault": "refuse-lines", "pattern": "student_1", "code": "gone"})
    register, sent = Register(), batch(2)
    receipt = register.take(encode(sent), sent.sync_batch_id, faults.refusal)
    assert [line["status"] for line in receipt["lines"]] == ["accepted", "refused"]
    assert receipt["lines"][1]["code"] == "gone"
    assert register.state()["grades"] == 1


def test_receipts_are_listed_since_a_moment_with_what_was_accepted() -> None:
    register, sent = Register(), batch(2)
    take(register, sent)
    (listed,) = register.listed("2026-01-01")
    assert listed["sync_batch_id"] == sent.sync_batch_id
    assert set(listed["accepted"]) == {line.line_id for line in sent.lines}
    assert register.listed("9999") == []


def test_faults_of_a_request_are_used_up_one_by_one() -> None:
    faults = Faults()
    faults.add({"fault": "busy", "times": 2})
    faults.add({"fault": "drop"})
    assert [faults.next().get("fault") for _ in range(4)] == ["busy", "busy", "drop", None]


def test_faults_that_falsify_receipts_stand_until_they_are_taken_back() -> None:
    faults = Faults()
    receipts = [{"receipt_id": str(n), "accepted": [f"{'a' * 32}-{n}"]} for n in range(1, 5)]
    faults.add({"fault": "hide-receipts", "every": 2})
    assert [each["receipt_id"] for each in faults.falsified(receipts)] == ["1", "3"]
    faults.clear()
    faults.add({"fault": "older-versions", "every": 4})
    assert faults.falsified(receipts)[3]["accepted"] == [f"{'a' * 32}-3"]
    faults.clear()
    faults.add({"fault": "invent-receipt"})
    assert faults.falsified([])[0]["sync_batch_id"] == "f" * 32
    faults.clear()
    assert faults.falsified(receipts) == receipts


def test_a_fault_that_is_unknown_says_which_are_known() -> None:
    with pytest.raises(
        UnknownFaultError, match=r"fault 'flood' is unknown: known are unavailable, .*invent-receipt"
    ):
        Faults().add({"fault": "flood"})

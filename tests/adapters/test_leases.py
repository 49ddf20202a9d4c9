from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from adapters import leases, ledger_table
from adapters.leases import LeaseHeldError, LeaseLostError, held, joined
from adapters.ledger_table import ConditionError

pytestmark = [pytest.mark.service, pytest.mark.usefixtures("ledgers_table")]

NAME = "load/behavior_events"


def leave_behind(monkeypatch: pytest.MonkeyPatch) -> leases.Lease:
    """A lease whose holder was killed: nobody renews it, nobody gives it back."""
    with monkeypatch.context() as patch:
        patch.setattr(leases, "_give_back", lambda lease: None)
        with held(NAME, "a load") as lease:
            return lease


def test_each_taking_has_a_greater_token() -> None:
    tokens = []
    for _ in range(3):
        with held(NAME, "a load") as lease:
            lease.check()
            tokens.append(lease.token)
    assert tokens == [1, 2, 3]


def test_leases_of_other_names_do_not_wait() -> None:
    with held(NAME, "a load"), held("load/academic_changes", "a load") as other:
        assert other.token == 1


@pytest.mark.fault
def test_a_living_holder_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "BEAT_SECONDS", 0.02)
    said: list[str] = []
    refused = pytest.raises(LeaseHeldError, match=r"held by a compaction on .*: let it finish")
    with held(NAME, "a compaction"), refused, held(NAME, "a load", said.append):
        pytest.fail("two have it")
    assert said[0].startswith("a compaction on ")


@pytest.mark.fault
def test_a_silent_holder_is_taken_over_and_fenced_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "SILENCE_SECONDS", 0.1)
    monkeypatch.setattr(leases, "TRUST_SECONDS", 0.08)
    dead = leave_behind(monkeypatch)
    note = ledger_table.put_new({"PK": "note", "SK": "note"})
    with held(NAME, "a load") as lease:
        assert lease.token == dead.token + 1
        with pytest.raises(ConditionError):
            ledger_table.write([dead.fence, note])
        assert ledger_table.get({"PK": "note", "SK": "note"}) is None
        ledger_table.write([lease.fence, note])
    assert ledger_table.get({"PK": "note", "SK": "note"}) is not None
    with pytest.raises(LeaseLostError, match=r"silent for 0 s"):
        dead.check()


@pytest.mark.fault
def test_a_holder_notices_that_another_took_its_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "BEAT_SECONDS", 0.05)
    with held(NAME, "a load") as lease:
        ledger_table.put({"PK": f"LEASE#{NAME}", "SK": "LEASE", "holder": "another", "token": 7, "beat": 0})
        time.sleep(0.3)
        with pytest.raises(LeaseLostError):
            lease.check()
    item = ledger_table.get({"PK": f"LEASE#{NAME}", "SK": "LEASE"})
    assert item is not None
    assert item["holder"] == "another"


@pytest.mark.fault
def test_a_clock_that_jumps_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "SILENCE_SECONDS", 0.1)
    leave_behind(monkeypatch)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    with held(NAME, "a load") as lease:
        lease.check()


@pytest.mark.fault
def test_an_unreachable_ledger_makes_the_holder_stop_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "BEAT_SECONDS", 0.01)
    monkeypatch.setattr(leases, "TRUST_SECONDS", 0.1)
    with held(NAME, "a load") as lease:
        monkeypatch.setattr(ledger_table, "write", unreachable)
        time.sleep(0.2)
        with pytest.raises(LeaseLostError):
            lease.check()


def unreachable(*_: object) -> None:
    from botocore.exceptions import EndpointConnectionError

    raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")


def test_a_lease_that_was_left_is_joined_by_several_and_given_back_by_the_last() -> None:
    with held(NAME, "plan") as lease:
        lease.leave(900)
    with joined(NAME, lease.token) as first, joined(NAME, lease.token) as second:
        for joiner in (first, second):
            joiner.check()
            joiner.write([ledger_table.put_over({"PK": f"OF#{joiner.token}", "SK": "x"})])
    with joined(NAME, lease.token, last=True):
        pass
    with pytest.raises(LeaseLostError, match="was left for this run, but nobody has it now"):
        joined(NAME, lease.token).__enter__()
    with held(NAME, "the next") as after:
        assert after.token == lease.token + 1


def test_a_lease_that_was_left_is_not_taken_before_its_own_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "SILENCE_SECONDS", 0.01)
    with held(NAME, "plan") as lease:
        lease.leave(1)
    began = time.monotonic()
    with held(NAME, "another"):
        assert time.monotonic() - began >= 1
        with pytest.raises(LeaseLostError, match=r"but another on .* has it now"):
            joined(NAME, lease.token).__enter__()


def test_a_step_that_failed_leaves_the_lease_for_its_next_try() -> None:
    with held(NAME, "plan") as lease:
        lease.leave(900)
    with pytest.raises(ValueError, match="broken"), joined(NAME, lease.token, last=True):
        raise ValueError("broken")
    with joined(NAME, lease.token, last=True) as again:
        again.check()


def test_a_transaction_that_meets_another_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    met: list[str] = []
    once = ledger_table.write_once

    def meets(actions: Any) -> None:
        if len(met) < 3:
            met.append("another")
            reasons = [{"Code": "TransactionConflict"}, {"Code": "None"}]
            error = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
            raise ClientError(error, "TransactWriteItems")  # type: ignore[arg-type]
        once(actions)

    monkeypatch.setattr(ledger_table, "write_once", meets)
    with held(NAME, "a load") as lease:
        lease.write([ledger_table.put_over({"PK": "A", "SK": "x"})])
    assert len(met) == 3
    assert ledger_table.get({"PK": "A", "SK": "x"}) is not None


def test_a_transaction_that_meets_others_for_ever_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def meets(actions: Any) -> None:
        raise ClientError({"Error": {"Code": "TransactionConflictException"}}, "UpdateItem")  # type: ignore[arg-type]

    monkeypatch.setattr(ledger_table, "PAUSE_SECONDS", 0.0001)
    monkeypatch.setattr(ledger_table, "write_once", meets)
    with pytest.raises(ConditionError) as caught:
        ledger_table.write([ledger_table.put_over({"PK": "A", "SK": "x"})])
    assert caught.value.places == frozenset()

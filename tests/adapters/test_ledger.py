from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters import landing_claims, leases, ledger, ledger_table
from adapters.aws import client
from adapters.lake import LandingFile
from adapters.leases import Lease, LeaseLostError, held
from adapters.ledger import LedgerConflictError, LoadState, Shard
from adapters.ledger_table import ConditionError

pytestmark = [pytest.mark.service, pytest.mark.usefixtures("ledgers_table")]

NOW = datetime(2026, 2, 3, 15, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
TABLE = "behavior_events"


@pytest.fixture
def lease(ledgers_table: None) -> Iterator[Lease]:
    with held(f"lake/{TABLE}", "a test") as lease:
        yield lease


def file(name: str = "a", hour: str = "2026-02-03-14") -> LandingFile:
    return LandingFile(f"{TABLE}/hour={hour}/{name}.parquet", f"etag-{name}", 10)


def test_an_opened_load_is_the_open_one_until_it_is_published(lease: Lease) -> None:
    load = ledger.open_load(TABLE, "1", NOW, lease)
    assert load.state is LoadState.CLAIMING
    assert load.opened_at == NOW
    assert ledger.the_open_load(TABLE) == load
    assert ledger.the_open_load("academic_changes") is None
    for state in (LoadState.CLAIMED, LoadState.JUDGED):
        ledger.advance(load, state, LATER, lease)
        assert ledger.the_open_load(TABLE) is not None
    ledger.advance(load, LoadState.PUBLISHED, LATER, lease)
    assert ledger.the_open_load(TABLE) is None
    assert ledger.find(TABLE, "1").state is LoadState.PUBLISHED


def test_a_table_has_one_load_open_at_a_time(lease: Lease) -> None:
    ledger.open_load(TABLE, "1", NOW, lease)
    with pytest.raises(LedgerConflictError, match="has a load open already, so 2 is not opened"):
        ledger.open_load(TABLE, "2", NOW, lease)
    ledger.open_load("academic_changes", "2", NOW, lease)
    with pytest.raises(LookupError, match="no load '2' of table 'behavior_events'"):
        ledger.find(TABLE, "2")


def test_a_file_is_claimed_once(lease: Lease) -> None:
    mine = ledger.open_load(TABLE, "1", NOW, lease)
    landing_claims.take(mine, [file("a"), file("b", "2026-02-03-15")], NOW, lease)
    landing_claims.take(mine, [file("a")], NOW, lease)
    ledger.advance(mine, LoadState.CLAIMED, NOW, lease)
    assert ledger.find(TABLE, "1").hours == ("2026-02-03-14", "2026-02-03-15")
    ledger.advance(mine, LoadState.PUBLISHED, NOW, lease)
    other = ledger.open_load(TABLE, "2", NOW, lease)
    with pytest.raises(LedgerConflictError):
        landing_claims.take(other, [file("c"), file("a")], NOW, lease)
    found = {claim.file.key: claim.load_id for claim in landing_claims.of_hours(TABLE, ["2026-02-03-14"])}
    assert found == {file("a").key: "1"}, "of a refused transaction nothing is written"


def test_claims_outlive_their_files(lease: Lease) -> None:
    load = ledger.open_load(TABLE, "1", NOW, lease)
    landing_claims.take(load, [file()], NOW, lease)
    (item,) = ledger_table.items(f"CLAIM#{TABLE}#2026-02-03-14")
    assert item["expires_at"] == int((NOW + timedelta(days=60)).timestamp())


def test_a_file_set_aside_keeps_its_reason_until_it_is_released(lease: Lease) -> None:
    load = ledger.open_load(TABLE, "1", NOW, lease)
    landing_claims.take(load, [file("a"), file("b")], NOW, lease)
    landing_claims.set_aside(load, file("a"), "unreadable", "half a file", lease)
    aside, kept = landing_claims.of_hours(TABLE, ["2026-02-03-14"])
    assert (aside.fault, aside.reason, aside.file) == ("unreadable", "half a file", file("a"))
    assert kept.fault == ""
    landing_claims.release(TABLE, file("a").key)
    assert [claim.file.key for claim in landing_claims.of_hours(TABLE, ["2026-02-03-14"])] == [file("b").key]
    with pytest.raises(LedgerConflictError, match="not set aside"):
        landing_claims.release(TABLE, file("b").key)


def test_another_loads_file_cannot_be_set_aside(lease: Lease) -> None:
    load = ledger.open_load(TABLE, "1", NOW, lease)
    with pytest.raises(ConditionError):
        landing_claims.set_aside(load, file(), "unreadable", "", lease)


def test_a_state_only_moves_forward_and_times_stay_the_first_ones(lease: Lease) -> None:
    load = ledger.open_load(TABLE, "1", NOW, lease)
    ledger.advance(load, LoadState.JUDGED, NOW, lease, rules_version="abc")
    again = ledger.advance(load, LoadState.JUDGED, LATER, lease, rules_version="abc")
    assert again.times["judged"] == "2026-02-03T15:00:00.000Z"
    with pytest.raises(LedgerConflictError, match="is judged, this run wanted it claimed"):
        ledger.advance(load, LoadState.CLAIMED, LATER, lease)


def test_a_load_is_published_again_only_as_it_was(lease: Lease) -> None:
    load = ledger.open_load(TABLE, "1", NOW, lease)
    ledger.advance(load, LoadState.PUBLISHED, NOW, lease, objects=3)
    with pytest.raises(LedgerConflictError, match="is published, this run wanted it judged"):
        ledger.advance(load, LoadState.JUDGED, LATER, lease)


def test_a_run_whose_lease_was_taken_changes_nothing(lease: Lease, monkeypatch: pytest.MonkeyPatch) -> None:
    load = ledger.open_load(TABLE, "1", NOW, lease)
    landing_claims.take(load, [file("a")], NOW, lease)
    monkeypatch.setattr(leases, "SILENCE_SECONDS", 0.05)
    with held(f"lake/{TABLE}", "another"):
        before = everything()
        writes: list[Callable[[], object]] = [
            lambda: ledger.open_load(TABLE, "2", NOW, lease),
            lambda: landing_claims.take(load, [file("b")], NOW, lease),
            lambda: landing_claims.set_aside(load, file("a"), "unreadable", "half a file", lease),
            lambda: ledger.advance(load, LoadState.CLAIMED, NOW, lease),
            lambda: ledger.note(load, lease, token=1),
            lambda: ledger.note_error(load, "late", lease),
            lambda: ledger.write_schools(load, {"a": {"landed": 1}}, lease),
            lambda: ledger.note_shard(load, 0, Shard({"a": {"landed": 1}}, {}), lease),
        ]
        for write in writes:
            with pytest.raises(LeaseLostError, match=r"lake/behavior_events.*another run may"):
                write()
        assert everything() == before


def everything() -> list[dict[str, Any]]:
    """All items of the ledger but the leases."""
    items = client("dynamodb").scan(TableName="luca-loads")["Items"]
    return sorted((item for item in items if not item["PK"]["S"].startswith("LEASE#")), key=str)


def test_what_shards_did_is_kept_by_shard_and_by_school(lease: Lease) -> None:
    load = ledger.open_load(TABLE, "1", NOW, lease)
    ledger.write_schools(load, {"a": {"landed": 9}}, lease)
    many = {f"school_{number}": {"landed": number} for number in range(401)}
    first, second = Shard(many, {"objects": 3}), Shard({"a": {"landed": 1}}, {"objects": 1})
    ledger.note_shard(load, 11, second, lease)
    ledger.note_shard(load, 1, first, lease)
    ledger.note_shard(load, 1, first, lease)
    assert ledger.shards_done(load) == {1: {"objects": 3}, 11: {"objects": 1}}
    assert ledger.shards(load) == {1: first, 11: second}
    assert ledger.read_schools(load) == {"a": {"landed": 9}}


def test_a_noted_error_is_cleared_by_the_next_step(lease: Lease) -> None:
    load = ledger.open_load(TABLE, "1", NOW, lease)
    ledger.note_error(load, "x" * 5000, lease)
    assert len(ledger.find(TABLE, "1").facts["error"]) == 2000
    assert "error" not in ledger.advance(load, LoadState.CLAIMED, NOW, lease).facts


def test_thousands_of_schools_are_noted_in_small_items(lease: Lease) -> None:
    load = ledger.open_load(TABLE, "1", NOW, lease)
    schools: dict[str, dict[str, Any]] = {
        f"school_{number}": {"landed": number, "stopped": False, "broken": {"a": 1}}
        for number in range(1_001)
    }
    ledger.write_schools(load, schools, lease)
    ledger.write_schools(load, schools, lease)
    assert ledger.read_schools(load) == schools
    assert len(list(ledger_table.items(f"LOAD#{TABLE}#1"))) == 6


def test_the_newest_loads_come_first(lease: Lease) -> None:
    for number in range(3):
        load = ledger.open_load(TABLE, f"2026020{number}", NOW, lease)
        ledger.write_schools(load, {"a": {"landed": 1}}, lease)
        ledger.advance(load, LoadState.PUBLISHED, NOW, lease)
    assert [load.load_id for load in ledger.loads(TABLE, 2)] == ["20260202", "20260201"]


def test_a_store_that_fails_for_another_reason_is_not_taken_for_a_conflict(lease: Lease) -> None:
    load = ledger.open_load(TABLE, "1", NOW, lease)
    client("dynamodb").delete_table(TableName="luca-loads")
    with pytest.raises(Exception, match="ResourceNotFoundException"):
        ledger.advance(load, LoadState.CLAIMED, NOW, lease)

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters import ledger
from adapters.lake import LandingFile
from adapters.ledger import LedgerConflictError, LoadState
from expectations.verdict import GateToolError
from pipelines.load import claiming

NOW = datetime(2026, 2, 3, 15, 0, 0, 123_000, tzinfo=UTC)
TABLE = "behavior_events"
HOUR = "2026-02-03-14"
FILES = [LandingFile(f"{TABLE}/hour={HOUR}/{number}.parquet", f"etag{number}", 10) for number in range(3)]


def test_load_ids_sort_by_time_and_fit_into_a_tables_name() -> None:
    ids = [claiming.load_id(TABLE, FILES, NOW + timedelta(milliseconds=step)) for step in (0, 1, 60_000)]
    assert ids == sorted(ids)
    assert ids[0].startswith("20260203t150000123_")
    assert all(re.fullmatch("[0-9a-z_]{1,100}", load_id) for load_id in ids)


def test_load_ids_say_what_is_loaded() -> None:
    ids = {
        claiming.load_id(TABLE, FILES, NOW),
        claiming.load_id("academic_changes", FILES, NOW),
        claiming.load_id(TABLE, FILES[:2], NOW),
        claiming.load_id(TABLE, [*FILES[:2], LandingFile(FILES[2].key, "other", 10)], NOW),
    }
    assert len(ids) == 4
    assert claiming.load_id(TABLE, FILES, NOW) in ids


def claim(now: datetime = NOW, files: int = 100, size: int = 10**9) -> ledger.Load | None:
    return claiming.open_or_resume(TABLE, now, files, size)


@pytest.mark.service
def test_the_oldest_files_are_claimed_first(lake: Any) -> None:
    late = lake.put(b"1", "a", hour="2026-02-03-15")
    early = lake.put(b"1", "z", hour="2026-02-03-14")
    load = claim(files=1)
    assert load is not None
    assert load.state is LoadState.CLAIMED
    assert [claim.file.key for claim in claiming.claimed(load)] == [early]
    assert late not in load.hours


@pytest.mark.service
def test_a_load_of_named_files_leaves_the_others_to_the_next(lake: Any) -> None:
    named, other = lake.land([lake.event()], "b"), lake.land([lake.event()], "a")
    result = lake.load_one(only={named})
    assert (result.files, result.total("published")) == (1, 1)
    load = claim()
    assert load is not None
    assert [claim.file.key for claim in claiming.claimed(load)] == [other]


@pytest.mark.service
def test_an_open_load_is_given_again_before_anything_new_is_claimed(lake: Any) -> None:
    lake.put(b"1", "a")
    first = claim()
    lake.put(b"1", "b")
    assert first is not None
    again = claim(NOW + timedelta(hours=1))
    assert again == first
    assert len(claiming.claimed(first)) == 1


@pytest.mark.service
def test_claims_keep_key_etag_and_size(lake: Any) -> None:
    key = lake.put(b"12345", "a")
    load = claim()
    assert load is not None
    (found,) = claiming.claimed(load)
    (there,) = lake.stored("LANDING").values()
    assert found.file == LandingFile(key, there, 5)


@pytest.mark.service
def test_many_files_are_claimed_in_several_transactions(lake: Any) -> None:
    for number in range(205):
        lake.put(b"1", f"{number:04d}")
    load = claim(files=500)
    assert load is not None
    assert len(claiming.claimed(load)) == 205


@pytest.mark.service
@pytest.mark.fault
def test_two_loaders_at_once_never_take_one_file(lake: Any) -> None:
    for number in range(20):
        lake.put(b"1", f"{number:04d}")
    conflicts, loads = [], []

    def loader(number: int) -> None:
        try:
            load = claim(NOW + timedelta(milliseconds=number), files=5)
        except LedgerConflictError as conflict:
            conflicts.append(conflict)
        else:
            loads.append(load)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(loader, range(4)))
    assert loads
    assert len({load.load_id for load in loads}) == 1, "one load at a time; the others help it or give way"
    claims = list(ledger.claims(TABLE, [HOUR]))
    assert {found.load_id for found in claims} == {loads[0].load_id}
    assert 5 <= len(claims) <= 20


@pytest.mark.service
@pytest.mark.fault
def test_two_runs_at_once_publish_every_row_once(lake: Any) -> None:
    rows = [lake.event(school_id=f"school_{number % 2}") for number in range(12)]
    for row in rows:
        lake.land([row, rows[0]])
    conflicts = []

    def loader(number: int) -> None:
        try:
            lake.load(now=NOW + timedelta(milliseconds=number), limit_files=4)
        except (LedgerConflictError, GateToolError) as conflict:  # the other one was faster
            conflicts.append(conflict)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(loader, range(2)))
    lake.load(now=NOW + timedelta(hours=1))  # whatever they left to each other
    published = sorted(row["event_id"] for row in lake.published())
    assert published == sorted(row["event_id"] for row in rows)
    assert ledger.the_open_load(TABLE) is None


@pytest.mark.service
@pytest.mark.fault
def test_files_are_fixed_once_a_load_is_claimed(lake: Any) -> None:
    lake.put(b"1", "a")
    load = claim()
    assert load is not None
    with pytest.raises(LedgerConflictError, match="another run is claiming files"):
        ledger.claim(load, [LandingFile(f"{TABLE}/hour=2026-02-03-15/b.parquet", "etag", 1)], NOW)
    assert list(ledger.claims(TABLE, ["2026-02-03-15"])) == []


@pytest.mark.service
@pytest.mark.fault
def test_no_claim_is_forgotten_when_two_runs_claim_for_one_load(lake: Any) -> None:
    early, late = (LandingFile(f"{TABLE}/hour=2026-02-03-1{hour}/a.parquet", "etag", 1) for hour in (4, 5))
    load = ledger.open_load(TABLE, "20260203t150000123_00000000", NOW)
    ledger.claim(load, [early, late], NOW)  # the other run saw a file more
    ledger.claim(load, [early], NOW)
    load = ledger.advance(load, LoadState.CLAIMED, NOW)
    assert [found.file for found in claiming.claimed(load)] == [early, late]

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters import landing_claims, ledger
from adapters.lake import LandingFile
from adapters.leases import held
from adapters.ledger import LedgerConflictError, LoadState
from pipelines.load import claiming
from pipelines.load.shards import USUAL, Bounds
from pipelines.load.work import lease_name

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


def claim(now: datetime = NOW, bounds: Bounds = USUAL) -> ledger.Load | None:
    with held(lease_name(TABLE), "a test") as lease:
        return claiming.open_or_resume(TABLE, now, bounds, lease)


@pytest.mark.service
def test_the_oldest_files_are_claimed_first(lake: Any) -> None:
    late = lake.put(b"1", "a", hour="2026-02-03-15")
    early = lake.put(b"1", "z", hour="2026-02-03-14")
    load = claim(bounds=Bounds(shards=1, files=1))
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
    load = claim()
    assert load is not None
    assert len(claiming.claimed(load)) == 205


@pytest.mark.service
@pytest.mark.fault
def test_files_are_fixed_once_a_load_is_claimed(lake: Any) -> None:
    lake.put(b"1", "a")
    load = claim()
    assert load is not None
    late = LandingFile(f"{TABLE}/hour=2026-02-03-15/b.parquet", "etag", 1)
    with (
        held(lease_name(TABLE), "a test") as lease,
        pytest.raises(LedgerConflictError, match="no more files"),
    ):
        landing_claims.take(load, [late], NOW, lease)
    assert list(landing_claims.of_hours(TABLE, ["2026-02-03-15"])) == []


@pytest.mark.service
@pytest.mark.fault
def test_a_run_that_was_killed_while_it_claimed_keeps_what_it_had(lake: Any) -> None:
    keys = [lake.put(b"1", name, hour=f"2026-02-03-1{name}") for name in ("4", "5")]
    files = [LandingFile(key, lake.stored("LANDING")[key], 1) for key in keys]
    with held(lease_name(TABLE), "a test") as lease:
        begun = ledger.open_load(TABLE, "20260203t150000123_00000000", NOW, lease)
        landing_claims.take(begun, files[1:], NOW, lease)
    load = claim()
    assert load is not None
    assert load.load_id == begun.load_id
    assert [found.file for found in claiming.claimed(load)] == files

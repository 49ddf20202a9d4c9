"""A load in several shards gives what the same load in one gives; two loaders never mix."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from adapters import landing_claims, leases, ledger, ledger_table
from adapters.lake import LandingFile
from adapters.leases import LeaseHeldError, LeaseLostError
from pipelines.cli import app
from pipelines.load import sharding, steps
from pipelines.load.finishing import ShardsMissingError
from pipelines.load.shards import USUAL, Bounds, parted, split

NOW = datetime.fromisoformat("2026-02-03T15:00:00+00:00")
LATER = NOW + timedelta(hours=1)
TABLE = "behavior_events"
THREE = Bounds(shards=3, files=2)
STRIDE = 6  # the kill points of one test: every sixth


def sized(*sizes: int) -> list[LandingFile]:
    return [LandingFile(f"t/hour=1/{number}", "", size) for number, size in enumerate(sizes)]


def test_files_are_parted_in_order_up_to_both_bounds() -> None:
    files = sized(5, 5, 1, 1, 1, 99, 1)
    shards = list(split(files, Bounds(shards=9, files=3, size=10)))
    assert [[file.size for file in shard] for shard in shards] == [[5, 5], [1, 1, 1], [99], [1]]
    assert parted(files, [len(shard) for shard in shards]) == shards
    assert list(split([], USUAL)) == []


def test_a_load_takes_as_many_files_as_its_shards_hold() -> None:
    assert Bounds(shards=2, files=3, size=10).chosen(sized(5, 5, 1, 1, 1, 99, 1)) == sized(5, 5, 1, 1, 1)


def land(lake: Any) -> None:
    """Six files: copies within one, across shards, of what the lake has; a bad school in two shards."""
    lake.reset()
    lake.ids = iter(range(1, 1000))
    known = lake.event()
    lake.land([known], "0")
    assert lake.load_one(now=NOW - timedelta(minutes=30)).total("published") == 1
    copied, other = lake.event(), lake.event(school_id="school_2")
    bad = lake.event(school_id="school_3", points=500)
    lake.land([copied, copied, known], "1")
    lake.land([lake.event(), bad], "2")
    lake.land([{**copied, "graduation_year": 2030}], "3")
    lake.land([other, lake.event(school_id="school_3")], "4")
    lake.land([copied, bad, lake.event(school_id="school_3", event_id=None)], "5")
    lake.land([{**other, "subject": "arte"}, lake.event(school_id="Ana")], "6")


def outcome(lake: Any) -> dict[str, Any]:
    """What a load leaves behind, however many shards it has."""
    newest = ledger.loads(TABLE, 1)[0]
    return {
        "published": sorted((str(row["event_id"]), row["graduation_year"]) for row in lake.published()),
        "quarantined": {
            school: sorted(str((row["event_id"], row["broken_rules"])) for row in rows)
            for school, rows in lake.quarantined().items()
        },
        "schools": ledger.read_schools(newest),
        "rows": newest.facts["rows"],
        "open": ledger.the_open_load(TABLE),
        "tables": lake.tables(),
    }


@pytest.fixture
def in_one(lake: Any) -> dict[str, Any]:
    """What the load of one shard leaves behind."""
    land(lake)
    lake.load(now=NOW)
    return outcome(lake)


@pytest.mark.service
def test_three_shards_do_what_one_does(lake: Any, in_one: dict[str, Any]) -> None:
    land(lake)
    (result,) = lake.load(now=NOW, bounds=THREE)
    assert result.shards == 3
    assert outcome(lake) == in_one
    assert result.schools["school_1"].duplicate == 4
    for counts in result.schools.values():
        assert sum((counts.weeks or {}).values()) == counts.published
    named = {key.rsplit("/", 1)[1] for key in lake.objects("lake/")}
    assert {f"{result.load_id}-000{shard}.parquet" for shard in range(3)} <= named


@pytest.mark.service
@pytest.mark.slow
def test_a_person_says_how_large_shards_are(lake: Any, in_one: dict[str, Any], tmp_path: Path) -> None:
    land(lake)
    bounds = ["--shards", "3", "--files", "2", "--reports", str(tmp_path)]
    answer = CliRunner().invoke(app, ["load", TABLE, *bounds])
    assert answer.exit_code == 0, answer.output
    assert len(ledger.loads(TABLE, 1)[0].facts["shards"]) == 3
    assert outcome(lake)["published"] == in_one["published"]


@pytest.mark.service
def test_the_steps_of_their_own_do_what_one_run_does(lake: Any, in_one: dict[str, Any]) -> None:
    land(lake)
    said: list[str] = []
    shards = steps.plan(TABLE, NOW, THREE, said.append)
    assert [shard["shard"] for shard in shards] == ["0", "1", "2"]
    assert shards[0]["table"] == TABLE
    with pytest.raises(ShardsMissingError, match="3 of its 3 shards are not done, the first is 0"):
        steps.finish(TABLE, NOW, said.append)

    def work(shard: dict[str, Any]) -> None:
        steps.shard(shard["table"], shard["load_id"], int(shard["shard"]), NOW, said.append)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, shards))
    before = lake.objects()
    work(shards[1])
    assert lake.objects() == before
    result = steps.finish(TABLE, NOW, said.append)
    assert result is not None
    assert outcome(lake) == in_one
    work(shards[1])
    assert said[-1] == f"load {result.load_id} is published already"
    assert steps.plan(TABLE, LATER, THREE, said.append) == []
    assert steps.finish(TABLE, LATER, said.append) is None


@pytest.mark.service
@pytest.mark.fault
def test_a_plan_that_is_made_again_names_what_is_left(lake: Any) -> None:
    land(lake)
    shards = steps.plan(TABLE, NOW, THREE, print)
    steps.shard(TABLE, shards[1]["load_id"], 1, NOW, print)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steps, "LEFT_SECONDS", 0.01)
        lease = leases._key("lake/behavior_events")
        ledger_table.put({**(ledger_table.get(lease) or {}), "patience": 0})  # the left lease's time is over
        again = steps.plan(TABLE, LATER, USUAL, print)
    assert [shard["shard"] for shard in again] == ["0", "2"]
    with pytest.raises(LookupError, match="has no shard 3: it has 3, from 0"):
        steps.shard(TABLE, again[0]["load_id"], 3, LATER, print)


@pytest.mark.service
@pytest.mark.fault
def test_a_second_loader_gives_way_to_a_living_one(lake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "BEAT_SECONDS", 0.02)
    monkeypatch.setattr(leases, "SILENCE_SECONDS", 20)
    rows = [lake.event(school_id=f"school_{number % 2}") for number in range(12)]
    for row in rows:
        lake.land([row, rows[0]])
    gave_way = []

    def loader(number: int) -> None:
        try:
            lake.load(now=NOW + timedelta(milliseconds=number), bounds=Bounds(shards=2, files=2))
        except LeaseHeldError as held:
            gave_way.append(str(held))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(loader, range(3)))
    assert len(gave_way) == 2
    assert all("is held by load on" in text for text in gave_way)
    published = sorted(row["event_id"] for row in lake.published())
    assert published == sorted(row["event_id"] for row in rows)
    claims = list(landing_claims.of_hours(TABLE, ["2026-02-03-14"]))
    assert len(claims) == len({claim.file.key for claim in claims}) == 12


@pytest.mark.service
@pytest.mark.fault
@pytest.mark.parametrize("before", ["publish", "quarantine", "add_up"])
def test_a_loader_that_wakes_after_another_took_over_changes_nothing(
    lake: Any, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    land(lake)
    asleep, wake, work = threading.Event(), threading.Event(), getattr(sharding, before)
    sleeper = threading.current_thread()
    ended: list[BaseException] = []

    def sleeps(*given: Any) -> Any:
        if threading.current_thread() is sleeper and not asleep.is_set():
            asleep.set()
            assert wake.wait(60)
        return work(*given)

    def first() -> None:
        try:
            lake.load(now=NOW)
        except LeaseLostError as lost:
            ended.append(lost)

    monkeypatch.setattr(sharding, before, sleeps)
    sleeper = threading.Thread(target=first)
    sleeper.start()
    assert asleep.wait(60)
    lake.load(now=LATER)  # its clock may be any: silence is measured by elapsed time
    after, objects = outcome(lake), lake.objects()
    monkeypatch.setattr(leases, "TRUST_SECONDS", 0)  # it slept too long to trust its lease
    wake.set()
    sleeper.join()
    assert len(ended) == 1
    assert outcome(lake) == after
    assert lake.objects() == objects
    assert ledger.loads(TABLE, 1)[0].facts.get("error") is None


@pytest.mark.service
@pytest.mark.fault
def test_a_clock_that_jumps_back_finishes_the_open_load(lake: Any, in_one: dict[str, Any]) -> None:
    land(lake)
    assert lake.dies(12)
    lake.load(now=NOW - timedelta(days=1))
    assert outcome(lake) == in_one


def all_steps(now: datetime) -> None:
    for shard in steps.plan(TABLE, now, THREE, print):
        steps.shard(TABLE, shard["load_id"], int(shard["shard"]), now, print)
    steps.finish(TABLE, now, print)


def rows_written(lake: Any) -> dict[str, bytes]:
    return lake.objects("lake/behavior_events/") | lake.objects("quarantine/")


@pytest.mark.service
@pytest.mark.fault
@pytest.mark.slow
@pytest.mark.parametrize("begin", range(1, STRIDE + 1))
def test_steps_killed_before_any_of_their_writes_end_the_same(
    lake: Any, in_one: dict[str, Any], monkeypatch: pytest.MonkeyPatch, begin: int
) -> None:
    monkeypatch.setattr(steps, "LEFT_SECONDS", 0.01)
    land(lake)
    all_steps(NOW)
    expected = rows_written(lake)
    write = begin
    while True:
        land(lake)
        if not lake.dies(write, lambda: all_steps(NOW)):
            break
        all_steps(NOW if write <= 2 else LATER)  # before the load is opened there is none to resume
        assert outcome(lake) == in_one, f"killed before write {write}"
        assert rows_written(lake) == expected, f"killed before write {write}"
        write += STRIDE
    assert write > 25

"""A load that is killed, anywhere, is finished by the next run as if nothing had happened."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from adapters import ledger
from expectations import verdict
from pipelines.load import sharding
from pipelines.load.gate import Gate
from pipelines.load.result import LoadDoesNotAddUpError
from pipelines.load.run import recent_loads

pytestmark = [pytest.mark.service, pytest.mark.fault]

NOW = datetime.fromisoformat("2026-02-03T15:00:00+00:00")
LATER = NOW + timedelta(hours=1)
STRIDE = 3  # the kill points of one test: every third


def land(lake: Any) -> None:
    """An earlier load, then two files: a row that the lake has, a copy, a bad school, two partitions."""
    lake.reset()
    lake.ids = iter(range(1, 1000))
    known = lake.event()
    lake.land([known], "0")
    assert lake.load_one(now=NOW - timedelta(minutes=30)).total("published") == 1
    row = lake.event(school_id="school_2")
    lake.land([known, row, lake.event(graduation_year=2030)], "1")
    lake.land([row, lake.event(school_id="school_3", points=500), lake.event(school_id="school_3")], "2")


def state(lake: Any) -> dict[str, Any]:
    """All that a load leaves behind."""
    return {
        "lake": {key: body for key, body in lake.objects().items() if not key.startswith("lake/loads/")},
        "loads_table": list(lake.objects("lake/loads/")),
        "published": sorted((row["school_id"], row["event_id"]) for row in lake.published()),
        "tables": lake.tables(),
        "loads": [{**row, "opened_at": ""} for row in recent_loads()],
        "open": ledger.the_open_load("behavior_events"),
    }


_untroubled: dict[str, Any] = {}


def untroubled(lake: Any) -> dict[str, Any]:
    """What a load that nothing disturbs leaves behind; found once."""
    if not _untroubled:
        land(lake)
        lake.load(now=NOW)
        _untroubled.update(state(lake))
    return _untroubled


# The n-th write: 1 the lease, 2 the load, 3 the claims, 4 claimed, 5 the manifest, 6-8 its table, 9 the
# verdict by school, 10 judged, then quarantine and partitions, the partitions in Glue, the shard's counts,
# the counts of all, when it is closed, its rows for analysts, their partition, the table dropped, published,
# and the lease given back.
@pytest.mark.parametrize("write", [4, 10, 13, 17, 20])
def test_a_killed_load_is_finished_by_the_next_run(lake: Any, write: int) -> None:
    expected = untroubled(lake)
    land(lake)
    assert lake.dies(write)
    told = lake.objects("lake/loads/")
    assert len(told) == (2 if write == 20 else 1), "the earlier load's rows, and this one's"
    (result,) = lake.load(now=LATER)
    assert result.resumed
    assert state(lake) == expected
    assert told.items() <= lake.objects("lake/loads/").items(), "what analysts were told is told anew"


@pytest.mark.slow
@pytest.mark.parametrize("begin", range(1, STRIDE + 1))
def test_a_load_killed_before_any_of_its_writes_is_finished_by_the_next_run(lake: Any, begin: int) -> None:
    expected = untroubled(lake)
    write = begin
    while True:
        land(lake)
        if not lake.dies(write):
            break
        told = lake.objects("lake/loads/")
        # Killed before the load was written down, there is none to resume: the next run begins it.
        lake.load(now=LATER if ledger.the_open_load("behavior_events") else NOW)
        assert state(lake) == expected, f"killed before write {write}"
        assert told.items() <= lake.objects("lake/loads/").items(), f"killed before write {write}"
        write += STRIDE
    assert write > 14


def test_a_load_killed_again_and_again_ends_the_same(lake: Any) -> None:
    expected = untroubled(lake)
    land(lake)
    for write in (4, 4, 6):
        assert lake.dies(write)
    lake.load(now=LATER)
    assert state(lake) == expected


def test_what_lands_after_the_crash_waits_for_the_next_load(lake: Any) -> None:
    lake.land([lake.event()])
    assert lake.dies(11)
    lake.land([lake.event()])
    first, second = lake.load(now=LATER)
    assert (first.resumed, first.files) == (True, 1)
    assert (second.resumed, second.files) == (False, 1)
    assert len(lake.published()) == 2


def test_a_resumed_load_keeps_to_the_verdict_that_was_written(
    lake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.land([lake.event(), lake.event(school_id="school_2", points=500)])
    assert lake.dies(11)
    monkeypatch.setattr(Gate, "counts", lambda gate: pytest.fail("it was judged already"))
    (result,) = lake.load(now=LATER)
    assert result.stopped == {"school_2": ["points_in_range"]}
    assert result.broken == {"points_in_range": 1}


def test_a_gate_that_fails_says_nothing_of_the_rows_and_leaves_the_load_open(
    lake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.land([lake.event()])
    with monkeypatch.context() as patch:
        patch.setattr("pipelines.load.gate.gate_query", lambda *_: "SELECT no_such_column FROM nowhere")
        with pytest.raises(verdict.GateToolError, match=r"gate's query on load .* failed"):
            lake.load()
    (row,) = recent_loads()
    assert row["state"] == "claimed"
    assert row["error"].startswith("GateToolError: the gate's query")
    assert lake.objects() == {}
    assert lake.tables() == []
    (result,) = lake.load(now=LATER)
    assert result.total("published") == 1
    assert recent_loads()[0]["error"] == ""


def test_rows_that_do_not_add_up_stop_the_load(lake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.land([lake.event(), lake.event()])
    publish = sharding.publish
    with monkeypatch.context() as patch:
        patch.setattr(sharding, "publish", lambda rows, order, *rest: publish(rows, order[:1], *rest))
        with pytest.raises(LoadDoesNotAddUpError, match=r"school_1: 2 rows .* are 1;"):
            lake.load()
    assert recent_loads()[0]["state"] == "judged"
    (result,) = lake.load(now=LATER)
    assert result.total("published") == 2


def test_an_unreachable_ledger_does_not_hide_why_a_load_failed(
    lake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.land([lake.event()])
    monkeypatch.setattr("pipelines.load.gate.gate_query", lambda *_: "SELECT no_such_column FROM nowhere")

    def refuse(*_: Any) -> None:
        raise ledger.ConditionError("gone")

    monkeypatch.setattr(ledger, "note_error", refuse)
    with pytest.raises(verdict.GateToolError) as caught:
        lake.load()
    assert caught.value.__notes__ == ["and the ledger could not note it: gone"]

"""A load that speaks of a fault of ours is held, and goes on when it is mended or let go."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from expectations.catalogue import EXPECTATIONS
from expectations.rules import Expectations, Owner, Rule, Severity
from pipelines.load.holding import LoadHeldError, let_go
from pipelines.load.run import recent_loads
from pipelines.quality.overview import last_weeks
from tests.pipelines.conftest import NOW
from transforms.bilingual import Words

pytestmark = pytest.mark.service

SCHOOLS = ("school_1", "school_2", "school_3")
LATER = NOW + timedelta(hours=1)


def land_three(lake: Any, **changes: Any) -> None:
    lake.land([lake.event(school_id=school, **changes) for school in SCHOOLS for _ in range(2)])


def with_a_wrong_rule() -> Expectations:
    """Rules of which one is wrong: it refuses every row."""
    expected = EXPECTATIONS["behavior_events"]
    wrong = Rule(
        "points_odd", "points % 2 = 1", Severity.CRITICAL, Words("a slip of ours", "…"), Owner.PLATFORM
    )
    return replace(expected, rules=(*expected.rules, wrong))


def test_a_wrong_rule_of_ours_holds_the_load_and_its_mending_frees_it(
    lake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_three(lake)
    with monkeypatch.context() as patch:
        patch.setitem(EXPECTATIONS, "behavior_events", with_a_wrong_rule())
        with pytest.raises(LoadHeldError, match="each of the 3 schools breaks points_odd, in 6 rows"):
            lake.load()
    assert lake.objects() == {}, "nothing is published, nothing is quarantined"
    (row,) = recent_loads()
    assert row["state"] == "claimed"
    assert "is held, nothing of it is published" in row["error"]
    held = last_weeks(LATER.date())[0].loads[0].held
    assert held is not None
    assert held.es == "a_school_passes: cada una de las 3 escuelas incumple points_odd, en 6 filas"
    (result,) = lake.load(now=LATER)
    assert (result.resumed, result.total("published"), result.stopped) == (True, 6, {})


def test_a_held_load_lets_no_other_pass(lake: Any) -> None:
    land_three(lake, points=500)
    with pytest.raises(LoadHeldError):
        lake.load()
    lake.land([lake.event(school_id="school_4")], hour="2026-02-03-15")
    with pytest.raises(LoadHeldError):
        lake.load(now=LATER)
    assert len(recent_loads()) == 1


def test_a_load_that_is_let_go_stops_its_schools(lake: Any) -> None:
    land_three(lake, points=500)
    with pytest.raises(LoadHeldError, match="luca quality let-go behavior_events --because"):
        lake.load()
    let_go("behavior_events", "three schools use the same broken integration", NOW)
    (result,) = lake.load(now=LATER)
    assert sorted(result.stopped) == list(SCHOOLS)
    assert {school: len(rows) for school, rows in lake.quarantined().items()} == dict.fromkeys(SCHOOLS, 2)


def test_only_what_is_held_can_be_let_go(lake: Any) -> None:
    with pytest.raises(LookupError, match="behavior_events has no held load"):
        let_go("behavior_events", "because", NOW)


def test_many_rows_without_a_school_hold_the_load(lake: Any) -> None:
    lake.land([*(lake.event() for _ in range(98)), *(lake.event(school_id=None) for _ in range(2))])
    with pytest.raises(LoadHeldError, match="2 of 100 rows name no school"):
        lake.load()
    assert lake.objects() == {}


@pytest.mark.fault
@pytest.mark.parametrize("back", [timedelta(hours=1), timedelta(days=1)])
def test_a_load_that_was_opened_by_a_clock_far_behind_is_freed_by_a_right_one(
    lake: Any, back: timedelta
) -> None:
    lake.land([lake.event(school_id=f"school_{number}") for number in range(4)])
    with pytest.raises(LoadHeldError, match="each of the 4 schools breaks not_in_the_future"):
        lake.load(now=NOW - back)
    assert lake.objects() == {}
    result = lake.load_one(now=NOW)
    assert (result.resumed, result.total("published"), result.stopped) == (True, 4, {})

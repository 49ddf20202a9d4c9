from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pipelines.trace.sightings import Sighting, Station
from pipelines.trace.verdict import State, verdict

NOW = datetime(2026, 2, 3, 15, tzinfo=UTC)


def seen(station: Station, minutes_ago: float = 0, *, waits: bool = False) -> Sighting:
    return Sighting(station, NOW - timedelta(minutes=minutes_ago), "what", "says", waits)


def of(*places: Sighting, asked: bool = True) -> tuple[State, str, str]:
    return verdict(places, NOW, store_was_asked=asked)


def test_the_farthest_place_decides() -> None:
    state, where, advice = of(seen(Station.LAKE), seen(Station.STORED, 60), seen(Station.LOAD))
    assert (state, where, advice) == (State.ARRIVED, "in the lake, what", "")


def test_a_rejection_of_the_same_request_does_not_hide_what_arrived() -> None:
    assert of(seen(Station.REJECTED, waits=True), seen(Station.LAKE))[0] is State.ARRIVED


@pytest.mark.parametrize(
    ("station", "page"),
    [
        (Station.DEAD_LETTERS, "dead-letters.md"),
        (Station.REJECTED, "rejected-events.md"),
        (Station.NOT_CONVERTED, "landing-errors.md"),
        (Station.QUARANTINED, "luca quarantine show"),
        (Station.LOAD, "load.md"),
    ],
)
def test_where_it_waits_for_somebody_the_way_out_is_named(station: Station, page: str) -> None:
    state, where, advice = of(seen(station, waits=True))
    assert state is State.STUCK
    assert where == f"in the {station}: says"
    assert page in advice


@pytest.mark.parametrize(
    ("station", "minutes", "state"),
    [
        (Station.STORED, 14, State.ON_ITS_WAY),
        (Station.STORED, 16, State.STUCK),
        (Station.LANDED, 119, State.ON_ITS_WAY),
        (Station.LANDED, 121, State.STUCK),
        (Station.LOAD, 500, State.ON_ITS_WAY),
    ],
)
def test_it_is_stuck_when_the_next_step_is_overdue(station: Station, minutes: float, state: State) -> None:
    assert of(seen(station, minutes))[0] is state


def test_a_span_is_told_in_hours_once_minutes_say_little() -> None:
    assert of(seen(Station.STORED, 179))[1] == "stored 179 min ago and never landed"
    assert of(seen(Station.LANDED, 600))[1] == "landed 10 h ago and no load has taken it"


def test_nothing_seen_says_what_else_could_be_asked() -> None:
    assert of()[0] is State.UNSEEN
    assert "--student" not in of()[2]
    assert "--student" in of(asked=False)[2]

from __future__ import annotations

import pytest

from pipelines.profiles.pace import Pace


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_calls_go_out_at_the_rate_and_no_faster() -> None:
    clock = Clock()
    pace = Pace(4, clock, clock.sleep)
    moments = []
    for _ in range(9):
        pace.wait()
        moments.append(clock.now - 100)
    assert moments == [0.25 * turn for turn in range(9)]


def test_a_pause_saves_nothing_up_for_a_burst() -> None:
    clock = Clock()
    pace = Pace(4, clock, clock.sleep)
    pace.wait()
    clock.now += 60
    pace.wait()
    pace.wait()
    assert clock.now == 160.25


def test_a_rate_that_never_lets_anything_through_is_refused() -> None:
    with pytest.raises(ValueError, match="0 writes a second: use a number above 0"):
        Pace(0)

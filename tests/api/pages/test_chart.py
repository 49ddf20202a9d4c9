from __future__ import annotations

from datetime import date, timedelta

import pytest

from api.pages.chart import BOTTOM, HEIGHT, WIDTH, WeekScore, chart


@pytest.mark.parametrize("scores", [[], [0], [0, 0], [5, -3, 8], [-4, -1], [10] * 8, [1, -100]])
def test_bars_stay_inside_and_stand_on_the_line_of_zero(scores: list[int]) -> None:
    monday = date(2026, 2, 2)
    drawn = chart([WeekScore(monday + timedelta(weeks=n), f"w{n}", each) for n, each in enumerate(scores)])
    assert len(drawn.bars) == len(scores)
    for bar in drawn.bars:
        assert 0 <= bar.x <= bar.x + bar.width <= WIDTH
        assert 0 <= bar.y <= bar.y + bar.height <= HEIGHT - BOTTOM + 0.2
        edge = bar.y + bar.height if bar.week.score >= 0 else bar.y
        assert edge == pytest.approx(drawn.zero, abs=0.2)
        assert 0 < bar.number_y <= HEIGHT - BOTTOM + 12


def test_heights_are_in_proportion() -> None:
    few, many = chart([WeekScore(date(2026, 2, 2), "a", 5), WeekScore(date(2026, 2, 9), "b", 10)]).bars
    assert many.height == pytest.approx(2 * few.height, abs=0.2)


def test_a_single_absence_does_not_look_like_a_fall() -> None:
    (bar,) = chart([WeekScore(date(2026, 2, 2), "a", -2)]).bars
    assert bar.height < HEIGHT / 4

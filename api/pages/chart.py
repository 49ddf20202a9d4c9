"""A small bar chart of weekly scores, drawn on the server: plain geometry for an inline SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

WIDTH, HEIGHT = 360, 150  # of the view box
TOP, BOTTOM = 18, 22  # room for numbers above and dates below
GAP = 0.35  # of a bar's place
LEAST_RANGE = 10  # points: a single absence must not look like a fall


@dataclass(frozen=True, slots=True)
class WeekScore:
    """A week of the chart.

    Attributes:
        monday: Its first day.
        iso_week: `2026-W06`.
        score: Sum of points.
        shown: Whether it is the week that the page shows.
    """

    monday: date
    iso_week: str
    score: int
    shown: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """A week as a rectangle, in units of the view box.

    Attributes:
        week: What it shows.
        x: Left edge.
        y: Upper edge.
        width: Of the rectangle.
        height: Of the rectangle.
        middle: Where its texts are centred.
        number_y: Baseline of the number.
    """

    week: WeekScore
    x: float
    y: float
    width: float
    height: float
    middle: float
    number_y: float


@dataclass(frozen=True, slots=True)
class Chart:
    """All bars and the line of zero.

    Attributes:
        bars: Oldest first.
        zero: Height of the line of zero.
    """

    bars: Sequence[Bar]
    zero: float


def chart(weeks: Sequence[WeekScore]) -> Chart:
    """Draws weeks, oldest first; scores may be negative."""
    lowest = min([0, *(week.score for week in weeks)])
    highest = max([0, lowest + LEAST_RANGE, *(week.score for week in weeks)])
    below = 14 if lowest < 0 else 0  # a negative bar has its number under it
    scale = (HEIGHT - TOP - BOTTOM - below) / (highest - lowest)
    zero = TOP + highest * scale
    place = WIDTH / max(len(weeks), 4)  # four whole weeks are kept, so four bars fill it
    bars = []
    for number, week in enumerate(weeks):
        height = abs(week.score) * scale
        y = zero - height if week.score >= 0 else zero
        bars.append(
            Bar(
                week,
                round(number * place + place * GAP / 2, 1),
                round(y, 1),
                round(place * (1 - GAP), 1),
                round(height, 1),
                round(number * place + place / 2, 1),
                round(y - 5 if week.score >= 0 else y + height + 12, 1),
            )
        )
    return Chart(bars, round(zero, 1))

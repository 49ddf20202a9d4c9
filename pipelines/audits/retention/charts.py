"""Bars as SVG text, without scripts: readable on paper, in black and white, and by a screen reader."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

WIDTH, ROW, LABELS, NUMBERS = 640, 22, 210, 110  # pixels
COLOURS = {"good": "#0072B2", "warn": "#E69F00", "bad": "#D55E00"}  # Okabe and Ito


class Bar(NamedTuple):
    """One bar.

    Attributes:
        label: At its left.
        value: Its length.
        text: At its right: the number in words.
        tone: `good`, `warn` or `bad`.
    """

    label: str
    value: float
    text: str
    tone: str = "good"


def bars(title: str, rows: Sequence[Bar]) -> Markup:
    """Horizontal bars, the longest as wide as there is room.

    Args:
        title: Told to who cannot see it.
        rows: From top to bottom.

    Returns:
        An SVG element.
    """
    longest = max((row.value for row in rows), default=0) or 1
    room = WIDTH - LABELS - NUMBERS
    drawn = []
    for number, row in enumerate(rows):
        top, wide = number * ROW, max(1.0, room * row.value / longest) if row.value else 0
        drawn.append(
            f'<text x="{LABELS - 8}" y="{top + 15}" text-anchor="end">{escape(row.label)}</text>'
            f'<rect x="{LABELS}" y="{top + 3}" width="{wide:.1f}" height="{ROW - 7}" '
            f'fill="{COLOURS[row.tone]}"/>'
            f'<text x="{LABELS + wide + 6:.1f}" y="{top + 15}">{escape(row.text)}</text>'
        )
    told = "; ".join(f"{row.label}: {row.text}" for row in rows)
    return Markup(  # noqa: S704 - every text in it is escaped
        f'<svg viewBox="0 0 {WIDTH} {max(1, len(rows)) * ROW}" role="img" font-size="12" '
        f'font-family="system-ui, sans-serif"><title>{escape(title)}</title><desc>{escape(told)}</desc>'
        f"{''.join(drawn)}</svg>"
    )

"""Bars and lines as SVG text, without scripts: readable on paper and by a screen reader.

Drawn in microseconds, where a chart by Vega-Lite takes a fifth of a second: for pages by the hundred.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

WIDTH, ROW, LABELS, NUMBERS = 480, 22, 176, 112  # pixels; a phone shows two thirds of them
_HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 200, 60, 12, 10, 26  # of a line
_DOTTED = 12  # points: more dots than these are a caterpillar
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


class Point(NamedTuple):
    """A moment of a line: a week, or a run.

    Attributes:
        label: Its name, such as `2026-W06`.
        value: Where it is; None where nothing is known.
        closed: Whether it is a week without school.
    """

    label: str
    value: float | None
    closed: bool = False


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


def line(title: str, points: Sequence[Point], *, percent: bool = False, decimals: int = 0) -> Markup:
    """A line over weeks or runs; one without a value is a gap, a week without school a grey band.

    Args:
        title: Told to who cannot see it.
        points: In the order of time.
        percent: Whether values are shares (0 to 1), of an axis from the lowest to 100 %.
        decimals: Of a value that is no share.

    Returns:
        An SVG element.
    """
    known = [point.value for point in points if point.value is not None]
    low = min([*known, 1.0 if percent else 0.0])
    high = 1.0 if percent else max([*known, 1.0])
    form = "{:.0%}" if percent else f"{{:,.{decimals}f}}"
    place = (WIDTH - _LEFT - _RIGHT) / max(len(points) - 1, 1)
    scale = (_HEIGHT - _TOP - _BOTTOM) / ((high - low) or 1)

    def at(number: int, value: float) -> str:
        return f"{_LEFT + number * place:.1f},{_HEIGHT - _BOTTOM - (value - low) * scale:.1f}"

    drawn = [
        f'<rect x="{_LEFT + number * place - place / 2:.1f}" y="{_TOP}" width="{place:.1f}" '
        f'height="{_HEIGHT - _TOP - _BOTTOM}" fill="#e4e8ec"/>'
        for number, point in enumerate(points)
        if point.closed
    ]
    for value in (low, high):
        y = at(0, value).split(",")[1]
        drawn.append(
            f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y}" y2="{y}" stroke="#d9dee3"/>'
            f'<text x="{_LEFT - 6}" y="{float(y) + 4:.1f}" text-anchor="end">{form.format(value)}</text>'
        )
    for number in sorted({0, len(points) // 2, len(points) - 1}) if points else ():
        x = _LEFT + number * place
        anchor = "start" if number == 0 else "end" if number == len(points) - 1 else "middle"
        label = escape(points[number].label)
        drawn.append(f'<text x="{x:.1f}" y="{_HEIGHT - 6}" text-anchor="{anchor}">{label}</text>')
    for piece in _pieces(points):
        path = " ".join(at(number, value) for number, value in piece)
        drawn.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS["good"]}" stroke-width="2"/>')
        if len(piece) == 1 or len(points) <= _DOTTED:
            drawn += [
                f'<circle cx="{xy[0]}" cy="{xy[1]}" r="3" fill="{COLOURS["good"]}"/>'
                for xy in (at(number, value).split(",") for number, value in piece)
            ]
    told = "; ".join(
        f"{point.label}: {'–' if point.value is None else form.format(point.value)}" for point in points
    )
    return Markup(  # noqa: S704 - every text in it is escaped
        f'<svg viewBox="0 0 {WIDTH} {_HEIGHT}" role="img" font-size="12" '
        f'font-family="system-ui, sans-serif"><title>{escape(title)}</title><desc>{escape(told)}</desc>'
        f"{''.join(drawn)}</svg>"
    )


def _pieces(points: Sequence[Point]) -> list[list[tuple[int, float]]]:
    """The stretches without a gap."""
    pieces: list[list[tuple[int, float]]] = [[]]
    for number, point in enumerate(points):
        if point.value is None:
            pieces.append([])
        else:
            pieces[-1].append((number, point.value))
    return [piece for piece in pieces if piece]

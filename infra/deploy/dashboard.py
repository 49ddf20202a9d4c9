"""The dashboard as a picture: its own definition, drawn over figures that are made up.

An account is needed to see the real one. The picture shows what stands where and which lines are alarms.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from infra.local.children import REPOSITORY
from infra.local.templates import read_template

TEMPLATE = REPOSITORY / "infra" / "dashboard.yaml"
PICTURE = REPOSITORY / "docs" / "dashboard.svg"
COLUMN, ROW = 40, 30  # pixels of a unit of the dashboard's grid
_COLOURS = ("#1f5fa8", "#b4511b", "#2f7d4f", "#7a3f9d")
_STEPS = 96  # of fifteen minutes: a day


def definition() -> dict[str, Any]:
    """The dashboard's body, with names in the place of what only an account knows."""
    text, _ = read_template(TEMPLATE).resources["Dashboard"].properties["DashboardBody"]["Fn::Sub"]
    found: dict[str, Any] = json.loads(re.sub(r"\$\{([^}]+)\}", r"\1", text))
    return found


def picture(dashboard: Mapping[str, Any]) -> str:
    """The dashboard as SVG."""
    widgets = dashboard["widgets"]
    width = COLUMN * max(each["x"] + each["width"] for each in widgets)
    height = ROW * max(each["y"] + each["height"] for each in widgets) + 24
    drawn = [line for each in widgets for line in _widget(each)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
            'font-family="system-ui, sans-serif" font-size="11">',
            "<title>The dashboard luca, drawn from its definition with made-up figures</title>",
            f'<rect width="{width}" height="{height}" fill="#f4f5f7"/>',
            *drawn,
            f'<text x="8" y="{height - 8}" fill="#555">Drawn from infra/dashboard.yaml; the figures are '
            "made up. Dashed: an alarm's threshold.</text>",
            "</svg>\n",
        ]
    )


def _widget(widget: Mapping[str, Any]) -> Iterator[str]:
    said = widget["properties"]
    x, y = widget["x"] * COLUMN + 6, widget["y"] * ROW + 6
    width, height = widget["width"] * COLUMN - 12, widget["height"] * ROW - 12
    yield f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="4" fill="#fff" stroke="#d5d8dd"/>'
    yield f'<text x="{x + 10}" y="{y + 18}" font-weight="600" fill="#222">{escape(said["title"])}</text>'
    lines = said.get("annotations", {}).get("horizontal", [])
    top: float = max([each["value"] for each in lines], default=100.0) * 1.2
    left, right, floor, ceiling = x + 10, x + width - 10, y + height - 12 - 14 * len(said["metrics"]), y + 28

    def at(value: float) -> float:
        return float(floor - (floor - ceiling) * value / top)

    yield f'<path d="M{left} {floor}H{right}" stroke="#999"/>'
    for each in lines:
        level = at(each["value"])
        yield f'<path d="M{left} {level:.1f}H{right}" stroke="#c0392b" stroke-dasharray="5 4"/>'
        label = escape(f"{each['label']} ({each['value']:g})")
        yield f'<text x="{right}" y="{level - 4:.1f}" text-anchor="end" fill="#c0392b">{label}</text>'
    for number, metric in enumerate(said["metrics"]):
        colour = _COLOURS[number % len(_COLOURS)]
        share = (0.55 if lines else 0.8) / (1 + 2 * number)
        points = " ".join(
            f"{left + (right - left) * step / (_STEPS - 1):.1f},{at(top * share * _school_day(step)):.1f}"
            for step in range(_STEPS)
        )
        yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        name = escape(f"{metric[0]} {metric[1]}, {metric[3]}")
        yield f'<text x="{left}" y="{floor + 14 + 14 * number}" fill="{colour}">{name}</text>'


def _school_day(step: int) -> float:
    """Between 0 and 1: a morning from seven to twelve, with a pause at ten."""
    hour = 24 * step / _STEPS
    morning = math.exp(-(((hour - 9.5) / 1.6) ** 2))
    return 0.03 + 0.97 * morning * (0.75 if 10 <= hour < 10.5 else 1.0)

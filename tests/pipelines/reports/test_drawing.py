from __future__ import annotations

import re

from pipelines.reports.drawing import Bar, Point, bars, line


def test_a_gap_parts_the_line_and_a_closed_week_is_a_band():
    drawn = line(
        "Points", [Point("W1", 1.0), Point("W2", 2.0), Point("W3", None, closed=True), Point("W4", 3.0)]
    )

    assert [len(each.split()) for each in re.findall(r'polyline points="([^"]+)"', drawn)] == [2, 1]
    assert drawn.count('fill="#e4e8ec"') == 1
    assert "W3: –" in drawn


def test_higher_values_stand_higher_within_the_frame():
    drawn = line("Rate", [Point("W1", 0.5), Point("W2", 0.75), Point("W3", 1.0)], percent=True)

    heights = [float(pair.split(",")[1]) for pair in re.findall(r'points="([^"]+)"', drawn)[0].split()]
    assert heights == sorted(heights, reverse=True)
    assert heights[0] - heights[1] == heights[1] - heights[2]
    assert "100%" in drawn
    assert "50%" in drawn


def test_no_week_and_no_value_draw_nothing_and_break_nothing():
    assert "polyline" not in line("Points", [])
    assert "polyline" not in line("Points", [Point("W1", None)])


def test_labels_are_text():
    assert "<b>" not in line("<b>", [Point("<b>", 1.0)])
    assert "<b>" not in bars("<b>", [Bar("<b>", 1.0, "<b>")])

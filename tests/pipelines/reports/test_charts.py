from __future__ import annotations

import re
from datetime import date, timedelta
from xml.etree import ElementTree

import pandas as pd
import pytest

from pipelines.reports import charts
from pipelines.reports.words import Language

MONDAY = date(2026, 2, 2)


def weeks(schools: int = 3, count: int = 3) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "school_id": f"school_{school}",
                "week_start": MONDAY + timedelta(weeks=week),
                "event_count": 100 * school + week,
                "attendance_rate": None if week == 1 else 0.9,
                "falling_student_count": 1,
                "steady_student_count": 20,
                "rising_student_count": school,
            }
            for school in range(1, schools + 1)
            for week in range(count)
        ]
    )


def texts(svg: str) -> set[str]:
    return {
        element.text or "" for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("text")
    }


@pytest.mark.parametrize("count", [1, 3, 90])
def test_lines_name_every_school_and_the_axis(count: int) -> None:
    drawn = texts(charts.events_by_week(weeks(count=count)))
    assert {"school_1", "school_2", "school_3", "Events in the week"} <= drawn


def test_only_as_many_schools_are_drawn_as_can_be_told_apart() -> None:
    drawn = texts(charts.events_by_week(weeks(schools=30)))
    assert sum(text.startswith("school_") for text in drawn) == charts.MOST_LINES
    assert "school_30" in drawn
    assert "school_1" not in drawn


def test_weeks_without_attendance_are_no_zeros() -> None:
    drawn = texts(charts.attendance_by_week(weeks()))
    assert "0%" not in drawn


def test_bars_tell_rising_from_falling() -> None:
    drawn = texts(charts.trends_of_last_week(weeks()))
    assert {"falling", "steady", "rising"} <= drawn


def test_the_heat_map_has_the_days_in_their_order() -> None:
    hours = pd.DataFrame({"weekday": [1, 3, 5], "hour": [7, 8, 9], "event_count": [5, 6, 7]})
    drawn = texts(charts.hours_of_the_week(hours))
    assert {"Mon", "Wed", "Fri", "7", "8", "9"} <= drawn


def test_who_cannot_see_a_chart_is_told_its_name_and_its_numbers_alone() -> None:
    svg = charts.trends_of_last_week(weeks(schools=2), Language.ES)
    assert re.findall(r"<title>(.*?)</title><desc>(.*?)</desc>", svg) == [
        (
            "Quién sube, quién baja",
            "school_1 bajan 1; school_2 bajan 1; school_1 estables 20; school_2 estables 20; "
            "school_1 suben 1; school_2 suben 2",
        )
    ]
    assert svg.startswith('<svg role="img" ')
    assert "aria-" not in svg


@pytest.mark.parametrize(("language", "month"), [(Language.EN, "02 Feb"), (Language.ES, "02 feb")])
def test_months_are_written_as_the_language_writes_them(language: Language, month: str) -> None:
    assert month in texts(charts.events_by_week(weeks(), language))

"""The marts, computed anew from their definition: week by week, in pandas and exact fractions.

Nothing of the SQL is repeated here, so that the two can only agree by being right.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pandas as pd

from transforms.calendar import iso_week, week_start
from transforms.events import EVENT_TYPES, STATUSES

WEEK = timedelta(weeks=1)
SILENT_WEEKS_LIMIT = 26
Event = Mapping[str, Any]


def weekly_student_behavior(events: Iterable[Event]) -> pd.DataFrame:
    """Rows sorted by school, student and week; columns in the mart's order."""
    schools: dict[str, dict[str, dict[date, list[Event]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for event in events:
        schools[event["school_id"]][event["student_key"]][week_start(event["local_date"])].append(event)
    rows = []
    for school_id, students in schools.items():
        open_weeks = {week for weeks in students.values() for week in weeks}
        for student_key, weeks in students.items():
            walked = _walk(weeks, max(open_weeks))
            rows += [_row(school_id, student_key, week, walked, open_weeks) for week in walked]
    frame = pd.DataFrame(rows).sort_values(["school_id", "student_key", "week_start"], ignore_index=True)
    return frame.astype({"points_change": "Int64", "attendance_rate": "float64"})


def weekly_school_behavior(students: pd.DataFrame) -> pd.DataFrame:
    """The schools' mart, of the students' one; sorted by school and week."""
    groups = students.groupby(["school_id", "week_start", "iso_week"], sort=True)
    counts = ["event_count", *(f"{name}_count" for name in (*EVENT_TYPES, *STATUSES)), "points"]
    frame = groups[counts].sum()
    frame.insert(0, "student_count", groups.size())
    frame.insert(1, "active_student_count", groups["event_count"].agg(lambda n: int((n > 0).sum())))
    frame["attendance_rate"] = groups["attendance_rate"].mean()
    for trend in ("rising", "steady", "falling"):
        frame[f"{trend}_student_count"] = groups["trend"].agg(lambda t, trend=trend: int((t == trend).sum()))
    frame = frame.reset_index()
    return frame[[name for name in frame if name != "iso_week"] + ["iso_week"]]


def _walk(weeks: Mapping[date, list[Event]], last: date) -> dict[date, dict[str, Any]]:
    """From the student's first week to the school's last: what stands in each week that has a row."""
    walked: dict[date, dict[str, Any]] = {}
    week = min(weeks)
    while week <= last:
        events = weeks.get(week, [])
        before = walked.get(week - WEEK)
        if events:
            newest = max(events, key=lambda event: (event["received_at"], event["graduation_year"]))
            walked[week] = {"cohort": newest["graduation_year"], "silent": 0, "events": events}
        elif (
            before
            and before["silent"] < SILENT_WEEKS_LIMIT
            and before["cohort"] in (0, *range(week.year, 9999))
        ):
            walked[week] = {"cohort": before["cohort"], "silent": before["silent"] + 1, "events": []}
        week += WEEK
    for found in walked.values():
        found["points"] = sum(event["points"] for event in found["events"])
    return walked


def _row(
    school_id: str, student_key: str, week: date, walked: Mapping[date, Any], open_weeks: set[date]
) -> dict[str, Any]:
    this = walked[week]
    events = this["events"]
    types = [event["event_type"] for event in events]
    statuses = [event["status"] for event in events]
    counted = len([status for status in statuses if status in ("present", "late", "absent")])
    attended = statuses.count("present") + statuses.count("late")
    before = walked.get(week - WEEK)
    four = [walked[week - i * WEEK]["points"] for i in range(4) if week - i * WEEK in walked]
    return {
        "school_id": school_id,
        "student_key": student_key,
        "week_start": week,
        "event_count": len(events),
        **{f"{name}_count": types.count(name) for name in EVENT_TYPES},
        **{f"{name}_count": statuses.count(name) for name in STATUSES},
        "attendance_rate": attended / counted if counted else None,
        "points": this["points"],
        "points_change": this["points"] - before["points"] if before else None,
        "points_moving_avg_4w": sum(four) / len(four),
        "trend": _trend(week, walked, open_weeks),
        "silent_weeks": this["silent"],
        "last_received_at": max((event["received_at"] for event in events), default=pd.NaT),
        "graduation_year": this["cohort"],
        "iso_week": iso_week(week),
    }


def _trend(week: date, walked: Mapping[date, Any], open_weeks: set[date]) -> str:
    earlier = [week - i * WEEK for i in range(1, 5)]
    base = [walked[day]["points"] for day in earlier if day in walked and day in open_weeks]
    if week not in open_weeks or not base:
        return "steady"
    mean = Fraction(sum(base), len(base))
    band = max(Fraction(3), abs(mean) / 5)
    change = walked[week]["points"] - mean
    return "rising" if change > band else "falling" if change < -band else "steady"

"""The marts, computed anew from their definition: week by week, in pandas and exact fractions.

Nothing of the SQL is repeated here, so that the two can only agree by being right.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import combinations
from statistics import median
from typing import Any

import pandas as pd

from transforms.calendar import iso_week, week_start
from transforms.events import EVENT_TYPES, STATUSES

WEEK = timedelta(weeks=1)
SILENT_WEEKS_LIMIT = 26
LOOK_BACK_WEEKS = 4
Event = Mapping[str, Any]


def weekly_student_behavior(events: Iterable[Event]) -> pd.DataFrame:
    """Rows sorted by school, student and week; columns in the mart's order."""
    schools: dict[str, dict[str, dict[date, list[Event]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for event in events:
        schools[event["school_id"]][event["student_key"]][week_start(event["local_date"])].append(event)
    rows = []
    newest = max(week for students in schools.values() for weeks in students.values() for week in weeks)
    for school_id, students in schools.items():
        open_weeks: dict[date, datetime] = {}
        for weeks in students.values():
            for week, sent in weeks.items():
                open_weeks[week] = max(
                    [*(event["received_at"] for event in sent), open_weeks.get(week, sent[0]["received_at"])]
                )
        for student_key, weeks in students.items():
            walked = _walk(weeks, max(open_weeks))
            rows += [
                _row(school_id, student_key, week, walked, open_weeks)
                | {"is_final": newest - week >= LOOK_BACK_WEEKS * WEEK}
                for week in walked
            ]
    frame = pd.DataFrame(rows).sort_values(["school_id", "student_key", "week_start"], ignore_index=True)
    return frame.astype({"points_change": "Int64", "attendance_rate": "float64"})


def weekly_school_behavior(students: pd.DataFrame) -> pd.DataFrame:
    """The schools' mart, of the students' one; sorted by school and week."""
    return _summed(students, ["school_id", "week_start", "iso_week"])


def weekly_cohort_behavior(students: pd.DataFrame) -> pd.DataFrame:
    """The cohorts' mart, of the students' one; sorted by school, week and cohort."""
    return _summed(students, ["school_id", "week_start", "graduation_year", "iso_week"])


def _summed(students: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    groups = students.groupby(by, sort=True)
    counts = ["event_count", *(f"{name}_count" for name in (*EVENT_TYPES, *STATUSES))]
    frame = groups[[*counts, "positive_conduct_count", "negative_conduct_count", "points"]].sum()
    frame.insert(0, "student_count", groups.size())
    frame.insert(1, "active_student_count", groups["event_count"].agg(lambda n: int((n > 0).sum())))
    frame["attendance_rate"] = groups["attendance_rate"].mean()
    for trend in ("rising", "steady", "falling"):
        frame[f"{trend}_student_count"] = groups["trend"].agg(lambda t, trend=trend: int((t == trend).sum()))
    frame["as_of"] = groups["as_of"].max()
    frame["is_final"] = groups["is_final"].all()
    frame["row_count"] = groups["row_count"].sum()
    frame["first_load_id"] = groups["first_load_id"].agg(lambda ids: min(ids.dropna(), default=None))
    frame["last_load_id"] = groups["last_load_id"].agg(lambda ids: max(ids.dropna(), default=None))
    frame = frame.reset_index()
    path = [name for name in ("graduation_year", "iso_week") if name in by]
    return frame[[name for name in frame if name not in path] + path]


def weekly_class_behavior(events: Iterable[Event]) -> pd.DataFrame:
    """Of the classes' mart what tells it apart: who, when, and how much; sorted by all but the last three."""
    found: dict[tuple[Any, ...], list[Event]] = defaultdict(list)
    for event in events:
        week = iso_week(week_start(event["local_date"]))
        found[event["school_id"], event["class_id"], event["subject"], week].append(event)
    rows = [
        (
            *key,
            len({event["student_key"] for event in group}),
            len(group),
            sum(event["points"] for event in group),
        )
        for key, group in found.items()
    ]
    names = ["school_id", "class_id", "subject", "iso_week", "active_student_count", "event_count", "points"]
    return pd.DataFrame(rows, columns=names).sort_values(names[:4], ignore_index=True)


def weekly_student_trends(students: pd.DataFrame) -> pd.DataFrame:
    """The trends' mart, of the students' one, week by week; sorted by school, student and week."""
    rows = []
    for _, history in students.groupby(["school_id", "student_key"], sort=False):
        weeks = {row["week_start"]: row for row in history.to_dict("records")}
        rows += [_trends_of(week, weeks) for week in weeks]
    return pd.DataFrame(rows).sort_values(["school_id", "student_key", "week_start"], ignore_index=True)


def _trends_of(week: date, weeks: Mapping[date, Mapping[str, Any]]) -> dict[str, Any]:
    this = weeks[week]
    eight = [weeks[week - i * WEEK] for i in range(8) if week - i * WEEK in weeks]  # newest first
    school = [row for row in eight if row["is_school_week"]]
    four = school[:4] if this["is_school_week"] else []

    def total(rows: list[Mapping[str, Any]], *names: str) -> int:
        return sum(int(row[name]) for row in rows for name in names)

    def of_four(name: str) -> int | None:
        return total(four, name) if four else None

    def share(part: int, whole: int) -> float | None:
        return part / whole if whole else None

    attendance = [row for row in eight if row["absent_count"] or row["present_count"] or row["late_count"]]
    missed = [bool(row["absent_count"]) for row in attendance]
    streak = next((i for i, each in enumerate(missed) if each != missed[0]), len(missed))
    silent = next((i for i, row in enumerate(eight) if row["event_count"]), len(eight))
    loads = [row for row in eight if row["row_count"]]
    return {
        **{name: this[name] for name in ("student_key", "week_start", "is_school_week")},
        "school_weeks_8w": len(school),
        "points": this["points"],
        "points_change": this["points_change"],
        **_theil_sen("points", four),
        **_theil_sen("attendance_rate", four),
        "attendance_rate_4w": share(
            total(four, "present_count", "late_count"),
            total(four, "present_count", "late_count", "absent_count"),
        ),
        "attendance_count_8w": total(eight, "attendance_count"),
        "absence_rate_8w": share(
            total(eight, "absent_count", "excused_count"), total(eight, "attendance_count")
        ),
        "absence_streak_weeks": streak if missed and missed[0] else 0,
        "attendance_streak_weeks": streak if missed and not missed[0] else 0,
        "participation_count_4w": of_four("participation_count"),
        "homework_count_4w": of_four("assignment_submitted_count"),
        "homework_count_8w": total(eight, "assignment_submitted_count"),
        "positive_conduct_count_4w": of_four("positive_conduct_count"),
        "negative_conduct_count_4w": of_four("negative_conduct_count"),
        "silent_school_weeks": sum(row["is_school_week"] for row in eight[:silent]),
        "as_of": max((row["as_of"] for row in school), default=pd.NaT),
        "is_final": this["is_final"],
        "row_count": total(eight, "row_count"),
        "first_load_id": min((row["first_load_id"] for row in loads), default=None),
        "last_load_id": max((row["last_load_id"] for row in loads), default=None),
        "graduation_year": this["graduation_year"],
        "iso_week": this["iso_week"],
        "school_id": this["school_id"],
    }


def _theil_sen(name: str, rows: list[Mapping[str, Any]]) -> dict[str, float | int | None]:
    points = [(row["week_start"], row[name]) for row in rows if pd.notna(row[name])]
    slopes = [
        (y - other_y) / ((x - other_x) / WEEK) for (x, y), (other_x, other_y) in combinations(points, 2)
    ]
    told = len(points) >= 3
    return {
        f"{name}_slope_4w": median(slopes) if told else None,
        f"{name}_slope_low_4w": min(slopes) if told else None,
        f"{name}_slope_high_4w": max(slopes) if told else None,
        f"{name}_slope_weeks": len(points) if told else None,
    }


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
    school_id: str,
    student_key: str,
    week: date,
    walked: Mapping[date, Any],
    open_weeks: Mapping[date, datetime],
) -> dict[str, Any]:
    this = walked[week]
    events = this["events"]
    types = [event["event_type"] for event in events]
    statuses = [event["status"] for event in events]
    counted = len([status for status in statuses if status in ("present", "late", "absent")])
    attended = statuses.count("present") + statuses.count("late")
    polarities = [event["polarity"] for event in events]
    loads = [event["load_id"] for event in events]
    before = walked.get(week - WEEK)
    four = [walked[week - i * WEEK]["points"] for i in range(4) if week - i * WEEK in walked]
    return {
        "student_key": student_key,
        "week_start": week,
        "event_count": len(events),
        **{f"{name}_count": types.count(name) for name in EVENT_TYPES},
        **{f"{name}_count": statuses.count(name) for name in STATUSES},
        "positive_conduct_count": polarities.count("positive"),
        "negative_conduct_count": polarities.count("negative"),
        "attendance_rate": attended / counted if counted else None,
        "points": this["points"],
        "points_change": this["points"] - before["points"] if before else None,
        "points_moving_avg_4w": sum(four) / len(four),
        "trend": _trend(week, walked, open_weeks),
        "silent_weeks": this["silent"],
        "is_school_week": week in open_weeks,
        "last_received_at": max((event["received_at"] for event in events), default=pd.NaT),
        "as_of": open_weeks.get(week, pd.NaT),
        "is_final": None,
        "row_count": len(events),
        "first_load_id": min(loads, default=None),
        "last_load_id": max(loads, default=None),
        "graduation_year": this["cohort"],
        "iso_week": iso_week(week),
        "school_id": school_id,
    }


def _trend(week: date, walked: Mapping[date, Any], open_weeks: Mapping[date, datetime]) -> str:
    earlier = [week - i * WEEK for i in range(1, 5)]
    base = [walked[day]["points"] for day in earlier if day in walked and day in open_weeks]
    if week not in open_weeks or not base:
        return "steady"
    mean = Fraction(sum(base), len(base))
    band = max(Fraction(3), abs(mean) / 5)
    change = walked[week]["points"] - mean
    return "rising" if change > band else "falling" if change < -band else "steady"

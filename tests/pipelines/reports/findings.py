"""What Athena says of a school, made up: ten weeks, one without school, three classes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pandas as pd

from pipelines.reports.schools import Findings
from transforms.events import EVENT_TYPES

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
MONDAY = date(2026, 1, 5)


def weeks(school_id: str = "school_1", count: int = 10) -> pd.DataFrame:
    """Weeks of `weekly_school_behavior`; the third is without school and without attendance."""
    rows = []
    for number in range(count):
        monday = MONDAY + timedelta(weeks=number)
        year, week, _ = monday.isocalendar()
        closed = number == 2
        rows.append(
            {
                "school_id": school_id,
                "iso_week": f"{year}-W{week:02d}",
                "student_count": 40,
                "event_count": 0 if closed else 1_200 + number,
                "points": 0 if closed else 1_000 + 10 * number,
                "attendance_rate": None if closed else 0.9 + number / 1_000,
                "rising_student_count": 12,
                "steady_student_count": 20,
                "falling_student_count": 8,
                "as_of": pd.Timestamp("2026-03-09 18:30:00"),
                "is_final": False,
                "is_school_week": not closed,
                **{f"{kind}_count": 100 + place for place, kind in enumerate(EVENT_TYPES)},
            }
        )
    return pd.DataFrame(rows)


def of_a_school(school_id: str = "school_1") -> Findings:
    """Everything that its page shows, with a class without subject and a rule that nobody met aside."""
    last = weeks(school_id)["iso_week"].iloc[-1]
    counts = {"absent_count": 1, "late_count": 2, "positive_conduct_count": 3, "negative_conduct_count": 0}
    classes = [
        {"class_id": "3A", "subject": "arte", "active_student_count": 12, "event_count": 31, "points": 44},
        {"class_id": "3B", "subject": None, "active_student_count": 9, "event_count": 27, "points": -3},
        {"class_id": None, "subject": "a<b>", "active_student_count": 1, "event_count": 1, "points": 1},
    ]
    rates = (None, 0.95, None)
    loads = {
        "school_id": school_id,
        "table_name": "behavior_events",
        "loads": 3,
        "landed": 5_000,
        "duplicate": 40,
        "quarantined": 60,
        "published": 4_900,
        "last_published_at": pd.Timestamp("2026-03-09 23:05:00"),
        "broken": "class_code, cohort_known",
    }
    return Findings(
        weeks(school_id),
        pd.DataFrame(
            [
                {"school_id": school_id, "iso_week": last, "attendance_rate": rate, **each, **counts}
                for each, rate in zip(classes, rates, strict=True)
            ]
        ),
        pd.DataFrame([{"school_id": school_id, "rule": "silent", "why": "Three weeks", "student_count": 7}]),
        pd.DataFrame([loads]),
        pd.DataFrame(
            [
                {"school_id": school_id, "table_name": table, "graduation_year": year, "row_count": rows}
                for table, year, rows in (
                    ("behavior_events", 2029, 4_000),
                    ("academic_changes", 2029, 77),
                    ("behavior_events", 0, 900),
                )
            ]
        ),
    )

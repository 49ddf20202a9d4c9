"""The reports of 200 schools, a year of weeks each, in both languages.

Floor: writing files of the same bytes. Peer: the two lines of each page drawn by Vega-Lite, as the
platform's own report has them, for a tenth of the schools.
"""

from __future__ import annotations

import random
import resource
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd

from bench.outcome import Goal, Measure, publish
from pipelines.reports import charts
from pipelines.reports.schools import Findings, write_pages
from transforms.events import EVENT_TYPES

SCHOOLS, WEEKS, CLASSES = 200, 52, 60
PEERS = SCHOOLS // 10


def invented() -> Findings:
    """What Athena would say."""
    chance = random.Random(7)
    mondays = [date(2025, 1, 6) + timedelta(weeks=number) for number in range(WEEKS)]
    names = [f"school_{number}" for number in range(SCHOOLS)]
    weeks = [
        {
            "school_id": school,
            "iso_week": "{}-W{:02d}".format(*monday.isocalendar()),
            "week_start": monday,
            "student_count": 400,
            "event_count": chance.randrange(9_000, 12_000),
            "points": chance.randrange(8_000, 11_000),
            "attendance_rate": 0.9 + chance.random() / 10,
            **{f"{trend}_student_count": chance.randrange(100) for trend in ("rising", "steady", "falling")},
            "as_of": pd.Timestamp("2026-01-05 10:00:00"),
            "is_final": False,
            "is_school_week": chance.random() > 0.1,
            **{f"{kind}_count": chance.randrange(2_000) for kind in EVENT_TYPES},
        }
        for school in names
        for monday in mondays
    ]
    counts = ("active_student_count", "event_count", "points", "absent_count", "late_count")
    conducts = ("positive_conduct_count", "negative_conduct_count")
    classes = [
        {
            "school_id": school,
            "class_id": f"{number // 6}A",
            "subject": f"subject_{number % 6}",
            "iso_week": weeks[-1]["iso_week"],
            "attendance_rate": 0.95,
            **{name: chance.randrange(40) for name in (*counts, *conducts)},
        }
        for school in names
        for number in range(CLASSES)
    ]
    rules = [{"school_id": school, "rule": "silent", "why": "why", "student_count": 3} for school in names]
    loads = {"loads": 600, "landed": 9, "duplicate": 0, "quarantined": 0, "published": 9, "broken": ""}
    tables = ("behavior_events", "academic_changes")
    return Findings(
        pd.DataFrame(weeks),
        pd.DataFrame(classes),
        pd.DataFrame(rules),
        pd.DataFrame(
            {
                "school_id": school,
                "table_name": table,
                "last_published_at": pd.Timestamp("2026-01-05"),
                **loads,
            }
            for school in names
            for table in tables
        ),
        pd.DataFrame(
            {"school_id": school, "table_name": table, "graduation_year": year, "row_count": 10_000}
            for school in names
            for table in tables
            for year in range(2026, 2038)
        ),
    )


def main() -> None:
    found, now = invented(), datetime(2026, 1, 5, 12, tzinfo=UTC)
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        pages = write_pages(Path(folder), found, written_at=now)
        ours = time.perf_counter() - started
        texts = [page.read_bytes() for page in pages]
        started = time.perf_counter()
        for page, text in zip(pages, texts, strict=True):
            page.write_bytes(text)
        floor = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    by_school = [weeks for _, weeks in found.weeks.groupby("school_id")][:PEERS]
    charts.events_by_week(by_school[0])  # the first one starts Vega-Lite
    started = time.perf_counter()
    for weeks in by_school:
        charts.events_by_week(weeks)
        charts.attendance_by_week(weeks)
    peer = (time.perf_counter() - started) * SCHOOLS / PEERS
    publish(
        "reports",
        given=f"{SCHOOLS} schools, {WEEKS} weeks, {CLASSES} classes and subjects, {len(pages)} pages",
        measures=[
            Measure("ours", seconds=ours, peak_mb=peak),
            Measure("floor", seconds=floor),
            Measure("peer (its lines alone)", seconds=peer),
        ],
        ratios={"time / floor": ours / floor, "time / peer": ours / peer},
        goals=[Goal(f"{SCHOOLS} schools in 60 s", ours <= 60)],
    )


if __name__ == "__main__":
    main()

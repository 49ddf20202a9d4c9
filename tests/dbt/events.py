"""Invented lake rows: a school year in which everything happens that a week can be about."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from transforms.events import EVENT_TYPES, POLARITIES, STATUSES
from transforms.points import DEFAULT_POINTS

WEEK = timedelta(weeks=1)


def event(
    random: Random, school_id: str, student: str, cohort: int, day: date, *, received: date | None = None
) -> dict[str, Any]:
    """One row of `behavior_events` of a random type, received on that day unless said otherwise."""
    kind = random.choice((*EVENT_TYPES, *["attendance"] * 7))
    status = random.choice(STATUSES) if kind == "attendance" else None
    polarity = random.choice(POLARITIES) if kind == "conduct" else None
    detail = status or polarity
    occurred = datetime.combine(day, time(14)) + timedelta(milliseconds=random.randrange(10**7))
    return {
        "event_id": str(UUID(int=random.getrandbits(128))),
        "school_id": school_id,
        "student_key": hashlib.md5(f"{school_id}/{student}".encode()).hexdigest(),
        "teacher_key": None,
        "pseudonym_version": 1,
        "graduation_year": cohort,
        "event_type": kind,
        "status": status,
        "polarity": polarity,
        "points": DEFAULT_POINTS[f"{kind}.{detail}" if detail else kind] * random.choice((1, 1, 4)),
        "points_version": 1,
        "class_id": random.choice((None, "3A", "3B")),
        "subject": random.choice((None, "matematicas", "historia")),
        "occurred_at": occurred,
        "received_at": datetime.combine(received, time(18)) if received else occurred + timedelta(seconds=2),
        "local_date": day,
        "utc_offset_minutes": -360,
        "contract_version": 1,
        "load_id": f"load-{received or day:%Y%m%d}",
    }


def graded(
    school_id: str, student: str, cohort: int, changed: datetime, local_date: date, score: int
) -> Iterator[dict[str, Any]]:
    """Two rows of `academic_changes`: an evaluation of a student and the grade that came of it."""
    key = hashlib.md5(f"{school_id}/{student}".encode()).hexdigest()
    for kind in ("evaluation", "grade"):
        yield {
            "change_id": f"{kind}-{school_id}-{student}",
            "change_type": kind,
            "operation": "insert",
            "school_id": school_id,
            "student_key": key,
            "pseudonym_version": 1,
            "graduation_year": cohort,
            "subject": "matematicas",
            "period": "Q1",
            "evaluation_key": key if kind == "evaluation" else None,
            "evaluation_type": "exam" if kind == "evaluation" else None,
            "score": Decimal(score),
            "version": 1,
            "changed_at": changed,
            "local_date": local_date,
            "contract_version": 1,
            "load_id": f"load-{changed:%Y%m%d}",
        }


def history(
    random: Random, first: date, weeks: int, *, schools: int, students: int, cohorts: Sequence[int]
) -> list[dict[str, Any]]:
    """Events of so many weeks from a Monday on.

    Students miss weeks, some come late, some leave early or after their first week. The first
    school closes for three weeks in the middle.
    """
    found: list[dict[str, Any]] = []
    spans = ((0, weeks), (weeks // 3, weeks), (0, weeks // 3), (0, weeks), (0, 1))
    for school in range(schools):
        for student in range(students):
            cohort = cohorts[student % len(cohorts)]
            for week in range(*spans[student % len(spans)]):
                closed = school == 0 and weeks // 2 <= week < weeks // 2 + 3
                if not closed and (week == 0 or random.random() < 0.65):
                    found += _week(random, f"school_{school}", str(student), cohort, first + week * WEEK)
    return found


def _week(
    random: Random, school_id: str, student: str, cohort: int, monday: date
) -> Iterator[dict[str, Any]]:
    for _ in range(random.randint(1, 5)):
        yield event(random, school_id, student, cohort, monday + timedelta(days=random.randrange(7)))

"""A class in the middle of its week, and its pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from api.app import Api
from api.pages.site import routes
from transforms.academic_items import Evaluation, Grade
from transforms.grading import grade
from transforms.keys import StudentKey
from transforms.periods import AcademicConfig

CORRELATION = "0b5e2c9c-4c5f-4b8e-9d3a-1f2a3b4c5d6e"
SCORES = (
    ("examen_1", "exam", "85", None),
    ("examen_2", "exam", "80", None),
    ("tarea_1", "homework", "90", "2"),
    ("tarea_2", "homework", "75", None),
    ("prueba_1", "quiz", "70", None),
)
RULES = {
    "periods": [
        {"id": "Q1_2026", "start": "2026-01-15", "end": "2026-04-15"},
        {"id": "Q2_2026", "start": "2026-04-16", "end": "2026-07-15"},
    ],
    "grading_rules": {"*": {"weights": {"exam": "0.7", "homework": "0.2", "quiz": "0.1"}, "min_passing": 60}},
}


@dataclass
class Lessons:
    """What has happened in a classroom so far."""

    classroom: Any
    config: AcademicConfig = field(init=False)

    def __post_init__(self) -> None:
        self.config = AcademicConfig.from_item(self.classroom.school_id, {**RULES, "version": 1})

    def at(self, days: int, hour: int = 9, minute: int = 0) -> datetime:
        """A moment of this week in the school's zone, by days after Monday."""
        local = self.classroom.now.astimezone(ZoneInfo("America/Mexico_City"))
        moment = local - timedelta(days=local.weekday() - days)
        return moment.replace(hour=hour, minute=minute, second=0, microsecond=0)

    def evaluation(self, subject: str, name: str, kind: str, score: str, **changes: Any) -> Evaluation:
        return Evaluation(
            StudentKey(self.classroom.school_id, changes.pop("student_id", "ana")),
            subject,
            "Q1_2026",
            name,
            Decimal(score),
            kind,
            changes.pop("date", date(2026, 1, 20)),
            "teacher_9",
            "2026-02-01T15:00:00.000Z",
            CORRELATION,
            **{"consolidated": True, **changes},
        )

    def consolidate(
        self, subject: str, evaluations: list[Evaluation], student_id: str = "ana", **changes: Any
    ) -> Grade:
        """Writes evaluations and the grade that the nightly job would make of them."""
        rules, period = self.config.rules(subject), self.config.period("Q1_2026")
        assert rules
        assert period
        made = grade(evaluations, rules, period)
        values: dict[str, Any] = {
            "consolidated_score": made.score,
            "evaluations_count": made.evaluations_count,
            "parts": made.parts,
            "passed": made.passed,
            "rules_version": 1,
            "last_calculated": "2026-02-05T08:00:00.000Z",
            "correlation_id": CORRELATION,
            "left_out": made.left_out,
            **changes,
        }
        stored = Grade(StudentKey(self.classroom.school_id, student_id), subject, "Q1_2026", **values)
        self.classroom.platform.put(stored.item(), *(each.item() for each in evaluations))
        return stored

    def grades(self) -> None:
        """Two consolidated subjects, one of them not passing, and one that waits for the night."""
        maths = [
            self.evaluation(
                "matematicas",
                name,
                kind,
                score,
                weight=Decimal(weight) if weight else None,
                date=date(2026, 1, 20 + number),
            )
            for number, (name, kind, score, weight) in enumerate(SCORES)
        ]
        self.consolidate("matematicas", maths)
        self.consolidate("historia", [self.evaluation("historia", "ensayo", "homework", "52.5")])
        self.classroom.platform.put(
            self.evaluation("ciencias", "laboratorio", "exam", "91", consolidated=False).item()
        )

    def week(self) -> None:
        """This week and the ones before it, seen by a busy teacher."""
        event = self.classroom.event
        for day in range(3):
            event("attendance", self.at(day, 8), status="present")
            event("participation", self.at(day, 9, 15), subject="matematicas", teacher_id="teacher_9")
        event("participation", self.at(1, 11), subject="historia")
        event("participation", self.at(2, 11), subject="historia")
        event("attendance", self.at(3, 8, 12), status="late")
        event("conduct", self.at(3, 10), polarity="negative", subject="historia")
        event("assignment_submitted", self.at(2, 18), subject="matematicas")
        for week, times in ((-1, 6), (-2, 3), (-4, 4)):
            for number in range(times):
                event("participation", self.at(7 * week + number % 5, 10, number))
        for number in range(3):
            event("attendance", self.at(-21 + number, 8), status="absent")

    def analysis(self, student_id: str = "ana") -> None:
        """Eight weeks as the lake's marts judge them: one without school, the last one a fall."""
        told = {"as_of": "2026-02-01T23:10:04.000Z", "rules_version": 1}
        weeks = ("2025-W50", "2025-W51", "2025-W52", "2026-W01", "2026-W02", "2026-W03", "2026-W04")
        for number, week in enumerate(weeks):
            figures = {
                "points": 9 + number,
                "points_change": 6 if number else None,
                "trend": "rising" if number % 2 == 0 else "steady",
                "attendance_rate_4w": 0.925 if number > 3 else None,
                "is_school_week": week != "2025-W52",
                "is_final": number < 4,
            }
            self.classroom.judged(student_id, week, events=3, **figures, **told)
        last = {"points": 4, "points_change": -11, "trend": "falling", "attendance_rate_4w": 0.85}
        self.classroom.judged(student_id, "2026-W05", events=1, warnings=["silent"], **last, **told)


@pytest.fixture
def lessons(classroom: Any) -> Lessons:
    """A school of its own whose pages a test fills."""
    return Lessons(classroom)


@pytest.fixture
def pages(platform: Any, classroom: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of the application with its pages, where login for development is allowed."""
    monkeypatch.setenv("LUCA_DEVELOPMENT_LOGIN", "on")
    made = classroom.client_of(Api(pages=routes))
    yield made
    made.close()


@pytest.fixture
def html(pages: Any, classroom: Any) -> Callable[..., str]:
    """Gets a page of the classroom's school, which must be there."""

    def get(target: str, **options: Any) -> str:
        answer = pages.call("GET", target, school=classroom.school_id, **options)
        assert answer.status == 200, answer.body[:500]
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        return str(answer.body.decode())

    return get

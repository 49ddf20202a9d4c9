"""What teachers of invented schools record: periods, rules of their own, and a term's scores."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random

from transforms.academic_items import Evaluation
from transforms.calendar import utc_text, zone
from transforms.periods import ANY_SUBJECT, AcademicConfig, Dates, GradingRules, Missing, Period, Rounding
from transforms.schools import School
from transforms.students import Student

SUBJECTS = ("matematicas", "historia")
TERM = timedelta(weeks=12)
# What each student is marked with in a subject, by type; the last quiz is now and then missing.
MARKED = ("exam_1", "exam_2", "homework_1", "homework_2", "quiz_1", "quiz_2")
MISSING_SHARE = 0.1

_WEIGHTS = {"exam": Decimal("0.7"), "homework": Decimal("0.2"), "quiz": Decimal("0.1")}
_RULES = (
    GradingRules(_WEIGHTS),
    GradingRules(_WEIGHTS, missing=Missing.ZERO, digits=0),
    GradingRules({"exam": Decimal(50), "homework": Decimal(30), "quiz": Decimal(20)}, Decimal(70)),
    GradingRules(_WEIGHTS, digits=2, rounding=Rounding.HALF_EVEN, dates=Dates.WITHIN, grace_days=7),
)


@dataclass(frozen=True)
class InventedGrades:
    """A term of some schools.

    Attributes:
        configs: Periods and rules, one a school; neighbours have different rules.
        evaluations: All pending, first versions.
    """

    configs: Sequence[AcademicConfig]
    evaluations: Sequence[Evaluation]


def invented_grades(
    schools: Sequence[School], students: Sequence[Student], *, today: date, seed: int = 1
) -> InventedGrades:
    """Invents a term that ends today. The same arguments give the same scores.

    Args:
        schools: For their zones.
        students: All of these schools.
        today: The term's last day.
        seed: Other seeds, other scores.
    """
    period = Period(f"T_{today:%Y%m%d}", today - TERM, today)
    configs = [
        AcademicConfig(school.school_id, 1, [period], {ANY_SUBJECT: _RULES[at % len(_RULES)]})
        for at, school in enumerate(schools)
    ]
    zones = {school.school_id: school.time_zone for school in schools}
    random = Random(f"grades {seed}")  # noqa: S311 - repeatable, not secret
    evaluations = [
        evaluation
        for student in students
        for evaluation in _term(student, period, zones[student.key.school_id], random)
    ]
    return InventedGrades(configs, evaluations)


def _term(student: Student, period: Period, time_zone: str, random: Random) -> Iterator[Evaluation]:
    talent = random.gauss(72, 12)
    for subject in SUBJECTS:
        for at, name in enumerate(MARKED):
            if name == MARKED[-1] and random.random() < MISSING_SHARE:
                continue
            day = period.start + TERM * (at + 1) / (len(MARKED) + 1)
            moment = datetime.combine(day, time(13), zone(time_zone))
            yield Evaluation(
                student=student.key,
                subject=subject,
                period=period.id,
                evaluation_id=name,
                score=Decimal(min(200, max(0, round(2 * random.gauss(talent, 8))))) / 2,
                type=name.partition("_")[0],
                date=day,
                teacher_id=f"teacher_{student.key.school_id}_{subject}",
                recorded_at=utc_text(moment),
                correlation_id=str(uuid.UUID(int=random.getrandbits(128), version=4)),
            )

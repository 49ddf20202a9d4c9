"""Everything that a student's profile shows, from one query and the school's cached configuration.

Nothing is calculated here but sums of events that are shown: grades are the nightly job's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from adapters import tenant_table
from adapters.tenancy import Tenant
from adapters.tenant_config import Configurations
from adapters.typed_json import from_typed
from api.contracts import Count, GradePart, PeriodSpan, StudentProfile, SubjectGrade
from api.language import Language, count_this_week
from api.problems import NOT_FOUND, ProblemError
from transforms import calendar, keys, period_calendar
from transforms.academic_items import Grade
from transforms.activity import Activity, Part, activity, week
from transforms.periods import AcademicConfig, Period
from transforms.schools import School
from transforms.students import Student
from transforms.weekly_trends import WEEKS_SHOWN, WeeklyTrend

RECENT = timedelta(days=7)


async def student_profile(
    tenant: Tenant,
    configurations: Configurations,
    student_id: str,
    *,
    now: datetime,
    language: Language = Language.ES,
    period_id: str | None = None,
) -> StudentProfile:
    """Assembles a profile: one query, and the configuration once a minute.

    Args:
        tenant: The school.
        configurations: Of schools.
        student_id: Whose.
        now: Aware; decides today, the week and what has expired.
        language: Of the counts.
        period_id: The period whose grades are shown; None: the current one.

    Raises:
        ProblemError: The school has no configuration, or nobody of that id, or no such period.
        StoreError: The store does not give what is needed.
    """
    school, academic = await asyncio.gather(
        configured_school(tenant, configurations), configurations.academic(tenant)
    )
    today, _ = calendar.local(now, school.time_zone)
    period = _period(academic, period_id, today)
    since = min(calendar.week_start(today), today - RECENT + timedelta(days=1))
    items = await tenant_table.profile_items(tenant, student_id, since)
    if not items:
        raise ProblemError(NOT_FOUND, "the school has no student of this id")
    student, grades, activities, trends = _sorted(items, period, now.timestamp())
    this_week = week(activities, calendar.week_start(today))
    # By moment, not by local date: a zone that changed must not hide an event.
    recent = calendar.utc_text(now - RECENT)
    return StudentProfile(
        student_id=student_id,
        given_name=student.given_name if student else None,
        family_name=student.family_name if student else None,
        class_id=student.class_id if student else None,
        graduation_year=student.graduation_year if student else None,
        time_zone=school.time_zone,
        today=today,
        period=PeriodSpan(id=period.id, start=period.start, end=period.end) if period else None,
        periods=[each.id for each in academic.periods] if academic else [],
        grades=[_subject_grade(grade, academic) for grade in grades],
        week=this_week,
        counts=counts(this_week.parts, this_week.iso_week, student_id, language),
        recent_activity=[each for each in reversed(activities) if each.occurred_at >= recent],
        trends=trends,
    )


async def configured_school(tenant: Tenant, configurations: Configurations) -> School:
    """The school's configuration.

    Raises:
        ProblemError: There is none: the platform does not know the school.
    """
    school = await configurations.school(tenant)
    if school is None:
        raise ProblemError(
            NOT_FOUND, "the school of the token is not on the platform: an operator creates it"
        )
    return school


def counts(parts: Iterable[Part], iso_week: str, student_id: str, language: Language) -> list[Count]:
    """A week's parts by outcome, in words, each with the path of the events behind it."""
    sums: dict[str, tuple[int, int]] = {}
    for part in parts:
        count, points = sums.get(part.outcome, (0, 0))
        sums[part.outcome] = (count + part.count, points + part.points)
    return [
        Count(
            outcome=outcome,
            count=count,
            points=points,
            text=count_this_week(count, outcome, language),
            activity=f"/profile/{student_id}/activity?week={iso_week}&type={outcome}",
        )
        for outcome, (count, points) in sums.items()
    ]


def alive(item: Mapping[str, Any], now: float) -> bool:
    """Whether an item has not expired; the store removes expired ones within two days or so.

    Args:
        item: In typed JSON.
        now: Seconds since 1970.
    """
    expires = item.get("expires_at")
    return expires is None or int(expires["N"]) > now


def _period(academic: AcademicConfig | None, period_id: str | None, today: date) -> Period | None:
    if period_id is None:
        return period_calendar.current(academic, today) if academic else None
    found = academic.period(period_id) if academic else None
    if found is None:
        raise ProblemError(NOT_FOUND, f"the school has no period {period_id!r}: see GET /config/periods")
    return found


def _sorted(
    items: Iterable[tenant_table.TypedItem], period: Period | None, now: float
) -> tuple[Student | None, list[Grade], list[Activity], list[WeeklyTrend]]:
    """The items by what they are; of grades and trends only what is shown is read at all."""
    student: Student | None = None
    grades: list[Grade] = []
    activities: list[Activity] = []
    trends: list[tenant_table.TypedItem] = []
    ending = f"#{period.id}" if period else None
    for item in items:
        if not alive(item, now):
            continue
        sk: str = item["SK"]["S"]
        if sk.startswith("EVENT#"):
            activities.append(activity(item))
        elif sk.startswith("GRADE#"):
            if ending is not None and sk.endswith(ending):
                grades.append(Grade.from_item(from_typed(item)))
        elif sk == keys.PROFILE:
            student = Student.from_item(from_typed(item))
        elif sk.startswith("TREND#"):
            trends.append(item)
    return student, grades, activities, _weekly(trends)


def _weekly(items: Sequence[tenant_table.TypedItem]) -> list[WeeklyTrend]:
    read = (WeeklyTrend.from_item(from_typed(item)) for item in items[-WEEKS_SHOWN:])
    return [trend for trend in read if trend is not None]


def _subject_grade(grade: Grade, academic: AcademicConfig | None) -> SubjectGrade:
    rules = academic.rules(grade.subject) if academic else None
    return SubjectGrade(
        subject=grade.subject,
        period=grade.period,
        score=grade.consolidated_score,
        passed=grade.passed,
        min_passing=rules.min_passing if rules else None,
        evaluations_count=grade.evaluations_count,
        parts=[
            GradePart(type=kind, score=part.score, weight=part.weight, count=part.count)
            for kind, part in grade.parts.items()
        ],
        left_out=dict(grade.left_out),
        rules_version=grade.rules_version,
        last_calculated=grade.last_calculated,
        version=grade.version,
        synced=grade.synced,
    )

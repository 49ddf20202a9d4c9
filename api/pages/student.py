"""A student's page: what the profile says, and under every number what it is made of."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from adapters import tenant_config, tenant_table
from api.contracts import StudentProfile, SubjectGrade
from api.operations import Answer, Call
from api.pages.chart import WeekScore, chart
from api.pages.explanation import Explanation, explain
from api.pages.rendering import page
from api.profile import alive, configured_school, student_profile
from api.routes.profile import behind_the_week
from transforms import calendar, keys
from transforms.academic_items import Evaluation
from transforms.activity import Activity, Week, activity, kept_since, week, week_monday
from transforms.periods import AcademicConfig, Period

WEEKS_SHOWN = 8
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Happened:
    """All of a week's events of one outcome.

    Attributes:
        outcome: Such as `attendance.late`.
        points: What they count together.
        events: Each of them, oldest first.
    """

    outcome: str
    points: int
    events: Sequence[Activity]


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject of the shown period.

    Attributes:
        code: Of the subject.
        grade: As the nightly job calculated it; None: it has not yet.
        min_passing: By the rules that the grade was calculated with, else by those of now.
        explanation: How it came about.
    """

    code: str
    grade: SubjectGrade | None
    min_passing: Decimal | None
    explanation: Explanation


async def student_page(call: Call) -> Answer:
    """GET /students/{student}."""
    school = await configured_school(call.tenant, call.configurations)
    today, _ = calendar.local(call.now, school.time_zone)
    this_monday, since = calendar.week_start(today), kept_since(today)
    monday = call.choice("week", week_monday, this_monday)
    period_id = call.choice("period", lambda text: keys.identifier("period", text), None)
    student_id = call.path["student"]
    first = calendar.week_start(since)
    profile, items, evaluations, academic = await asyncio.gather(
        student_profile(
            call.tenant,
            call.configurations,
            student_id,
            now=call.now,
            language=call.language,
            period_id=period_id,
        ),
        tenant_table.event_items(call.tenant, student_id, first, this_monday + WEEK),
        tenant_table.evaluations(call.tenant, student_id),
        call.configurations.academic(call.tenant),
    )
    moment = call.now.timestamp()
    activities = [activity(item) for item in items if alive(item, moment)]
    shown = week(activities, monday)
    scores = [*_past(profile, first), *_recent(activities, since, this_monday)][-WEEKS_SHOWN:]
    scores = [replace(each, shown=each.monday == monday) for each in scores]
    return page(
        "student",
        call.language,
        profile=profile,
        name=" ".join(filter(None, (profile.given_name, profile.family_name))) or student_id,
        week=shown,
        happened=_happened(shown, activities),
        is_this_week=monday == this_monday,
        before=calendar.iso_week(monday - WEEK) if monday > first else None,
        after=calendar.iso_week(monday + WEEK) if monday < this_monday else None,
        since=since if monday < since else None,
        scores=scores,
        chart=chart(scores),
        subjects=await _subjects(call, profile, evaluations, academic),
        staff=call.identity.student_id is None,
    )


async def week_table(call: Call) -> Answer:
    """GET /students/{student}/activity.csv: what the API gives for `Accept: text/csv`, behind a link."""
    call.accepts_csv = True
    return await behind_the_week(call)


def _happened(shown: Week, activities: Iterable[Activity]) -> list[Happened]:
    """The week's parts by outcome with the events of each, so that every sum can be opened."""
    first, last = shown.first_day.isoformat(), shown.last_day.isoformat()
    events = [each for each in activities if first <= each.local_date <= last]
    outcomes = dict.fromkeys(part.outcome for part in shown.parts)
    return [
        Happened(
            outcome,
            sum(part.points for part in shown.parts if part.outcome == outcome),
            [each for each in events if each.outcome == outcome],
        )
        for outcome in outcomes
    ]


def _recent(activities: Sequence[Activity], since: date, this_monday: date) -> list[WeekScore]:
    """The weeks whose events are all still here."""
    monday = calendar.week_start(since + timedelta(days=6))
    found = []
    while monday <= this_monday:
        summed = week(activities, monday)
        found.append(WeekScore(monday, summed.iso_week, summed.score))
        monday += WEEK
    return found


def _past(profile: StudentProfile, before: date) -> list[WeekScore]:
    """Weeks of the analysis that are older than the events at hand; the lake sums the same points."""
    found = []
    for trend in profile.trends:
        monday = week_monday(trend.iso_week)
        if monday <= before:
            found.append(WeekScore(monday, trend.iso_week, trend.points))
    return found


async def _subjects(
    call: Call, profile: StudentProfile, evaluations: Iterable[Evaluation], academic: AcademicConfig | None
) -> list[Subject]:
    """Graded subjects, and those that have evaluations but no grade yet."""
    span = profile.period
    if span is None:
        return []
    of_subject: dict[str, list[Evaluation]] = {grade.subject: [] for grade in profile.grades}
    for each in evaluations:
        if each.period == span.id:
            of_subject.setdefault(each.subject, []).append(each)
    grades = {grade.subject: grade for grade in profile.grades}
    rules = await _rules(call, {grade.rules_version for grade in profile.grades}, academic)
    found = []
    for code, own in sorted(of_subject.items()):
        grade = grades.get(code)
        config = rules.get(grade.rules_version) if grade else academic
        applied = config.rules(code) if config else None
        known = config.period(span.id) if config else None
        explanation = explain(
            own,
            applied,
            known or Period(span.id, span.start, span.end),
            grade.score if grade else None,
            grade.evaluations_count if grade else 0,
        )
        if grade or explanation.lines:
            found.append(Subject(code, grade, applied.min_passing if applied else None, explanation))
    return found


async def _rules(
    call: Call, versions: Iterable[int], academic: AcademicConfig | None
) -> Mapping[int, AcademicConfig | None]:
    """The configurations that the grades were calculated with; as a rule the one of now."""
    wanted = sorted(versions)
    now = academic.version if academic else 0
    older = [version for version in wanted if version != now]
    read = await asyncio.gather(*(tenant_config.academic_version(call.tenant, each) for each in older))
    return {now: academic, **dict(zip(older, read, strict=True))}

"""A student's profile, and what stands behind its numbers."""

from __future__ import annotations

import re
from datetime import timedelta
from http import HTTPStatus
from urllib.parse import urlencode

from adapters import tenant_table
from api.contracts import Evaluations, StudentProfile, WeekActivity
from api.language import OUTCOMES
from api.operations import CSV, EVERYONE, Answer, Call, Operation, Query
from api.problems import NOT_FOUND
from api.profile import alive, configured_school, student_profile
from api.routes.evaluations import recorded
from transforms import calendar, keys
from transforms.activity import ISO_WEEK, Activity, activity, kept_since, week, week_monday
from transforms.csv_cells import csv_text
from transforms.events import EVENT_TYPES

PAGE, LARGEST_PAGE = 50, 200
_CURSOR = re.compile(r"[0-9TZ:.-]{24}#[0-9a-f-]{36}")
_KINDS = sorted({*EVENT_TYPES, *OUTCOMES})
_COLUMNS = (
    "occurred_at",
    "local_date",
    "outcome",
    "points",
    "points_version",
    "subject",
    "class_id",
    "teacher_id",
)


async def profile(call: Call) -> Answer:
    """GET /profile/{student}."""
    return Answer(
        await student_profile(
            call.tenant,
            call.configurations,
            call.path["student"],
            now=call.now,
            language=call.language,
            period_id=call.choice("period", lambda text: keys.identifier("period", text), None),
        )
    )


async def behind_the_week(call: Call) -> Answer:
    """GET /profile/{student}/activity."""
    school = await configured_school(call.tenant, call.configurations)
    today, _ = calendar.local(call.now, school.time_zone)
    monday = call.choice("week", week_monday, calendar.week_start(today))
    kind = call.choice("type", _kind, None)
    size = call.choice("limit", _size, PAGE)
    after = call.choice("after", _cursor, "")
    student_id = call.path["student"]
    items = await tenant_table.event_items(call.tenant, student_id, monday, monday + timedelta(days=6))
    first, last = monday.isoformat(), (monday + timedelta(days=6)).isoformat()
    moment = call.now.timestamp()
    events = [
        each
        for item in items
        if alive(item, moment)
        and first <= (each := activity(item)).local_date <= last
        and kind in {None, each.type, each.outcome}
    ]
    if call.accepts_csv:
        return _table(events)
    rest = [each for each in events if _place(each) > after]
    page = rest[:size]
    following = None
    if len(rest) > size:
        query = {"week": calendar.iso_week(monday), "limit": size, "after": _place(page[-1])}
        following = f"/profile/{student_id}/activity?{urlencode(query | ({'type': kind} if kind else {}))}"
    return Answer(
        WeekActivity(
            student_id=student_id,
            week=week(events, monday),
            events=page,
            next=following,
            kept_since=kept_since(today),
        )
    )


async def behind_the_grade(call: Call) -> Answer:
    """GET /profile/{student}/evaluations."""
    subject = call.choice("subject", lambda text: keys.identifier("subject", text), None)
    period = call.choice("period", lambda text: keys.identifier("period", text), None)
    found = await tenant_table.evaluations(call.tenant, call.path["student"], subject)
    return Answer(
        Evaluations(
            student_id=call.path["student"],
            evaluations=[recorded(each) for each in found if period in {None, each.period}],
        )
    )


def _table(events: list[Activity]) -> Answer:
    rows = [[getattr(event, column) for column in _COLUMNS] for event in events]
    return Answer(
        csv_text(_COLUMNS, rows).encode(),
        headers={"Content-Disposition": 'attachment; filename="activity.csv"'},
        media_type=f"{CSV}; charset=utf-8",
    )


def _place(event: Activity) -> str:
    return f"{event.occurred_at}#{event.event_id}"


def _kind(text: str) -> str:
    if text not in _KINDS:
        raise ValueError(f"type {text!r:.60}: use one of {', '.join(_KINDS)}")
    return text


def _size(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= LARGEST_PAGE:
        return int(text)
    raise ValueError(f"limit {text!r:.20}: use 1 to {LARGEST_PAGE}")


def _cursor(text: str) -> str:
    if not _CURSOR.fullmatch(text):
        raise ValueError(f"after {text!r:.80}: use the path in `next` as it is")
    return text


_PERIOD = Query(
    "period",
    "Id of a period; left out: the current one.",
    "Q1_2026",
    {"type": "string", "pattern": keys.IDENTIFIER},
)

OPERATIONS = (
    Operation(
        "GET",
        "/profile/{student}",
        "A student at a glance",
        "Consolidated grades of a period, the week's counts and score with their parts, and the activity "
        "of the last seven days. Grades are those of the last night: an evaluation recorded today shows "
        "tomorrow. Every count leads to the events behind it (`activity`).",
        EVERYONE,
        profile,
        {HTTPStatus.OK: StudentProfile},
        query=(_PERIOD,),
        own_student=True,
        problems=(NOT_FOUND,),
    ),
    Operation(
        "GET",
        "/profile/{student}/activity",
        "The events behind a number",
        "Each event of a week with its moment, its points and the version of the rules that gave them. "
        "`week` holds the sums over all of them, on every page; its parts add up to its score. Send "
        "`Accept: text/csv` for a table of the whole week.",
        EVERYONE,
        behind_the_week,
        {HTTPStatus.OK: WeekActivity},
        query=(
            Query(
                "week",
                "ISO 8601 week; left out: this one.",
                "2026-W06",
                {"type": "string", "pattern": ISO_WEEK},
            ),
            Query(
                "type",
                "Only events of this type or outcome.",
                "participation",
                {"type": "string", "enum": _KINDS},
            ),
            Query(
                "limit", "Events on a page.", "50", {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE}
            ),
            Query(
                "after",
                "Where the page begins; stands in `next`.",
                "2026-02-03T15:00:00.000Z#0b5e2c9c-4c5f-4b8e-9d3a-1f2a3b4c5d6e",
                {"type": "string", "pattern": f"^{_CURSOR.pattern}$"},
            ),
        ),
        own_student=True,
        problems=(NOT_FOUND,),
        csv=True,
    ),
    Operation(
        "GET",
        "/profile/{student}/evaluations",
        "The evaluations behind a grade",
        "Each evaluation with its score, type and weight, and whether the grade counts it already.",
        EVERYONE,
        behind_the_grade,
        {HTTPStatus.OK: Evaluations},
        query=(
            _PERIOD,
            Query(
                "subject", "Only this subject.", "matematicas", {"type": "string", "pattern": keys.IDENTIFIER}
            ),
        ),
        own_student=True,
    ),
)

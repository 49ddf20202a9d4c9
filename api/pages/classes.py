"""The teacher's list: the students of a class, each with their week; sorted and searched by links."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from adapters import tenant_table
from adapters.typed_json import from_typed
from api.language import plain
from api.operations import CSV, Answer, Call
from api.pages.rendering import page
from api.problems import INVALID, ProblemError
from api.profile import alive, configured_school
from api.routes.students import class_list
from transforms import calendar, keys, period_calendar
from transforms.academic_items import Grade
from transforms.activity import Week, activity, kept_since, week, week_monday
from transforms.csv_cells import csv_text
from transforms.students import Student

AT_ONCE = 16  # students whose week is read
PAGE = 60  # rows: a class stands on one page
MOST_SORTED = 120  # students: to sort by a week all weeks must be read
LONGEST_SEARCH = 100
WEEK = timedelta(days=7)
COLUMNS = ("name", "score", "participations", "absences", "lates", "failing")


@dataclass(frozen=True, slots=True)
class Row:
    """A student with their week.

    Attributes:
        student: Who.
        week: Score and parts.
        failing: In how many subjects the period's grade does not pass.
    """

    student: Student
    week: Week
    failing: int

    @property
    def name(self) -> str:
        """As on a class list."""
        full = ", ".join(filter(None, (self.student.family_name, self.student.given_name)))
        return full or self.student.key.student_id

    @property
    def score(self) -> int:
        """Sum of the week's points."""
        return self.week.score

    @property
    def participations(self) -> int:
        """How often the student took part."""
        return self._count("participation")

    @property
    def absences(self) -> int:
        """How often they were absent without an excuse."""
        return self._count("attendance.absent")

    @property
    def lates(self) -> int:
        """How often they came late."""
        return self._count("attendance.late")

    def _count(self, outcome: str) -> int:
        return sum(part.count for part in self.week.parts if part.outcome == outcome)


async def classes_page(call: Call) -> Answer:
    """GET /classes and GET /classes/{class}."""
    everyone = await class_list(call.tenant, None)
    today = await _today(call)
    this_monday = calendar.week_start(today)
    monday, oldest = _week(call, today), calendar.week_start(kept_since(today))
    class_id, search = _class(call), call.choice("q", _search, "")
    found = _chosen(everyone, class_id, search)
    sort = call.choice("sort", _sort, "name")
    too_many = sort.lstrip("-") != "name" and len(found) > MOST_SORTED
    if too_many:
        sort = "name"
    pages = max(1, -(-len(found) // PAGE))
    number = min(call.choice("page", _page, 1), pages)
    first, last = (number - 1) * PAGE, number * PAGE
    if sort.lstrip("-") == "name":
        found = found[::-1] if sort.startswith("-") else found
        rows = await _rows(call, found[first:last], monday)
    else:
        rows = (await _ordered(call, found, sort, monday))[first:last]
    of_week = "" if monday == this_monday else calendar.iso_week(monday)
    asked = {"class": class_id or "", "q": search, "sort": sort, "week": of_week}

    def link(**changes: Any) -> str:
        kept = {name: value for name, value in {**asked, **changes}.items() if value}
        return f"/classes?{urlencode(kept)}" if kept else "/classes"

    return page(
        "classes",
        call.language,
        rows=rows,
        found=len(found),
        anyone=bool(everyone),
        classes=sorted({each.class_id for each in everyone if each.class_id}),
        class_id=class_id,
        search=search,
        sort=sort,
        headings=[
            {
                "name": column,
                "order": ("descending" if sort.startswith("-") else "ascending")
                if sort.lstrip("-") == column
                else None,
                "link": link(sort=_next(column, sort)),
            }
            for column in COLUMNS
        ],
        too_many=MOST_SORTED if too_many else None,
        page=number,
        pages=pages,
        before=link(page=number - 1) if number > 1 else None,
        after=link(page=number + 1) if number < pages else None,
        table=link().replace("/classes", "/classes.csv", 1) if len(found) <= MOST_SORTED else None,
        first_day=monday,
        last_day=monday + timedelta(days=6),
        of_week=of_week,
        week_before=link(week=calendar.iso_week(monday - WEEK)) if monday > oldest else None,
        week_after=_following(link, monday + WEEK, this_monday),
        staff=True,
    )


def _following(link: Callable[..., str], monday: date, this_monday: date) -> str | None:
    """The link to the week after the shown one, which is named only where it is not this week."""
    if monday > this_monday:
        return None
    return link(week="" if monday == this_monday else calendar.iso_week(monday))


async def classes_table(call: Call) -> Answer:
    """GET /classes.csv: the same list for a spreadsheet, which does not run it."""
    found = _chosen(await class_list(call.tenant, None), _class(call), call.choice("q", _search, ""))
    if len(found) > MOST_SORTED:
        raise ProblemError(INVALID, f"{len(found)} students: choose a class of at most {MOST_SORTED}")
    monday = _week(call, await _today(call))
    rows = await _ordered(call, found, call.choice("sort", _sort, "name"), monday)
    header = ("student_id", "family_name", "given_name", "class_id", "iso_week", "events", *COLUMNS[1:])
    cells = [
        (
            row.student.key.student_id,
            row.student.family_name,
            row.student.given_name,
            row.student.class_id,
            row.week.iso_week,
            row.week.events,
            *(getattr(row, column) for column in COLUMNS[1:]),
        )
        for row in rows
    ]
    return Answer(
        csv_text(header, cells).encode("utf-8-sig"),  # without the mark a spreadsheet takes it for Latin-1
        headers={"Content-Disposition": 'attachment; filename="students.csv"'},
        media_type=f"{CSV}; charset=utf-8",
    )


def _chosen(everyone: Sequence[Student], class_id: str | None, search: str) -> list[Student]:
    wanted = plain(search).split()
    return [
        each
        for each in everyone
        if class_id in {None, each.class_id}
        and all(
            word in plain(f"{each.given_name or ''} {each.family_name or ''} {each.key.student_id}")
            for word in wanted
        )
    ]


async def _today(call: Call) -> date:
    school = await configured_school(call.tenant, call.configurations)
    return calendar.local(call.now, school.time_zone)[0]


def _week(call: Call, today: date) -> date:
    """The Monday of the week that is asked for; left out, of this one."""
    return call.choice("week", week_monday, calendar.week_start(today))


async def _ordered(call: Call, found: Sequence[Student], sort: str, monday: date) -> list[Row]:
    rows = await _rows(call, found, monday)
    column = sort.lstrip("-")
    if column != "name":
        key: Callable[[Row], int] = lambda row: getattr(row, column)  # noqa: E731  # typed for sort
        rows.sort(key=key, reverse=sort.startswith("-"))
    elif sort.startswith("-"):
        rows.reverse()
    return rows


async def _rows(call: Call, found: Sequence[Student], monday: date) -> list[Row]:
    """One query a student: the week's events and the grades lie side by side."""
    today, academic = await asyncio.gather(_today(call), call.configurations.academic(call.tenant))
    moment = call.now.timestamp()
    period = period_calendar.current(academic, today) if academic else None
    ending = f"#{period.id}" if period else None
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(student: Student) -> Row:
        async with slots:
            items = await tenant_table.profile_items(call.tenant, student.key.student_id, monday)
        living = [item for item in items if alive(item, moment)]
        events = [activity(item) for item in living if item["SK"]["S"].startswith("EVENT#")]
        failing = sum(
            Grade.from_item(from_typed(item)).passed is False
            for item in living
            if ending and item["SK"]["S"].startswith("GRADE#") and item["SK"]["S"].endswith(ending)
        )
        return Row(student, week(events, monday), failing)

    return list(await asyncio.gather(*map(one, found)))


def _class(call: Call) -> str | None:
    """Of the path, else of the form, whose first choice is all classes."""
    return call.path.get("class") or call.choice("class", _class_or_all, None)


def _class_or_all(text: str) -> str | None:
    return keys.identifier("class", text) if text else None


def _search(text: str) -> str:
    if len(text) > LONGEST_SEARCH:
        raise ValueError(f"q has {len(text)} characters: use at most {LONGEST_SEARCH}")
    return text.strip()


def _sort(text: str) -> str:
    if text.removeprefix("-") not in COLUMNS:
        raise ValueError(f"sort {text!r:.40}: use one of {', '.join(COLUMNS)}, with - for the largest first")
    return text


def _page(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 5 and int(text) >= 1:
        return int(text)
    raise ValueError(f"page {text!r:.20}: use a whole number from 1")


def _next(column: str, sort: str) -> str:
    """What a click on a heading asks for: numbers begin with the largest, names with A."""
    first, other = (column, f"-{column}") if column == "name" else (f"-{column}", column)
    return other if sort == first else first

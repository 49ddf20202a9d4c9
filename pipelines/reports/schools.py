"""A report for each school: its weeks, its classes, its warnings, the quality and the life of its rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from pipelines.explain.marts import mart
from pipelines.reports import asking
from pipelines.reports.drawing import Bar, Point, bars, line
from pipelines.reports.pages import environment, file_name, other_than, thousands
from pipelines.reports.words import SPANISH, Language, Say, say_in
from transforms.bilingual import Words
from transforms.events import EVENT_TYPES
from transforms.retention.cohorts import UNKNOWN, expires_on

FOLDER = "schools"
WEEKS = 52  # of a line: a year
LOAD_DAYS = 28
_TONES = {"rising": "good", "steady": "warn", "falling": "bad"}


@dataclass(frozen=True, slots=True)
class Explained:
    """A row of a mart or a number that the page shows, and how a reader takes it apart.

    Attributes:
        anchor: Where on the page it is said.
        command: Lists the events, or the students, behind it.
    """

    anchor: str
    command: str


@dataclass(frozen=True, slots=True)
class Findings:
    """What all reports are made of: a frame each, of all schools.

    Attributes:
        weeks: `weekly_school_behavior` with `is_school_week`, by school and week.
        classes: `weekly_class_behavior` of each school's latest week.
        warnings: `school_id`, `rule`, `why`, `student_count` of each school's latest week.
        loads: By school and lake table, of the last four weeks: `loads`, `landed`, `duplicate`,
            `quarantined`, `published`, `last_published_at`, `broken` (text).
        cohorts: `school_id`, `table`, `graduation_year`, `row_count` of the lake.
    """

    weeks: pd.DataFrame
    classes: pd.DataFrame
    warnings: pd.DataFrame
    loads: pd.DataFrame
    cohorts: pd.DataFrame


def write_school_reports(folder: Path, *, written_at: datetime) -> list[Path]:
    """Writes `{school_id}.html` and `{school_id}.es.html` for each school of the marts.

    Args:
        folder: Where to; it is made.
        written_at: Aware, UTC.

    Returns:
        The pages, by school.
    """
    return write_pages(folder, read(written_at.date()), written_at=written_at)


def write_pages(folder: Path, found: Findings, *, written_at: datetime) -> list[Path]:
    """The same of what was read before."""
    folder.mkdir(parents=True, exist_ok=True)
    of_classes, of_warnings, of_loads, of_cohorts = (
        dict(list(frame.groupby("school_id")))
        for frame in (found.classes, found.warnings, found.loads, found.cohorts)
    )
    pages = []
    for school_id, weeks in found.weeks.groupby("school_id"):
        own = Findings(
            weeks,
            of_classes.get(school_id, found.classes[:0]),
            of_warnings.get(school_id, found.warnings[:0]),
            of_loads.get(school_id, found.loads[:0]),
            of_cohorts.get(school_id, found.cohorts[:0]),
        )
        for language in Language:
            page = folder / file_name(str(school_id), language)
            page.write_text(school_report(str(school_id), own, written_at, language), encoding="utf-8")
            pages.append(page)
    return pages


def read(today: date) -> Findings:
    """Asks Athena for all schools at once: five queries, however many schools there are."""
    return Findings(
        asking.marts(
            "SELECT behavior.*, calendar.is_school_week FROM weekly_school_behavior behavior "
            "LEFT JOIN school_weeks calendar USING (school_id, iso_week) ORDER BY school_id, iso_week"
        ),
        asking.marts(
            f"{_LATEST} SELECT class.* FROM weekly_class_behavior class "
            "JOIN latest USING (school_id, iso_week) ORDER BY class_id, subject"
        ),
        asking.marts(
            f"{_LATEST} SELECT school_id, rule, arbitrary(why) AS why, "
            "count(DISTINCT student_key) AS student_count FROM early_warnings "
            "JOIN latest USING (school_id, iso_week) JOIN early_warning_rules USING (rule) "
            "GROUP BY school_id, rule ORDER BY student_count DESC, rule"
        ),
        asking.lake(_LOADS.format(since=(today - timedelta(days=LOAD_DAYS)).isoformat())),
        asking.lake(
            " UNION ALL ".join(
                f"SELECT school_id, '{table}' AS table_name, graduation_year, count(*) AS row_count "
                f"FROM {table} GROUP BY school_id, graduation_year"
                for table in ("behavior_events", "academic_changes")
            )
        ),
    )


_LATEST = (
    "WITH latest AS ("
    "SELECT school_id, max(iso_week) AS iso_week FROM weekly_school_behavior GROUP BY school_id)"
)
_LOADS = """
SELECT
    school_id,
    table_name,
    count(*) AS loads,
    sum(landed) AS landed,
    sum(duplicate) AS duplicate,
    sum(quarantined) AS quarantined,
    sum(published) AS published,
    max(IF(published > 0, published_at)) AS last_published_at,
    array_join(array_sort(array_distinct(flatten(array_agg(map_keys(broken_rules))))), ', ') AS broken
FROM loads
WHERE opened_at >= DATE '{since}' AND state = 'published'
GROUP BY school_id, table_name
ORDER BY school_id, table_name
"""


def school_report(school_id: str, own: Findings, written_at: datetime, language: Language) -> str:
    """The page of a school.

    Args:
        school_id: Whose.
        own: Its rows of everything; at least one week.
        written_at: Aware, UTC.
        language: Of the page.
    """
    last = own.weeks.iloc[-1]
    explained = list(_explained(last, own.classes))
    return (
        environment(language)
        .get_template("school.html.j2")
        .render(
            school_id=school_id,
            written_at=written_at,
            other=file_name(school_id, other_than(language)),
            first_week=own.weeks["iso_week"].iloc[0],
            last=_records(own.weeks[-1:])[0],
            warned=int(own.warnings["student_count"].sum()),
            charts=_charts(own.weeks[-WEEKS:], say_in(language)),
            classes=list(zip(_records(own.classes), explained[1:], strict=True)),
            warnings=[{**row, "why": _said(row["why"])} for row in _records(own.warnings)],
            loads=_records(own.loads),
            cohorts=list(_cohorts(own.cohorts)),
            explained=explained,
            counted=list(_counted(last)),
        )
    )


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Its rows, with None for what is missing, of whatever type."""
    return [
        {str(name): None if pd.isna(value) else value for name, value in row.items()}
        for row in frame.to_dict("records")
    ]


def _said(why: str) -> Words:
    """Why a rule warns, with its Spanish; a rule may be newer than our words."""
    return Words(why, SPANISH.get(why, ""))


def _explained(last: pd.Series[Any], classes: pd.DataFrame) -> Iterator[Explained]:
    yield Explained("week", _command("weekly_school_behavior", last))
    for number, row in enumerate(classes.to_dict("records"), start=1):
        yield Explained(f"class-{number}", _command("weekly_class_behavior", row))


def _counted(last: pd.Series[Any]) -> Iterator[Explained]:
    """What is no sum of events: the students whom it counts, or over whom it is a mean."""
    week = f"WHERE school_id = '{last['school_id']}' AND iso_week = '{last['iso_week']}'"
    columns = "student_key, event_count, points, attendance_rate, trend"
    students = f"SELECT {columns} FROM luca_marts.weekly_student_behavior {week}"
    warnings = f"SELECT student_key, rule, measured, threshold FROM luca_marts.early_warnings {week}"
    yield Explained("students", f'luca query "{students}"')
    yield Explained("falling", f"luca query \"{students} AND trend = 'falling'\"")
    yield Explained("warnings", f'luca query "{warnings}"')


def _command(name: str, row: Any) -> str:
    key = "/".join("" if pd.isna(row[column]) else str(row[column]) for column in mart(name).key)
    return f"luca explain --mart {name} --key {key} --column points"


def _charts(weeks: pd.DataFrame, say: Say) -> list[tuple[str, str, Markup]]:
    last = weeks.iloc[-1]
    trends = [
        Bar(
            say(trend.capitalize()),
            int(last[f"{trend}_student_count"]),
            str(last[f"{trend}_student_count"]),
            tone,
        )
        for trend, tone in _TONES.items()
    ]
    kinds = sorted(((int(last[f"{kind}_count"]), kind) for kind in EVENT_TYPES), reverse=True)
    drawn = [
        (
            "Points a student, week by week",
            "Sum of the week's points over the students of the roster who had any event so far. "
            "Grey: no school.",
            line(
                say("Points a student, week by week"),
                _points(weeks, weeks["points"] / weeks["student_count"]),
            ),
        ),
        (
            "Attendance, week by week",
            "Mean over the students: present or late, of all that was not excused.",
            line(say("Attendance, week by week"), _points(weeks, weeks["attendance_rate"]), percent=True),
        ),
        (
            "Students who rise and fall",
            "Their points of the latest week against the weeks before.",
            bars(say("Students who rise and fall"), trends),
        ),
        (
            "What happened in the week",
            "Events of the latest week, by type.",
            bars(
                say("What happened in the week"),
                [Bar(say(kind), count, thousands(count)) for count, kind in kinds],
            ),
        ),
    ]
    return [(say(title), say(reading), svg) for title, reading, svg in drawn]


def _points(weeks: pd.DataFrame, values: pd.Series[float]) -> Sequence[Point]:
    return [
        Point(week, None if pd.isna(value) else float(value), closed=school_week is False)
        for week, value, school_week in zip(weeks["iso_week"], values, weeks["is_school_week"], strict=True)
    ]


def _cohorts(cohorts: pd.DataFrame) -> Iterator[dict[str, Any]]:
    wide = cohorts.pivot_table(
        index="graduation_year", columns="table_name", values="row_count", aggfunc="sum", fill_value=0
    )
    for year, rows in wide.sort_index().iterrows():
        known = int(str(year)) != UNKNOWN
        yield {
            "year": year if known else None,
            "events": rows.get("behavior_events", 0),
            "changes": rows.get("academic_changes", 0),
            "removed_on": expires_on(int(str(year))) if known else None,
        }

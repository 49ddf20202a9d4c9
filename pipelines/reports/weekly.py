"""The platform's weekly report: trends, the books and the loads, as one page without scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from adapters import athena
from adapters.settings import setting
from pipelines.books import COLUMNS, Books
from pipelines.reports import charts
from pipelines.reports.pages import environment, percent, thousands


class NoTrendsError(RuntimeError):
    """There is nothing to report on yet."""


@dataclass(frozen=True)
class Link:
    """Where a reader may go on.

    Attributes:
        href: Relative to the page.
        text: The link's text.
        about: What is found there.
    """

    href: str
    text: str
    about: str


QUALITY = Link("quality/index.html", "Quality of the lake", "rules and schools day by day, and each load")


def write_report(
    path: Path,
    *,
    written_at: datetime,
    books: Books | None = None,
    loads: Sequence[Mapping[str, Any]] = (),
    links: Sequence[Link] = (),
) -> Path:
    """Reads the marts and writes the page.

    Args:
        path: The file to write; its folder is made.
        written_at: Stands on the page, UTC.
        books: Shown when given.
        loads: Rows of the ledger, shown when given: `load_id`, `table`, `state`, `files`, `landed`,
            `duplicate`, `quarantined`, `published`, `broken`.
        links: To the other reports; only those whose target exists are shown.

    Returns:
        `path`.

    Raises:
        NoTrendsError: The marts are empty.
    """
    weeks = _query("SELECT * FROM weekly_school_behavior ORDER BY week_start, school_id", "MARTS_DATABASE")
    if weeks.empty:
        raise NoTrendsError("there are no weekly trends yet: run `luca load`, then `luca trends`")
    page = environment().get_template("report.html.j2")
    last = weeks.sort_values("week_start").groupby("school_id").tail(1).sort_values("school_id")
    text = page.render(
        written_at=written_at,
        first_week=weeks["iso_week"].min(),
        last_week=weeks["iso_week"].max(),
        schools=weeks["school_id"].nunique(),
        figures=_figures(weeks, last),
        charts=list(_charts(weeks)),
        last_weeks=last.to_dict("records"),
        books=_table(books) if books else None,
        loads=loads,
        links=[link for link in links if (path.parent / link.href).exists()],
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def _query(sql: str, database: str) -> pd.DataFrame:
    return athena.query(sql, work_group=setting("JOBS_WORK_GROUP"), database=setting(database))


def _figures(weeks: pd.DataFrame, last: pd.DataFrame) -> list[tuple[str, str]]:
    attendance = weeks["attendance_rate"].mean()
    return [
        ("schools", thousands(weeks["school_id"].nunique())),
        ("students in the last week", thousands(last["student_count"].sum())),
        ("events", thousands(weeks["event_count"].sum())),
        ("weeks", thousands(weeks["iso_week"].nunique())),
        *([("attendance", percent(attendance))] if pd.notna(attendance) else []),
        ("falling in the last week", thousands(last["falling_student_count"].sum())),
    ]


def _charts(weeks: pd.DataFrame) -> Sequence[dict[str, Any]]:
    hours = _query(
        "SELECT day_of_week(local_date) AS weekday, "
        "hour(date_add('minute', utc_offset_minutes, occurred_at)) AS hour, count(*) AS event_count "
        "FROM behavior_events GROUP BY 1, 2",
        "LAKE_DATABASE",
    )
    types = _query(
        "SELECT event_type, count(*) AS event_count FROM behavior_events GROUP BY 1 ORDER BY 2 DESC",
        "LAKE_DATABASE",
    )
    drawn: list[tuple[str, str, str]] = [
        (
            "Events a week",
            "All events of a school; the last week may not be over.",
            charts.events_by_week(weeks),
        ),
        (
            "Who rises, who falls",
            "Students of each school's last week, by their points against the weeks before.",
            charts.trends_of_last_week(weeks),
        ),
        ("When it happens", "By the schools' own clocks and calendars.", charts.hours_of_the_week(hours)),
        ("What happens", "Events by type, over all weeks.", charts.event_types(types)),
    ]
    if weeks["attendance_rate"].notna().any():
        attendance = charts.attendance_by_week(weeks)
        drawn.insert(1, ("Attendance", "Present or late, of all that was not excused.", attendance))
    return [{"title": title, "reading": reading, "svg": Markup(svg)} for title, reading, svg in drawn]  # noqa: S704 - our own drawing


def _table(books: Books) -> dict[str, Any]:
    totals = books.totals()
    return {
        "balanced": books.balanced,
        "verdict": books.verdict,
        "columns": [column.replace("_", " ") for column in COLUMNS],
        "rows": [
            [school.school_id, *(getattr(school, column) for column in COLUMNS)] for school in books.schools
        ],
        "totals": ["all", *(totals[column] for column in COLUMNS)],
        "rejections": list(books.rejections().items()),
    }

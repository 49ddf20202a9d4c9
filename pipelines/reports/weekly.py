"""The platform's weekly report: trends, late changes, audits and loads, as one page without scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from pipelines.audits.retention.history import page_key
from pipelines.books import COLUMNS, Books
from pipelines.reports import asking, audited, charts, late
from pipelines.reports.pages import environment, file_name, other_than, percent, thousands
from pipelines.reports.schools import FOLDER
from pipelines.reports.words import Language, say_in


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

    def found(self, folder: Path, language: Language) -> Link | None:
        """The link to its page, in the language if there is such a page; None if there is no page."""
        beside = Path(self.href).with_suffix(f".{language}.html").as_posix()
        there = [href for href in (beside, self.href) if (folder / href).exists()]
        return replace(self, href=there[0]) if there else None


QUALITY = Link("quality/index.html", "Quality of the lake", "rules and schools day by day, and each load")
AUDIT = Link(page_key(Language.EN), "The page of the audit", "")
RUNS = Link("trends/index.html", "Runs of the trends", "how long each model takes, and what failed")


def write_report(
    path: Path,
    *,
    written_at: datetime,
    books: Books | None = None,
    loads: Sequence[Mapping[str, Any]] = (),
    links: Sequence[Link] = (),
) -> Path:
    """Reads the marts and writes the page, in English and beside it, as `{name}.es.html`, in Spanish.

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
    weeks = asking.marts("SELECT * FROM weekly_school_behavior ORDER BY week_start, school_id")
    if weeks.empty:
        raise NoTrendsError("there are no weekly trends yet: run `luca load`, then `luca trends`")
    last = weeks.sort_values("week_start").groupby("school_id").tail(1).sort_values("school_id")
    hours, types = asking.lake(_HOURS), asking.lake(_TYPES)
    changed, audits = late.read(), audited.read(path.parent)
    pages = {language: path.with_name(file_name(path.stem, language)) for language in Language}
    path.parent.mkdir(parents=True, exist_ok=True)
    for language, page in pages.items():
        reports = {school: f"{FOLDER}/{file_name(school, language)}" for school in last["school_id"]}
        text = (
            environment(language)
            .get_template("report.html.j2")
            .render(
                written_at=written_at,
                other=pages[other_than(language)].name,
                first_week=weeks["iso_week"].min(),
                last_week=weeks["iso_week"].max(),
                schools=weeks["school_id"].nunique(),
                figures=_figures(weeks, last),
                charts=list(_charts(weeks, hours, types, language)),
                last_weeks=last.to_dict("records"),
                reports={school: href for school, href in reports.items() if (path.parent / href).exists()},
                books=books_table(books) if books else None,
                late=changed.changes[: late.WEEKS_LISTED],
                late_told=changed.told(language),
                late_count=len(changed.changes),
                audits=audits,
                audit_link=AUDIT.found(path.parent, language),
                loads=loads,
                links=[there for link in links if (there := link.found(path.parent, language))],
            )
        )
        page.write_text(text, encoding="utf-8")
    return path


_HOURS = (
    "SELECT day_of_week(local_date) AS weekday, "
    "hour(date_add('minute', utc_offset_minutes, occurred_at)) AS hour, count(*) AS event_count "
    "FROM behavior_events GROUP BY 1, 2"
)
_TYPES = "SELECT event_type, count(*) AS event_count FROM behavior_events GROUP BY 1 ORDER BY 2 DESC"


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


def _charts(
    weeks: pd.DataFrame, hours: pd.DataFrame, types: pd.DataFrame, language: Language
) -> Sequence[dict[str, Any]]:
    say = say_in(language)
    drawn: list[tuple[str, str, str]] = [
        (
            "Events a week",
            "All events of a school; the last week may not be over.",
            charts.events_by_week(weeks, language),
        ),
        (
            "Who rises, who falls",
            "Students of each school's last week, by their points against the weeks before.",
            charts.trends_of_last_week(weeks, language),
        ),
        (
            "When it happens",
            "By the schools' own clocks and calendars.",
            charts.hours_of_the_week(hours, language),
        ),
        ("What happens", "Events by type, over all weeks.", charts.event_types(types, language)),
    ]
    if weeks["attendance_rate"].notna().any():
        attendance = charts.attendance_by_week(weeks, language)
        drawn.insert(1, ("Attendance", "Present or late, of all that was not excused.", attendance))
    return [
        {"title": say(title), "reading": say(reading), "svg": Markup(svg)}  # noqa: S704 - our own drawing
        for title, reading, svg in drawn
    ]


def books_table(books: Books) -> dict[str, Any]:
    """The books as the page shows them."""
    totals = books.totals()
    return {
        "balanced": books.balanced,
        "verdict": books.verdict,
        "columns": [column.replace("_", " ") for column in COLUMNS],
        "rows": [
            [school.school_id, *(getattr(school, column) for column in COLUMNS)] for school in books.schools
        ],
        "totals": [totals[column] for column in COLUMNS],
        "rejections": list(books.rejections().items()),
    }

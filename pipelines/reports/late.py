"""Weeks that changed after they were final: which ones, and which of them no run has counted yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from pipelines.reports import asking
from pipelines.reports.words import Language, say_in

WEEKS_LISTED = 50


@dataclass(frozen=True, slots=True)
class LateChange:
    """A week of a school for which rows came after it was final.

    Attributes:
        school_id: Whose.
        iso_week: The week.
        rows: How many rows came late.
        as_of: When the newest of their loads was published, UTC.
        waits: Whether the marts do not count them yet.
        command: Lists the rows.
    """

    school_id: str
    iso_week: str
    rows: int
    as_of: datetime
    waits: bool
    command: str


@dataclass(frozen=True, slots=True)
class LateChanges:
    """All of them: what waits first, then the newest."""

    changes: tuple[LateChange, ...]

    @property
    def waiting(self) -> int:
        """How many the marts do not count yet."""
        return sum(change.waits for change in self.changes)

    @property
    def command(self) -> str:
        """Counts what waits, or '' where nothing does: it builds from the earliest such week on."""
        first = min((change.iso_week for change in self.changes if change.waits), default=None)
        return f"luca trends --since {_monday(first)}" if first else ""

    def told(self, language: Language = Language.EN) -> str:
        """One line for a person; '' where no final week changed."""
        if not self.changes:
            return ""
        say = say_in(language)
        line = say("Weeks that changed after they were final: %(weeks)s (schools: %(schools)s).") % {
            "weeks": len(self.changes),
            "schools": len({change.school_id for change in self.changes}),
        }
        if not self.waiting:
            return f"{line} {say('All are counted.')}"
        waiting = {"waiting": self.waiting, "command": self.command}
        return f"{line} {say('Not counted yet: %(waiting)s; run %(command)s') % waiting}"


def read(work_group: str = "JOBS_WORK_GROUP") -> LateChanges:
    """Asks Athena.

    Args:
        work_group: The setting that names who asks.
    """
    return LateChanges(tuple(_change(row) for row in asking.marts(_LATE, work_group).to_dict("records")))


_LATE = """
SELECT
    late.school_id,
    late.changed_week,
    sum(late.row_count) AS row_count,
    max(late.as_of) AS as_of,
    min(late.first_load_id) AS first_load_id,
    max(late.last_load_id) AS last_load_id,
    max(IF(waiting.school_id IS NULL, 0, 1)) AS waits
FROM late_changes AS late
LEFT JOIN uncounted_changes AS waiting
    ON late.school_id = waiting.school_id AND late.changed_week = waiting.changed_week
GROUP BY late.school_id, late.changed_week
ORDER BY waits DESC, as_of DESC, late.school_id, late.changed_week
"""


def _change(row: dict[Any, Any]) -> LateChange:
    school_id, week = row["school_id"], row["changed_week"]
    monday = _monday(week)
    return LateChange(
        school_id=school_id,
        iso_week=week,
        rows=int(row["row_count"]),
        as_of=row["as_of"],
        waits=bool(row["waits"]),
        command=(
            'luca query "SELECT event_id, event_type, occurred_at, load_id FROM behavior_events '
            f"WHERE school_id = '{school_id}' "
            f"AND local_date BETWEEN DATE '{monday}' AND DATE '{monday + timedelta(days=6)}' "
            f"AND load_id BETWEEN '{row['first_load_id']}' AND '{row['last_load_id']}'\""
        ),
    )


def _monday(week: str) -> date:
    year, number = week.split("-W")
    return date.fromisocalendar(int(year), int(number), 1)

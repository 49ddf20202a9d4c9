"""A student's pseudonyms under every version of a school's key, in memory and for as long as it is asked.

No table maps keys to students, nor a version's keys to another's: who may read the keys makes the map
from the school's own identifiers whenever it is needed, and nobody else can (decision 0015).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from adapters import athena
from adapters.pseudonym_keys import read_keys
from adapters.settings import setting
from expectations.rules import literal, one_of
from transforms.pseudonyms import Pseudonymizer


@dataclass(frozen=True, slots=True)
class Linked:
    """One student's pseudonyms.

    Attributes:
        student_id: As the school knows the student.
        keys: By version of the school's key.
    """

    student_id: str
    keys: dict[int, str]


class Week(NamedTuple):
    """A week of a student, whatever the version of the key it was counted under.

    Attributes:
        week_start: Its Monday.
        points: Of all its events.
        event_count: How many.
        versions: Of the school's key.
    """

    week_start: date
    points: int
    event_count: int
    versions: tuple[int, ...]


def linked(school_id: str, students: Iterable[str]) -> Iterator[Linked]:
    """The pseudonyms of students under every version of their school's key that is kept.

    Raises:
        KeyUnavailableError: The school has no key, or it cannot be read.
    """
    versions = [Pseudonymizer(key) for key in read_keys(school_id)]
    for student in students:
        yield Linked(student, {each.version: each.student(student) for each in versions})


def weeks(school_id: str, student_id: str) -> list[Week]:
    """A student's weeks across rotations, the oldest first.

    Raises:
        KeyUnavailableError: The school has no key, or it cannot be read.
        QueryFailedError: Athena refused or failed.
    """
    (student,) = linked(school_id, [student_id])
    version_of = {key: version for version, key in student.keys.items()}
    found = athena.query_text(
        "SELECT CAST(week_start AS varchar) AS week_start, student_key, "
        "CAST(points AS varchar) AS points, CAST(event_count AS varchar) AS event_count "
        f"FROM weekly_student_behavior WHERE school_id = {literal(school_id)} "
        f"AND {one_of('student_key', sorted(version_of))} AND event_count > 0",
        work_group=setting("JOBS_WORK_GROUP"),
        database=setting("MARTS_DATABASE"),
    )
    by_week: dict[str, list[dict[str, str]]] = {}
    rows: list[dict[str, str]] = found.to_pylist()
    for row in rows:
        by_week.setdefault(row["week_start"], []).append(row)
    return [
        Week(
            date.fromisoformat(week),
            sum(int(part["points"]) for part in parts),
            sum(int(part["event_count"]) for part in parts),
            tuple(sorted(version_of[part["student_key"]] for part in parts)),
        )
        for week, parts in sorted(by_week.items())
    ]

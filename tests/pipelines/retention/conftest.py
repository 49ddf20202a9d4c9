"""A lake with two schools, their rosters and their keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import boto3
import pytest

from adapters import table
from adapters.pseudonym_keys import create_key
from pipelines.retention.rehome import Rehoming, look, rehome
from tests.pipelines.platform import platform
from transforms.keys import StudentKey
from transforms.pseudonyms import Pseudonymizer
from transforms.schools import School
from transforms.students import Student

__all__ = ["platform"]

NOW = datetime(2026, 2, 4, 9, tzinfo=UTC)
SCHOOLS = ("school_1", "school_2")


@dataclass
class Town:
    """Schools, and hands to enrol students, to load rows and to look."""

    lake: Any
    pseudonymizers: dict[tuple[str, int], Pseudonymizer] = field(default_factory=dict)

    def key(self, who: str, school: str = "school_1", version: int = 1) -> str:
        """A student's pseudonym."""
        return self.pseudonymizers[school, version].student(who)

    def enrol(self, who: str, year: int | None, school: str = "school_1") -> None:
        """Puts a student, or another year of graduation, on a roster."""
        table.put_students([Student(StudentKey(school, who), year)])

    def load(self, rows: Iterable[tuple[str, int]], school: str = "school_1", **changes: Any) -> None:
        """Loads an event of each student, written when the student was of that cohort."""
        named = {"school_id": school, **changes}
        version = changes.get("pseudonym_version", 1)
        self.lake.land(
            [
                self.lake.event(student_key=self.key(who, school, version), graduation_year=year, **named)
                for who, year in rows
            ]
        )
        self.lake.load()

    def where(self, who: str, school: str = "school_1", name: str = "behavior_events") -> dict[int, int]:
        """By cohort, the rows of a student that a reader of the lake sees."""
        keys = {each.student(who) for (of, _), each in self.pseudonymizers.items() if of == school}
        rows = self.lake.published(name)
        return dict(Counter(row["graduation_year"] for row in rows if row["student_key"] in keys))

    def ids(self, name: str = "behavior_events", column: str = "event_id") -> list[str]:
        """The identities of all rows that a reader sees."""
        return sorted(row[column] for row in self.lake.published(name))

    def look(self, *schools: str) -> Rehoming:
        """What would be moved."""
        return look(schools or SCHOOLS, NOW.date())

    def rehome(self, *schools: str) -> Rehoming:
        """Moves it."""
        return rehome(schools or SCHOOLS, clock=lambda: NOW)


@pytest.fixture
def town(platform: Any, monkeypatch: pytest.MonkeyPatch) -> Town:
    """Two schools without students; school_1 has two versions of its key."""
    monkeypatch.setenv("LUCA_PSEUDONYM_KEYS", "/luca/pseudonym-keys")
    monkeypatch.setenv("LUCA_PSEUDONYM_KEY_ALIAS", "alias/aws/ssm")
    monkeypatch.setenv("LUCA_MARTS_DATABASE", "luca_marts")
    boto3.client("glue").create_database(DatabaseInput={"Name": "luca_marts"})
    found = Town(platform.lake)
    for school, version in (("school_1", 1), ("school_1", 2), ("school_2", 1)):
        found.pseudonymizers[school, version] = Pseudonymizer(create_key(school, version))
    for school in SCHOOLS:
        table.put_school(School(school, "UTC"))
    return found


JANUARY = {"local_date": date(2026, 1, 20), "occurred_at": datetime(2026, 1, 20, 14)}

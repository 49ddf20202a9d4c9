"""A store beside marts that a test fills by hand; the query of the real ones has a test of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from moto import mock_aws

from adapters import pseudonym_keys, table, tombstones
from adapters.aws import client
from adapters.pseudonym_keys import create_key
from adapters.typed_json import from_typed
from pipelines.profiles import publishing
from pipelines.profiles.marts import StudentWeek
from pipelines.profiles.publishing import Published, publish
from tests.pipelines.conftest import dies
from tests.pipelines.platform import create_store
from transforms.keys import StudentKey
from transforms.pseudonyms import Pseudonymizer
from transforms.schools import School
from transforms.students import Student
from transforms.weekly_trends import WeeklyTrend

NOW = datetime(2026, 2, 10, 15, tzinfo=UTC)  # a Tuesday: the last whole week is 2026-W06
WEEKS = [f"2026-W{week:02d}" for week in range(1, 7)]


def week(school_id: str, student_key: str, iso_week: str, **changes: Any) -> StudentWeek:
    """A row of the marts: one week of one student."""
    figures = {
        "points": 12,
        "events": 5,
        "trend": "rising",
        "points_change": 3,
        "points_mean_4w": 9.25,
        "points_slope_4w": -0.5,
        "attendance_rate": 0.6667,
        "rules_version": 1,
        "as_of": "2026-02-09T01:02:03.000Z",
    }
    return StudentWeek(school_id, student_key, WeeklyTrend(iso_week=iso_week, **{**figures, **changes}))


@dataclass
class House:
    """The store, the marts, and hands to fill them, to publish and to look."""

    marts: list[StudentWeek] = field(default_factory=list)

    def enrol(self, school_id: str, *students: str) -> None:
        """Puts a school and its roster into the store."""
        table.put_school(School(school_id, "America/Mexico_City"))
        table.put_students([Student(StudentKey(school_id, student), 2029) for student in students])

    def key(self, student: str, school_id: str = "school_1", version: int = 1) -> str:
        """A student's pseudonym."""
        versions = {each.version: each for each in pseudonym_keys.read_keys(school_id)}
        return Pseudonymizer(versions[version]).student(student)

    def judged(self, rows: Iterable[StudentWeek]) -> None:
        """Makes the marts say just this."""
        self.marts = list(rows)

    def weeks(self, schools: Sequence[str], iso_weeks: Sequence[str]) -> Iterator[StudentWeek]:
        """In place of the query."""
        return (
            row for row in self.marts if row.school_id in schools and row.trend.iso_week in set(iso_weeks)
        )

    def publish(self, **options: Any) -> Published:
        """Runs the job."""
        return publish(**{"now": NOW, "writes_per_second": 10_000.0, **options})

    def dies(self, write: int) -> bool:
        """Runs the job in a process that is gone before its n-th write; whether it came that far."""
        return dies(write, self.publish, ["dynamodb"])

    def items(self, student: str = "ana", school_id: str = "school_1") -> dict[str, dict[str, Any]]:
        """A student's items TREND#, by ISO week, withdrawn ones included."""
        answer = client("dynamodb").query(
            TableName="luca-platform",
            KeyConditionExpression="PK = :pk AND begins_with(SK, :trend)",
            ExpressionAttributeValues={
                ":pk": {"S": f"TENANT#{school_id}#STUDENT#{student}"},
                ":trend": {"S": "TREND#"},
            },
        )
        return {item["SK"]["S"].removeprefix("TREND#"): from_typed(item) for item in answer["Items"]}

    def points(self, student: str = "ana", school_id: str = "school_1") -> dict[str, int]:
        """The points of the weeks that a profile has."""
        found = self.items(student, school_id)
        return {
            week: json.loads(item["analysis"])["points"] for week, item in found.items() if "analysis" in item
        }

    def analysis(self, iso_week: str) -> dict[str, Any]:
        """A week of Ana's as it is stored."""
        found: dict[str, Any] = json.loads(self.items()[iso_week]["analysis"])
        return found


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """Ana and Ben of school_1, and another Ana of school_2, with a key each, and empty marts."""
    for name in list(os.environ):
        if name.startswith("AWS_ENDPOINT_URL"):
            monkeypatch.delenv(name)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "LUCA_TABLE": "luca-platform",
        "LUCA_PSEUDONYM_KEYS": "/luca/pseudonym-keys",
        "LUCA_PSEUDONYM_KEY_ALIAS": "alias/aws/ssm",
        "LUCA_TOMBSTONE_KEYS": "/luca/tombstone-keys",
        "LUCA_TOMBSTONE_KEY_ALIAS": "alias/aws/ssm",
    }.items():
        monkeypatch.setenv(name, value)
    for cache in (pseudonym_keys._pseudonymizers, tombstones._tombstones, tombstones._keys):
        cache.clear()
    client.cache_clear()
    found = House()
    monkeypatch.setattr(publishing.marts, "require", lambda: None)
    monkeypatch.setattr(publishing.marts, "weeks", found.weeks)
    with mock_aws():
        create_store()
        for school_id, students in (("school_1", ("ana", "ben")), ("school_2", ("ana",))):
            found.enrol(school_id, *students)
            create_key(school_id)
        yield found
    client.cache_clear()

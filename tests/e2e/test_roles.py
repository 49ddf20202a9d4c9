"""Work beside the way under the roles that do it: judge a day, erase a student, rotate and destroy keys."""

from __future__ import annotations

import json
import urllib.request
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from adapters.pseudonym_keys import key_versions
from infra.local.cloud import LocalCloud
from pipelines.erasure import run
from pipelines.erasure.subject import student
from pipelines.keys import rotation
from pipelines.load.run import load
from pipelines.quality.daily import judge_day
from pipelines.simulation.scenario import Scenario, create_schools
from tests.assumed_role import assumed, forget_clients
from tests.recorded_calls import local_cloud
from transforms.keys import StudentKey
from transforms.lake_schema import LAKE_TABLES
from transforms.schools import School
from transforms.students import Student

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]

SCHOOL = "school_4"


def send(cloud: LocalCloud, **changes: str) -> None:
    """One event of a student who leaves, unless `changes` says otherwise."""
    body = {
        "event_id": str(uuid.uuid4()),
        "type": "participation",
        "student_id": "leaver",
        "occurred_at": datetime.now(UTC).isoformat(),
        **changes,
    }
    headers = {"Authorization": f"Bearer {cloud.token(SCHOOL)}"}
    address = f"{cloud.environment['LUCA_API_ENDPOINT']}/behavior"
    with urllib.request.urlopen(
        urllib.request.Request(address, json.dumps(body).encode(), headers)
    ) as answer:
        assert answer.status < 300


def test_their_roles_suffice(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with local_cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        for name, value in cloud.environment.items():
            monkeypatch.setenv(name, value)
        forget_clients()
        roster = [Student(StudentKey(SCHOOL, name), 2030, "3B", "A", "B") for name in ("leaver", "stayer")]
        create_schools(Scenario([School(SCHOOL, "UTC")], roster, [], 0))
        send(cloud)
        send(cloud, student_id="stayer")
        send(cloud, occurred_at="2026-02-03T08:15:00")  # rejected: it names no offset
        cloud.settle(timeout=120)
        with assumed("luca-jobs"):
            for table in LAKE_TABLES:
                load(table, now=datetime.now(UTC), docs=tmp_path_factory.mktemp("docs"))

        with assumed("luca-quality"):
            now = datetime.now(UTC)
            judged = [judge_day(table, now.date() - timedelta(days=1), now) for table in LAKE_TABLES]
        assert len(judged) == len(LAKE_TABLES)

        with assumed("luca-erasure"):
            erased = run.erase(student(SCHOOL, "leaver"), now=datetime.now(UTC), reason="a request", settle=0)
            assert not run.look(student(SCHOOL, "leaver")).findings
        assert {finding.place for finding in erased.findings if finding.rows} >= {
            "lake/lake/academic_changes",
            "lake/lake/behavior_events",
            "landing/behavior_events",
            "luca-behavior-rejected/messages",
            "luca-platform/EVENT",
            "luca-platform/ROSTER",
        }

        with assumed("luca-keyholder"):
            version = rotation.rotate(SCHOOL, now=datetime.now(UTC), reason="a new year", in_session=True)
            rotation.destroy(SCHOOL, 1, now=datetime.now(UTC), reason="nobody's", orphan=True)
        assert [each.version for each in key_versions(SCHOOL)] == [version]
    forget_clients()

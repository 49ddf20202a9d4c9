"""A teacher reports a participation at the front door, and reads it in the profile, with its moment."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters import aws, table
from infra.local.cloud import LocalCloud
from tests.recorded_calls import local_cloud
from transforms.keys import StudentKey
from transforms.schools import School
from transforms.students import Student

pytestmark = pytest.mark.e2e

REPOSITORY = Path(__file__).parents[2]
TEMPLATES = [
    REPOSITORY / "infra" / name
    for name in ("store.yaml", "behavior.yaml", "edge.yaml", "api.yaml", "routes.yaml")
]


@pytest.fixture
def port() -> Iterator[int]:
    """A port that nobody else is given: it is taken, and whoever listens on it may take it too."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, port: int) -> Iterator[LocalCloud]:
    container = {"ContainerUrl": f"http://127.0.0.1:{port}"}
    with local_cloud(tmp_path, templates=TEMPLATES, parameters=container) as started:
        for name, value in started.environment.items():
            monkeypatch.setenv(name, value)
        aws.client.cache_clear()
        yield started
    aws.client.cache_clear()


@pytest.fixture
def api(cloud: LocalCloud, port: int) -> Iterator[str]:
    """The API's address, in a process of its own."""
    child = subprocess.Popen(
        [sys.executable, "-m", "api", "--port", str(port)],
        cwd=REPOSITORY,
        env={**os.environ, **cloud.environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert child.stderr is not None
    found = re.search(r"http://[\d.:]+", child.stderr.readline().decode())
    assert found is not None
    deadline = time.monotonic() + 30
    while True:
        try:
            urllib.request.urlopen(f"{found[0]}/ready", timeout=5).close()
            break
        except OSError:
            assert time.monotonic() < deadline, "the API did not become ready"
            time.sleep(0.05)
    yield found[0]
    child.kill()
    child.communicate(timeout=30)


def ask(address: str, token: str, body: Any = None) -> Any:
    content = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(address, content, headers), timeout=20) as answer:
        return json.loads(answer.read() or b"null") if "json" in answer.headers["Content-Type"] else None


def test_what_happened_in_class_is_in_the_profile_with_its_evidence(cloud: LocalCloud, api: str) -> None:
    table.put_school(School("school_1", "America/Mexico_City"))
    table.put_school(School("school_12", "America/Mexico_City"))
    table.put_students([Student(StudentKey("school_1", "ana"), 2029, "3B", "Ana", "Ruiz")])
    teacher = cloud.token("school_1", "teacher")
    event = {
        "event_id": str(uuid.uuid4()),
        "type": "participation",
        "student_id": "ana",
        "occurred_at": datetime.now(UTC).isoformat(),
    }
    ask(f"{cloud.environment['LUCA_API_ENDPOINT']}/behavior", teacher, event)
    cloud.settle()
    profile = ask(f"{api}/profile/ana", teacher)
    assert profile["counts"][0]["text"] == "1 participación esta semana"
    behind = ask(api + profile["counts"][0]["activity"], teacher)
    assert [each["event_id"] for each in behind["events"]] == [event["event_id"]]
    (in_class,) = ask(f"{api}/classes/3B/week", teacher)["students"]
    assert in_class["week"]["score"] == profile["week"]["score"] == 2

    edge = cloud.environment["LUCA_API_ENDPOINT"]
    assert ask(f"{edge}/profile/ana", teacher) == profile
    assert "/profile/{student}" in ask(f"{edge}/openapi.json", "")["paths"]
    stranger = cloud.token("school_12", "admin")
    assert refused(f"{api}/profile/ana", stranger) == refused(f"{edge}/profile/ana", stranger) == 404
    assert refused(f"{edge}/profile/ana", "") == 401


def refused(address: str, token: str) -> int:
    """The status with which a request is refused."""
    with pytest.raises(urllib.error.HTTPError) as error:
        ask(address, token)
    with error.value:
        return error.value.code

"""The same in the local cloud: the templates' own functions, roles, machines, secret and tables."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from adapters import executions, government, table
from adapters.aws import client
from adapters.executions import ExecutionFailedError
from infra.local.cloud import LocalCloud
from pipelines.cli import sync
from tests.recorded_calls import local_cloud
from tests.sync.house import grade_of, group, put, stored
from transforms.schools import School

pytestmark = [pytest.mark.local, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with local_cloud(tmp_path_factory.mktemp("cloud"), wait_scale=0.002) as running:
        yield running


@pytest.fixture(autouse=True)
def school(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[str]:
    """A school for each test, and a government that is well."""
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    client.cache_clear()
    government._credentials.clear()
    order("DELETE")
    name = f"school_{abs(hash(request.node.name)) % 10**9}"
    table.put_school(School(name, "America/Mexico_City"))
    yield name
    client.cache_clear()


def order(method: str, **fault: Any) -> None:
    url = os.environ["LUCA_LOCAL_GOVERNMENT"] + "/_faults"
    body = json.dumps(fault).encode() if fault else None
    urllib.request.urlopen(urllib.request.Request(url, body, method=method), timeout=10).close()


def luca(*arguments: str) -> Result:
    sync.console.width = 200
    result = CliRunner().invoke(sync.app, list(arguments))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_grades_reach_the_record_through_faults(school: str) -> None:
    order("POST", fault="unavailable")
    order("POST", fault="apply-then-drop")
    put(*(grade_of(group(number, school)) for number in range(150)))
    result = luca("run", "--school", school)
    assert result.exit_code == 0, result.output
    assert "1 schools, 2 batches: 150 grades accepted, 0 refused, 0 failed" in result.output
    assert all(stored(group(number, school)).synced for number in (0, 149))
    # Told only by its executions' histories: nothing of a student.
    arn = client("stepfunctions").list_executions(stateMachineArn=_machine(), statusFilter="SUCCEEDED")[
        "executions"
    ][0]["executionArn"]
    history = client("stepfunctions").get_execution_history(executionArn=arn)["events"]
    assert "student" not in json.dumps(history, default=str)


def _machine() -> str:
    return os.environ["LUCA_GOVERNMENT_SYNC"]


def test_a_failure_is_listed_retried_once_and_gone(school: str) -> None:
    order("POST", fault="reject", status=422)
    put(grade_of(group(1, school)))
    assert luca("run", "--school", school).exit_code == 1
    listed = luca("failures").output
    line = next(line for line in listed.splitlines() if line.startswith(school))
    assert "http_422" in line
    failure = line.split()[0]
    retried = luca("retry", failure)
    assert retried.exit_code == 0, retried.output
    assert stored(group(1, school)).synced
    assert school not in luca("failures").output
    assert "resolved" in luca("failures", "--all").output


def test_books_that_differ_are_repaired(school: str) -> None:
    order("POST", fault="claim-only")
    put(grade_of(group(1, school)))
    assert luca("run", "--school", school).exit_code == 0
    look = ("reconcile", "--settled-minutes", "-60")
    found = luca(*look)
    assert found.exit_code == 1
    assert "lacking" in found.output
    assert "send those grades again" in found.output
    assert luca(*look, "--repair").exit_code == 0
    assert "they agree" in luca(*look).output


def test_every_school_is_sent_by_the_quarterly_schedule(cloud: LocalCloud, school: str) -> None:
    put(grade_of(group(1, school)))
    cloud.fire("luca-government-sync", datetime.now(UTC))
    arn = client("stepfunctions").list_executions(stateMachineArn=f"{_machine()}-all")["executions"][0]
    while client("stepfunctions").describe_execution(executionArn=arn["executionArn"])["status"] == "RUNNING":
        time.sleep(0.05)
    assert stored(group(1, school)).synced


def test_the_books_are_compared_by_the_daily_schedule(cloud: LocalCloud) -> None:
    cloud.fire("luca-sync-reconciliation", datetime.now(UTC))
    reports = client("s3").list_objects_v2(
        Bucket=cloud.environment["LUCA_REPORTS_BUCKET"], Prefix="government/reconciliation/"
    )
    assert reports["KeyCount"] >= 1


def test_an_execution_that_fails_tells_the_functions_own_error(school: str) -> None:
    with pytest.raises(ExecutionFailedError) as failed:
        executions.run(_machine(), {"school_id": "no#school"})
    assert failed.value.error == "ValidationError"


@pytest.mark.fault
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="finds the worker's process in /proc")
def test_a_worker_that_is_killed_between_send_and_mark_applies_nothing_twice(school: str) -> None:
    order("POST", fault="apply-then-hang", seconds=20)
    put(grade_of(group(1, school)))
    begun = client("stepfunctions").start_execution(
        stateMachineArn=_machine(), input=json.dumps({"school_id": school})
    )
    _until(lambda: _on_record(school))  # applied, and the sender waits for the answer
    for worker in _workers("lambdas.government_sender.handler"):
        os.kill(worker, signal.SIGKILL)

    def status() -> str:
        told = client("stepfunctions").describe_execution(executionArn=begun["executionArn"])
        return str(told["status"])

    _until(lambda: status() != "RUNNING")
    assert status() == "SUCCEEDED"
    assert stored(group(1, school)).synced
    events = client("stepfunctions").get_execution_history(executionArn=begun["executionArn"])["events"]
    failed = [event["taskFailedEventDetails"]["error"] for event in events if event["type"] == "TaskFailed"]
    assert set(failed) == {"Runtime.ExitError"}
    state = _state()
    assert state["duplicates"] >= 1
    assert state["batches_applied_more_than_once"] == []
    assert state["lines_applied_more_than_once"] == []


def _state() -> dict[str, Any]:
    with urllib.request.urlopen(os.environ["LUCA_LOCAL_GOVERNMENT"] + "/_state", timeout=10) as answer:
        found: dict[str, Any] = json.loads(answer.read())
    return found


def _on_record(school: str) -> bool:
    return any(line["school_id"] == school for line in _state()["record"])


def _workers(handler: str) -> list[int]:
    """The processes of a function's instances: children of ours."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().split(b"\0")
            parent = int((process / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            continue
        if handler.encode() in command and parent == os.getpid():
            found.append(int(process.name))
    assert found, f"no process runs {handler}"
    return found


def _until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.05)

"""Our interpreter beside another one (moto's), on our own machine: the same states, the same end.

Functions are scripted, waits have no length.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest

from infra.local.state_machines.definition import read_machine
from infra.local.state_machines.execution import StateError
from infra.local.state_machines.service import StateMachines
from tests.moto_process import moto_process
from tests.sync.house import ARN, school_machine, visited

pytestmark = pytest.mark.service

Script = Callable[[str, dict[str, Any], int], dict[str, Any]]
"""State's name, the execution's state, how often a function was called before: the new state."""


def scripted(*outcomes: str, batches: int = 1) -> Script:
    """Batches whose tries end with these outcomes, one after the other."""
    left = list(outcomes)

    def answer(name: str, state: dict[str, Any], calls: int) -> dict[str, Any]:
        if name == "QueryPendingGrades":
            return {**state, "found": bool(outcomes), "batches": 0}
        if name == "PrepBatch":
            return {**state, "batch": {"tries": 0}}
        if name == "SendToGov":
            batch = {"tries": state["batch"]["tries"] + 1, "outcome": left.pop(0), "wait_seconds": 0}
            return {**state, "batch": batch}
        if name in {"UpdateSuccess", "WriteToDLQ"}:
            done = state["batches"] + 1
            return {**state, "batches": done, "go_on": done < batches}
        return state

    return answer


def raising(error: str) -> Script:
    def answer(name: str, state: dict[str, Any], calls: int) -> dict[str, Any]:
        raise StateError(error, "on request")

    return answer


SCRIPTS: dict[str, Callable[[], Script]] = {
    "nothing": scripted,
    "accepted": lambda: scripted("accepted"),
    "three batches": lambda: scripted("accepted", "failed", "accepted", batches=3),
    "retries": lambda: scripted("retry", "retry", "accepted"),
    "given up": lambda: scripted("retry", "retry", "retry"),
    "rejected": lambda: scripted("failed"),
    "another run": lambda: raising("SyncRunningError"),
}


@pytest.fixture
def moto(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """moto's Step Functions, whose functions are answered by the script in `moto.script`."""
    calls = [0]

    class Functions(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        script: Script

        def do_POST(self) -> None:
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            calls[0] += 1
            failed = False
            try:
                answer: Any = type(self).script(event["action"], event["state"], calls[0])
            except StateError as error:
                answer, failed = {"errorType": error.error, "errorMessage": error.cause}, True
            body = json.dumps(answer).encode()
            self.send_response(200)
            if failed:
                self.send_header("X-Amz-Function-Error", "Unhandled")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    functions = ThreadingHTTPServer(("127.0.0.1", 0), Functions)
    threading.Thread(target=functions.serve_forever, args=(0.05,), daemon=True).start()
    with moto_process(MOTO_PORT=str(functions.server_port)) as url:
        yield _configured(url, Functions)
    functions.shutdown()
    functions.server_close()


def _configured(url: str, functions: type) -> Any:
    configuration = json.dumps({"stepfunctions": {"execute_state_machine": True}}).encode()
    urllib.request.urlopen(
        urllib.request.Request(f"{url}/moto-api/config", configuration, method="POST")
    ).close()
    client = boto3.client("stepfunctions", endpoint_url=url)
    client.functions = functions
    return client


def moto_runs(client: Any, name: str, text: str, script: Script) -> tuple[list[str], str, str | None]:
    client.functions.script = staticmethod(script)
    machine = client.create_state_machine(
        name="sync", definition=text, roleArn="arn:aws:iam::123456789012:role/any"
    )["stateMachineArn"]
    arn = client.start_execution(
        stateMachineArn=machine, name=f"{name}-{uuid.uuid4()}", input='{"school_id": "school_1"}'
    )["executionArn"]
    deadline = time.monotonic() + 30
    while (told := client.describe_execution(executionArn=arn))["status"] == "RUNNING":
        assert time.monotonic() < deadline, "moto's interpreter does not end"
        time.sleep(0.05)
    events = client.get_execution_history(executionArn=arn, maxResults=1000)["events"]
    names = [
        each["stateEnteredEventDetails"]["name"] for each in events if each["type"].endswith("StateEntered")
    ]
    return names, told["status"], told.get("error")


def ours_runs(text: str, script: Script) -> tuple[list[str], str, str | None]:
    calls = [0]

    async def invoke(function: str, payload: bytes) -> bytes:
        calls[0] += 1
        event = json.loads(payload)
        return json.dumps(script(event["action"], event["state"], calls[0])).encode()

    async def run() -> tuple[list[str], str, str | None]:
        machines = StateMachines(
            [read_machine("sync", ARN.format("sync"), text)], invoke=invoke, wait_scale=0
        )
        started = machines.start(ARN.format("sync"), "one", {"school_id": "school_1"})
        ended = await machines.finished(started.arn)
        return visited(ended), ended.status, ended.error

    return asyncio.run(run())


@pytest.mark.parametrize("name", SCRIPTS)
def test_another_interpreter_walks_the_same_way(moto: Any, name: str) -> None:
    text = school_machine().text.replace('"Seconds": 2', '"Seconds": 0')
    assert ours_runs(text, SCRIPTS[name]()) == moto_runs(moto, name.replace(" ", "-"), text, SCRIPTS[name]())

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from infra.local.children import REPOSITORY
from infra.local.government.server import Government
from tests.transforms.test_sync_batches import batch
from transforms.sync_batches import encode

pytestmark = pytest.mark.service

BATCH = batch(2)


@pytest.fixture
def government() -> Iterator[Government]:
    running = Government(token="secret").start()
    yield running
    running.stop()


def ask(url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> tuple[int, Any]:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, body, given, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.loads(refused.read())


def send(url: str) -> tuple[int, Any]:
    return ask(
        f"{url}/v1/grade-batches",
        "POST",
        encode(BATCH),
        Authorization="Bearer secret",
        Idempotency_Key=BATCH.sync_batch_id,
    )


def test_a_batch_is_taken_and_its_receipt_can_be_asked_for(government: Government) -> None:
    status, receipt = send(government.url)
    assert status == 200
    found = ask(f"{government.url}/v1/grade-batches/{BATCH.sync_batch_id}", Authorization="Bearer secret")
    assert found == (200, receipt)


@pytest.mark.parametrize("authorization", ["", "Bearer ", "Bearer wrong", "Basic secret"])
def test_nothing_is_said_without_the_token(government: Government, authorization: str) -> None:
    for path in ("/v1/receipts", "/v1/grade-batches/x"):
        assert ask(government.url + path, Authorization=authorization)[0] == 401
    assert (
        ask(f"{government.url}/v1/grade-batches", "POST", encode(BATCH), Authorization=authorization)[0]
        == 401
    )
    assert government.register.batches == {}


def test_faults_are_ordered_counted_and_taken_back_over_http(government: Government) -> None:
    order = json.dumps({"fault": "unavailable", "times": 2}).encode()
    assert ask(f"{government.url}/_faults", "POST", order) == (200, {"faults": 2})
    assert send(government.url)[0] == 503
    assert ask(f"{government.url}/_faults", "DELETE") == (200, {"faults": 0})
    assert send(government.url)[0] == 200
    status, answer = ask(f"{government.url}/_faults", "POST", b'{"fault": "flood"}')
    assert (status, answer["message"][:23]) == (400, "fault 'flood' is unknow")


def test_the_state_tells_what_happened(government: Government) -> None:
    send(government.url)
    send(government.url)
    status, state = ask(f"{government.url}/_state")
    assert status == 200
    assert (state["batches"], state["grades"], state["duplicates"]) == (1, 2, 1)
    assert state["requests"]["POST 200"] == 2


def test_it_runs_by_itself_and_says_where() -> None:
    command = [sys.executable, "-m", "infra.local.government"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        url = json.loads(running.stdout.readline())["url"]
        try:
            assert ask(f"{url}/_state")[1]["batches"] == 0
        finally:
            running.terminate()

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from api import server
from api.server import DeadlineProtocol

pytestmark = [pytest.mark.local, pytest.mark.fault]

REPOSITORY = Path(__file__).parents[2]


class Impatient(DeadlineProtocol):
    head_timeout = 1.0


@pytest.fixture
def connect() -> Iterator[Callable[[int], socket.socket]]:
    """Opens connections, and closes them after the test."""
    opened: list[socket.socket] = []

    def open_one(port: int) -> socket.socket:
        opened.append(socket.create_connection(("127.0.0.1", port), timeout=5))
        return opened[-1]

    yield open_one
    for connection in opened:
        connection.close()


def closed(connection: socket.socket, within: float = 5.0) -> bool:
    connection.settimeout(within)
    try:
        while connection.recv(4096):
            pass  # an answer may come before the end
        return True
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def health(port: int) -> tuple[int, float]:
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/health")
    status = connection.getresponse().status
    connection.close()
    return status, time.monotonic() - began


def test_a_connection_that_says_nothing_ends(
    running: Callable[..., Any], connect: Callable[[int], socket.socket]
) -> None:
    port = running(http=Impatient).port
    assert closed(connect(port))


def test_a_head_that_comes_byte_by_byte_ends(
    running: Callable[..., Any], connect: Callable[[int], socket.socket]
) -> None:
    port = running(http=Impatient).port
    connection = connect(port)
    began = time.monotonic()
    try:
        for byte in b"GET /health HTTP/1.1\r\nX-Slow: " + b"x" * 1000:
            connection.send(bytes([byte]))
            time.sleep(0.05)
            if time.monotonic() - began > 5:
                break
    except ConnectionError:
        pass
    assert time.monotonic() - began < 4
    assert closed(connection)


def test_a_second_request_has_its_own_time(
    running: Callable[..., Any], connect: Callable[[int], socket.socket]
) -> None:
    port = running(http=Impatient).port
    connection = connect(port)
    for _ in range(3):
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b""
        while not answer.endswith(b'{"status":"ok"}'):
            answer += connection.recv(4096)
        time.sleep(0.7)
    connection.sendall(b"GET /hea")
    assert closed(connection)


def test_a_head_without_end_is_cut(
    running: Callable[..., Any], connect: Callable[[int], socket.socket]
) -> None:
    port = running().port
    connection = connect(port)
    connection.sendall(b"GET /health HTTP/1.1\r\n")
    try:
        for _ in range(200):
            connection.sendall(b"X-Filler: " + b"x" * 1000 + b"\r\n")
    except ConnectionError:
        pass
    assert closed(connection)


def test_a_thousand_idle_connections_take_nobodys_place(
    running: Callable[..., Any], connect: Callable[[int], socket.socket]
) -> None:
    port = running(http=Impatient).port
    idle = [connect(port) for _ in range(1000)]
    status, seconds = health(port)
    assert status == 200
    assert seconds < 2
    deadline = time.monotonic() + 10
    assert all(closed(connection, max(0.1, deadline - time.monotonic())) for connection in idle)
    assert health(port)[0] == 200


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x00" * 100,
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    ],
)
def test_what_is_no_http_is_answered_and_ended(
    running: Callable[..., Any], connect: Callable[[int], socket.socket], request_: bytes
) -> None:
    port = running(http=Impatient, log_level="critical").port
    connection = connect(port)
    connection.sendall(request_)
    connection.settimeout(5)
    assert connection.recv(4096)[:12] in {b"HTTP/1.1 400", b"", b"HTTP/1.1 404"}
    assert health(port)[0] == 200


@pytest.fixture
def process(platform: Any) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """`python -m api` as a container runs it, on a free port."""
    child = subprocess.Popen(
        [sys.executable, "-m", "api", "--port", "0"],
        cwd=REPOSITORY,
        env={**os.environ, **platform.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stderr is not None
    line = child.stderr.readline().decode()
    found = re.search(r":(\d+),", line)
    assert found is not None, line
    port = int(found[1])
    deadline = time.monotonic() + 20
    while True:
        try:
            if health(port)[0] == 200:
                break
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    yield child, port
    child.kill()
    child.communicate(timeout=30)


def test_a_stopping_server_answers_what_is_under_way(
    process: Any, classroom: Any, connect: Callable[[int], socket.socket]
) -> None:
    child, port = process
    token = classroom.platform.issuer.issuer.token(classroom.school_id, "admin")
    body = b'{"given_name": "Eva", "family_name": "Sol"}'
    connection = connect(port)
    connection.sendall(
        b"PUT /students/eva HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        + f"Authorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body[:10]
    )
    time.sleep(0.3)
    child.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    with pytest.raises(ConnectionRefusedError):
        connect(port)
    connection.sendall(body[10:])
    assert connection.recv(4096).startswith(b"HTTP/1.1 201")
    assert child.wait(20) in {0, -signal.SIGTERM}


def test_the_server_needs_its_settings_and_says_which(platform: Any) -> None:
    environment = {**os.environ, **platform.environment}
    del environment["LUCA_TENANT_ROLE"]
    done = subprocess.run(
        [sys.executable, "-m", "api", "--port", "0"],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert b"LUCA_TENANT_ROLE is not set" in done.stderr


def test_the_process_may_hold_many_connections() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    server.raise_open_files()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft >= min(before[0], hard)


def test_the_address_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LUCA_API_HOST", raising=False)
    monkeypatch.delenv("LUCA_API_PORT", raising=False)
    assert server.address() == ("127.0.0.1", 8080)
    monkeypatch.setenv("LUCA_API_HOST", "0.0.0.0")
    monkeypatch.setenv("LUCA_API_PORT", "80")
    assert server.address() == ("0.0.0.0", 80)


def test_answers_on_a_busy_connection_do_not_wait_for_receipts(running: Callable[..., Any]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", running().port, timeout=10)
    began = time.monotonic()
    for _ in range(40):
        connection.request("GET", "/openapi.json")
        connection.getresponse().read()
    connection.close()
    assert time.monotonic() - began < 1.2  # 40 ms each, were the body held back until the head is received


def test_the_collector_is_spared_what_stays_for_good() -> None:
    script = (
        "import gc; from api.server import spare_the_collector; spare_the_collector();"
        "print(gc.get_freeze_count() > 0, *gc.get_threshold())"
    )
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            script,
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["True", "50000", "20", "50"]

"""A load generator that costs little: raw keep-alive connections, and latencies from when a request was due.

Measuring from the due time and not from the sending keeps a slow server from slowing its own clock
(coordinated omission).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

CONNECTIONS = 64
TIMEOUT = 10.0  # seconds


class Outcome(NamedTuple):
    """What a run saw.

    Attributes:
        latencies: Seconds, sorted.
        errors: Answers of status 500 and above, time-outs, broken connections.
        statuses: How often each status came.
        seconds: How long the run took.
    """

    latencies: list[float]
    errors: int
    statuses: dict[int, int]
    seconds: float

    def percentile(self, share: float) -> float:
        """Milliseconds that this share of the requests did not exceed."""
        if not self.latencies:
            return float("inf")
        return self.latencies[min(len(self.latencies) - 1, int(len(self.latencies) * share))] * 1000

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.latencies) / self.seconds


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self._answer: asyncio.Future[int] | None = None
        self._received = b""
        self._wanted = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("closed"))

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._wanted < 0:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._received[:end].lower()
            at = head.index(b"content-length:") + 15
            self._wanted = end + 4 + int(head[at:].split(b"\r\n", 1)[0])
        if len(self._received) >= self._wanted and self._answer is not None and not self._answer.done():
            self._answer.set_result(int(self._received[9:12]))

    async def ask(self, request: bytes) -> int:
        """Status of the answer to one request."""
        self._received, self._wanted = b"", -1
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        async with asyncio.timeout(TIMEOUT):
            return await self._answer


def request(method: str, path: str, token: str, body: bytes = b"") -> bytes:
    """The bytes of a request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


async def steady(port: int, requests: Callable[[int], bytes], rate: float, seconds: float) -> Outcome:
    """Sends requests at a rate, whatever the server does.

    Args:
        port: Of the server on the loopback address.
        requests: The bytes of request number n.
        rate: Requests a second.
        seconds: For how long.
    """
    connections = await _open(port)
    free: asyncio.Queue[_Connection] = asyncio.Queue()
    for connection in connections:
        free.put_nowait(connection)
    latencies: list[float] = []
    statuses: dict[int, int] = {}
    errors = 0
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def one(number: int, due: float) -> None:
        nonlocal errors
        connection = await free.get()
        try:
            status = await connection.ask(requests(number))
        except (TimeoutError, ConnectionError):
            errors += 1
            (connection,) = await _open(port, 1)
        else:
            latencies.append(loop.time() - due)
            statuses[status] = statuses.get(status, 0) + 1
            errors += status >= 500
        finally:
            free.put_nowait(connection)

    tasks = set()
    for number in range(int(rate * seconds)):
        due = began + number / rate
        if (wait := due - loop.time()) > 0.0005:
            await asyncio.sleep(wait)
        task = asyncio.create_task(one(number, due))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    took = loop.time() - began
    _close(connections)
    return Outcome(sorted(latencies), errors, statuses, took)


async def flat_out(
    port: int,
    requests: Callable[[int], bytes],
    count: int,
    at_once: int = 4,
    watch: Callable[[int], None] | None = None,
) -> Outcome:
    """Sends requests as fast as they are answered.

    Args:
        port: Of the server.
        requests: The bytes of request number n.
        count: How many.
        at_once: How many are under way.
        watch: Is told now and then how many are done.
    """
    connections = await _open(port, at_once)
    latencies: list[float] = []
    statuses: dict[int, int] = {}
    errors = 0
    numbers = iter(range(count))
    began = time.monotonic()

    async def client(connection: _Connection) -> None:
        nonlocal errors
        for number in numbers:
            sent = time.monotonic()
            status = await connection.ask(requests(number))
            latencies.append(time.monotonic() - sent)
            statuses[status] = statuses.get(status, 0) + 1
            errors += status >= 500
            if watch is not None and number % 1000 == 0:
                watch(number)

    await asyncio.gather(*map(client, connections))
    took = time.monotonic() - began
    _close(connections)
    return Outcome(sorted(latencies), errors, statuses, took)


async def _open(port: int, count: int = CONNECTIONS) -> list[_Connection]:
    loop = asyncio.get_running_loop()
    return [(await loop.create_connection(_Connection, "127.0.0.1", port))[1] for _ in range(count)]


def _close(connections: Sequence[_Connection]) -> None:
    for connection in connections:
        connection.transport.close()

"""The HTTP server: uvicorn, with a deadline for a request's head that uvicorn does not have.

uvicorn waits for the first byte of a connection, and for the last byte of a head, without end, so a
thousand clients that send a byte a minute hold a thousand connections for good. A load balancer
before the container may or may not help; the container helps itself.
"""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import socket
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_TIMEOUT = 10.0  # seconds from the connection, or from a request's first byte, to the end of its head
KEEP_ALIVE = 75  # seconds; longer than the 60 s of a load balancer, so that it closes first
LARGEST_HEAD = 32_768  # bytes
GRACE = 20  # seconds that a stopping server gives to requests under way; ECS kills after 30
BACKLOG = 2048
OPEN_FILES = 16_384
COLLECT_AFTER = 50_000  # containers made and not freed; some ten requests under way


class DeadlineProtocol(HttpToolsProtocol):
    """One connection, whose heads must arrive in time and be of decent size."""

    head_timeout = HEAD_TIMEOUT

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Starts the clock: a connection that says nothing ends too."""
        super().connection_made(transport)
        self._head_bytes = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Starts the clock again at the first byte of a further request."""
        if self._deadline is None and (self.cycle is None or self.cycle.response_complete):
            self._expect_head()
        if self._deadline is not None:
            self._head_bytes += len(data)
            if self._head_bytes > LARGEST_HEAD and not self._head_ended(data):
                self._end()
                return
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """Stops the clock."""
        self._stop_clock()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the clock."""
        self._stop_clock()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        self._head_bytes = 0
        self._deadline = self.loop.call_later(self.head_timeout, self._end)

    def _head_ended(self, data: bytes) -> bool:
        """Whether a head ends in what just came; what follows it is body, which has its own limit."""
        return b"\r\n\r\n" in data[:LARGEST_HEAD]

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _end(self) -> None:
        self._stop_clock()
        if not self.transport.is_closing():
            self.transport.close()


def server(app: ASGIApp, **settings: Any) -> uvicorn.Server:
    """A server for the application; `serve(sockets=[…])` runs it, SIGTERM ends it gracefully.

    Args:
        app: The ASGI application.
        settings: Of `uvicorn.Config`, over ours.
    """
    ours: dict[str, Any] = {
        "loop": "auto",
        "http": DeadlineProtocol,
        "ws": "none",
        "lifespan": "on",
        "interface": "asgi3",
        "access_log": False,
        "log_level": "warning",
        "server_header": False,
        "date_header": False,
        "proxy_headers": False,
        "timeout_keep_alive": KEEP_ALIVE,
        "timeout_graceful_shutdown": GRACE,
        "backlog": BACKLOG,
    }
    return uvicorn.Server(uvicorn.Config(app, **{**ours, **settings}))


def listener(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one."""
    # The protocol by name: asyncio sets TCP_NODELAY only where it reads TCP, and without it an answer's
    # body waits 40 ms for the receipt of its head.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((host, port))
    bound.listen(BACKLOG)
    bound.set_inheritable(True)
    return bound


def raise_open_files() -> None:
    """Lets the process hold as many connections as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def spare_the_collector() -> None:
    """Keeps Python's collector of cycles from walking the libraries with every few requests.

    A request makes thousands of small objects without cycles, which reference counts free; what is there
    before the first one stays for good. Call it when everything is imported.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 20, 50)


def address() -> tuple[str, int]:
    """Where to listen: `LUCA_API_HOST`, `LUCA_API_PORT`; a container sets the host to 0.0.0.0."""
    return os.environ.get("LUCA_API_HOST", "127.0.0.1"), int(os.environ.get("LUCA_API_PORT", "8080"))

"""Serves ASGI applications on sockets that are already bound, in a child or in a thread."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = "127.0.0.1"
KEEP_ALIVE = 600  # seconds; longer than any client of ours pauses, so that none meets a closed connection


def bound_socket() -> socket.socket:
    """A listening socket on a free port of the loopback address."""
    # The protocol by name: asyncio sets TCP_NODELAY only where it reads TCP, and without it an answer's
    # body waits 40 ms for the receipt of its head.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((LOOPBACK, 0))
    listener.listen(1024)
    return listener


def url(listener: socket.socket) -> str:
    """Where a listening socket is reached."""
    return f"http://{LOOPBACK}:{listener.getsockname()[1]}"


class _OneWrite:
    """A transport that sends what was written in one turn of the loop with one system call.

    uvicorn writes head and body of a response apart; on a busy machine the second call is a
    tenth of what a small request costs.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._parts: list[bytes] = []
        self._loop = asyncio.get_running_loop()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Keeps data until the loop's next turn."""
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)

    def _flush(self) -> None:
        if self._parts:
            parts, self._parts = self._parts, []
            self._transport.write(b"".join(parts))

    def close(self) -> None:
        """Sends what is kept, then closes."""
        self._flush()
        self._transport.close()


class _Protocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]  # whichever parser is installed
    def connection_made(self, transport: Any) -> None:
        super().connection_made(_OneWrite(transport))


def server(app: App, *, lifespan: bool = False) -> uvicorn.Server:
    """A server for an application; `await server.serve(sockets=[…])` runs it."""
    config = uvicorn.Config(
        app,
        http=_Protocol,
        proxy_headers=False,
        lifespan="on" if lifespan else "off",
        log_config=None,  # the logging of this process is not ours to set up
        log_level="warning",
        access_log=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=2,
        server_header=False,
        date_header=False,
        backlog=1024,
        ws="none",
    )
    return uvicorn.Server(config)


async def body_of(receive: Receive, limit: int | None = None) -> bytes | None:
    """The whole body of a request; None when it is longer than `limit` bytes."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if limit is not None and size > limit:
            return None
        parts.append(part)
        if not message.get("more_body"):
            return parts[0] if len(parts) == 1 else b"".join(parts)


async def reply(
    send: Send, status: int, body: bytes, content_type: bytes, headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """Sends one response."""
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", content_type),
                (b"content-length", str(len(body)).encode()),
                *headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})

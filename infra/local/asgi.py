"""Serves ASGI applications on sockets that are already bound, in a child or in a thread."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import uvicorn

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = "127.0.0.1"
KEEP_ALIVE = 600  # seconds; longer than any client of ours pauses, so that none meets a closed connection


def bound_socket() -> socket.socket:
    """A listening socket on a free port of the loopback address."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((LOOPBACK, 0))
    listener.listen(1024)
    return listener


def url(listener: socket.socket) -> str:
    """Where a listening socket is reached."""
    return f"http://{LOOPBACK}:{listener.getsockname()[1]}"


def server(app: App, *, lifespan: bool = False) -> uvicorn.Server:
    """A server for an application; `await server.serve(sockets=[…])` runs it."""
    config = uvicorn.Config(
        app,
        lifespan="on" if lifespan else "off",
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

from __future__ import annotations

import asyncio
from typing import Any

from infra.local.declarations import Route
from infra.local.gateway.app import Gateway

SEND = {
    "QueueUrl": "q",
    "MessageBody": "$request.body",
    "MessageAttributes": '{"edge":{"DataType":"String","StringValue":"${request.header.x-edge} r"}}',
}


class Queue:
    """Takes messages."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    async def call(self, action: str, message: dict[str, Any]) -> bytes:
        self.sent.append(message)
        return b'{"MessageId": "m", "MD5OfMessageBody": "0"}'


def sent(edge_headers: dict[str, str], *headers: tuple[bytes, bytes]) -> str:
    """The attribute `edge` of the message that one request becomes."""
    queue = Queue()
    route = Route("POST", "/behavior", None, SEND, (), None)
    gateway = Gateway([route], lambda: queue, edge_headers=edge_headers)  # type: ignore[arg-type,return-value]

    async def receive() -> Any:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Any) -> None: ...

    scope = {"method": "POST", "raw_path": b"/behavior", "query_string": b"", "headers": list(headers)}
    asyncio.run(gateway(scope, receive, send))
    (message,) = queue.sent
    return str(message["MessageAttributes"]["edge"]["StringValue"])


def test_the_edges_header_is_added() -> None:
    assert sent({"x-edge": "v"}) == "v r"


def test_a_client_cannot_say_it_for_the_edge() -> None:
    assert sent({"x-edge": "v"}, (b"x-edge", b"mine")) == "v r"


def test_without_an_edge_a_header_is_the_clients() -> None:
    assert sent({}, (b"x-edge", b"mine")) == "mine r"

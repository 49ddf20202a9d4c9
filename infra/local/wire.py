"""A small asyncio client for AWS's JSON protocols, many times cheaper than boto3 per call.

The hot paths of the local cloud (gateway, queues, streams) make a call for every event or two,
and boto3's millisecond would be most of their cost. The store checks no signatures, so a
request only names its access key.
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import msgspec

TIMEOUT = 60.0  # seconds


class AwsError(Exception):
    """The service refused a call.

    Attributes:
        code: Such as `QueueDoesNotExist`.
        message: The service's words.
        status: HTTP status.
    """

    def __init__(self, action: str, status: int, body: bytes) -> None:
        try:
            answer: dict[str, Any] = msgspec.json.decode(body)
        except msgspec.DecodeError:
            answer = {"message": body[:200].decode("utf-8", "replace")}
        self.code = str(answer.get("__type", "UnknownError")).rsplit("#", 1)[-1]
        self.message = str(answer.get("message", answer.get("Message", "")))
        self.status = status
        super().__init__(f"{action}: {self.code}: {self.message}")


class _Connection(asyncio.Protocol):
    """One connection, one request at a time, answers with a Content-Length."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._received = bytearray()
        self._body_at = self._ends_at = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError(f"the service closed the connection: {exc}"))

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._body_at < 0:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            self._body_at = end + 4
            head = bytes(self._received[:end]).lower()
            at = head.find(b"\r\ncontent-length:")
            if at < 0:
                raise RuntimeError("the service answered without a Content-Length")
            self._ends_at = self._body_at + int(head[at + 17 :].split(b"\r\n", 1)[0])
        if len(self._received) >= self._ends_at and self._answer is not None and not self._answer.done():
            status = int(self._received[9:12])
            self._answer.set_result((status, bytes(self._received[self._body_at : self._ends_at])))

    @property
    def open(self) -> bool:
        """Whether a request can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Sends one request and waits for its answer."""
        if self._transport is None:
            raise ConnectionError("the connection is closed")
        self._received.clear()
        self._body_at = self._ends_at = -1
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        async with asyncio.timeout(TIMEOUT):
            return await self._answer

    def close(self) -> None:
        """Ends the connection."""
        if self._transport is not None:
            self._transport.close()


class JsonService:
    """A service behind an endpoint.

    Args:
        endpoint: URL without a path.
        service: Name in the credential's scope, such as `sqs`.
        target: What stands before the action in `X-Amz-Target`, such as `AmazonSQS`.
        access_key: Who calls.
        connections: Most calls at once; the others wait in line.
    """

    def __init__(
        self, endpoint: str, service: str, target: str, *, access_key: str, region: str, connections: int
    ) -> None:
        parts = urlsplit(endpoint)
        assert parts.hostname is not None
        assert parts.port is not None
        self._address = (parts.hostname, parts.port)
        self._head = (
            f"POST / HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/x-amz-json-1.0\r\n"
            f"Authorization: AWS4-HMAC-SHA256 Credential={access_key}/20260101/{region}/{service}/"
            f"aws4_request, SignedHeaders=host;x-amz-target, Signature=local\r\nX-Amz-Target: {target}."
        ).encode()
        self._idle: list[_Connection] = []
        self._slots = asyncio.Semaphore(connections)

    async def call(self, action: str, request: Any) -> bytes:
        """The body of the answer to `action`.

        Args:
            action: Such as `SendMessage`.
            request: What is sent, as JSON.

        Raises:
            AwsError: The service refused.
            ConnectionError: It does not answer; a broken connection is tried again once.
        """
        body = msgspec.json.encode(request)
        message = b"%s%s\r\nContent-Length: %d\r\n\r\n%s" % (self._head, action.encode(), len(body), body)
        async with self._slots:
            try:
                status, answer = await self._ask(message)
            except ConnectionError:
                status, answer = await self._ask(message)
        if status != 200:
            raise AwsError(action, status, answer)
        return answer

    async def _ask(self, message: bytes) -> tuple[int, bytes]:
        while self._idle:
            if (connection := self._idle.pop()).open:
                break
        else:
            loop = asyncio.get_running_loop()
            _, connection = await loop.create_connection(_Connection, *self._address)
        try:
            answer = await connection.ask(message)
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return answer

    def close(self) -> None:
        """Closes all connections."""
        while self._idle:
            self._idle.pop().close()

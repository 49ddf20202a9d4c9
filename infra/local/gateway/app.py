"""The ASGI application of the gateway.

Answers are API Gateway's own: 404 for no route, 401 for no token that holds, 413 above 10 MB,
400 where the queue refuses, 500 where it does not answer, 503 where the server behind does not.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

import msgspec

from infra.local.asgi import Receive, Scope, Send, body_of, reply
from infra.local.declarations import Route
from infra.local.gateway.forwarding import Forwarder, ServerUnavailableError, address_of
from infra.local.gateway.mapping import Request, compile_mappings
from infra.local.gateway.routing import Routes
from infra.local.gateway.tokens import TokenVerifier, UnauthorizedError
from infra.local.wire import AwsError, JsonService

MAX_BODY = 10 * 1024 * 1024  # bytes, API Gateway's own limit
_JSON = b"application/json"
_XML = b"text/xml"
_CONTEXT = re.compile(r"\$context\.([\w.]+)")


class _Compiled:
    """A route compiled: its verifier, and its mappings where it sends to a queue."""

    def __init__(self, route: Route, verifiers: dict[Any, TokenVerifier]) -> None:
        self.key = f"{route.method} {route.path}"
        self.scopes = set(route.scopes)
        self.verifier = (
            None
            if route.authorizer is None
            else verifiers.setdefault(
                route.authorizer, TokenVerifier(route.authorizer.issuer, route.authorizer.audience)
            )
        )
        self.uri, self.parameters = route.uri, route.parameters
        self._mappings = compile_mappings(route.parameters) if route.uri is None else {}

    def message(self, request: Request) -> dict[str, Any]:
        """What `SendMessage` is called with.

        Raises:
            ValueError: The message attributes are no JSON once the request's values stand in them.
        """
        message: dict[str, Any] = {}
        for name, mapped in self._mappings.items():
            value = mapped(request)
            if value is not None:
                message[name] = json.loads(value) if name == "MessageAttributes" else value
        return message


class Gateway:
    """Routes of one HTTP API.

    Args:
        routes: As declared.
        sqs: Where messages go; made when the first request comes, in the server's own loop.
        access_log: Takes one line a request; None: nothing is logged.
        access_log_format: With `$context.…` variables.
        edge_headers: What the edge adds to each request, over what the client says.
    """

    def __init__(
        self,
        routes: list[Route],
        sqs: Callable[[], JsonService],
        *,
        access_log: Callable[[str], object] | None = None,
        access_log_format: str | None = None,
        edge_headers: Mapping[str, str] = {},
    ) -> None:
        verifiers: dict[Any, TokenVerifier] = {}
        self._routes = Routes({(route.method, route.path): _Compiled(route, verifiers) for route in routes})
        self._make_sqs = sqs
        self._sqs: JsonService | None = None
        self._forwarder: Forwarder | None = None
        self._log = access_log
        self._log_format = access_log_format
        self._edge = {name.encode(): value.encode() for name, value in edge_headers.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if self._edge:
            sent = [(name, value) for name, value in scope["headers"] if name not in self._edge]
            scope = {**scope, "headers": [*sent, *self._edge.items()]}
        request_id = uuid.uuid4().hex
        context: dict[str, str] = {"requestId": request_id}
        status, body, content_type, headers = await self._answer(scope, receive, request_id, context)
        await reply(send, status, body, content_type, [(b"apigw-requestid", request_id.encode()), *headers])
        if self._log is not None and self._log_format is not None:
            context["status"] = str(status)
            context["requestTime"] = datetime.fromtimestamp(time.time(), UTC).strftime(
                "%d/%b/%Y:%H:%M:%S +0000"
            )
            self._log(_CONTEXT.sub(lambda match: context.get(match[1], "-"), self._log_format) + "\n")

    async def _answer(
        self, scope: Scope, receive: Receive, request_id: str, context: dict[str, str]
    ) -> tuple[int, bytes, bytes, list[tuple[bytes, bytes]]]:
        path = scope["raw_path"].decode("latin-1")
        found = self._routes.find(scope["method"], path)
        if found is None:
            return 404, b'{"message":"Not Found"}', _JSON, []
        route = found.route
        context["routeKey"] = route.key
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        claims: dict[str, Any] = {}
        if route.verifier is not None:
            try:
                claims = await route.verifier.claims(headers.get("authorization"))
            except UnauthorizedError as refused:
                description = str(refused).replace('"', "'").encode("ascii", "replace")
                challenge = b'Bearer scope="" error="invalid_token" error_description="%s"' % description
                bare = not headers.get("authorization")
                return (
                    401,
                    b'{"message":"Unauthorized"}',
                    _JSON,
                    [(b"www-authenticate", b"Bearer" if bare else challenge)],
                )
            context["authorizer.claims.school_id"] = str(claims.get("school_id", "-"))
            if route.scopes and not route.scopes & set(str(claims.get("scope", "")).split()):
                return 403, b'{"message":"Forbidden"}', _JSON, []
        content = await body_of(receive, MAX_BODY)
        if content is None:
            return 413, b'{"message":"Request Entity Too Large"}', _JSON, []
        if route.uri is not None:
            address = address_of(route.uri, route.parameters, path, found.proxy, scope["query_string"])
            return await self._forward(scope, address, content, context)
        return await self._send_message(route, request_id, content, headers, claims, context)

    async def _forward(
        self, scope: Scope, address: str, content: bytes, context: dict[str, str]
    ) -> tuple[int, bytes, bytes, list[tuple[bytes, bytes]]]:
        if self._forwarder is None:
            self._forwarder = Forwarder()
        try:
            return await self._forwarder.send(scope["method"], address, scope["headers"], content)
        except ServerUnavailableError as unreachable:
            context["integrationErrorMessage"] = str(unreachable)
            return 503, b'{"message":"Service Unavailable"}', _JSON, []

    async def close(self) -> None:
        """Closes the connections to servers."""
        if self._forwarder is not None:
            await self._forwarder.close()

    async def _send_message(
        self,
        route: _Compiled,
        request_id: str,
        content: bytes,
        headers: dict[str, str],
        claims: dict[str, Any],
        context: dict[str, str],
    ) -> tuple[int, bytes, bytes, list[tuple[bytes, bytes]]]:
        try:
            message = route.message(Request(request_id, route.key, content.decode("utf-8"), headers, claims))
        except ValueError as wrong:  # not UTF-8, or attributes that are no JSON
            context["integrationErrorMessage"] = str(wrong)
            return 400, b'{"message":"Bad Request"}', _JSON, []
        if self._sqs is None:
            self._sqs = self._make_sqs()
        try:
            sent = msgspec.json.decode(await self._sqs.call("SendMessage", message))
        except AwsError as refused:
            context["integrationErrorMessage"] = refused.message
            return refused.status, _refusal(refused, request_id), _XML, []
        except (ConnectionError, TimeoutError) as unreachable:
            context["integrationErrorMessage"] = str(unreachable)
            return 500, b'{"message":"Internal Server Error"}', _JSON, []
        return 200, _receipt(sent, request_id), _XML, []


def _receipt(sent: dict[str, str], request_id: str) -> bytes:
    attributes = sent.get("MD5OfMessageAttributes")
    md5_of_attributes = f"<MD5OfMessageAttributes>{attributes}</MD5OfMessageAttributes>" if attributes else ""
    return (
        '<?xml version="1.0"?><SendMessageResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/">'
        f"<SendMessageResult><MessageId>{sent['MessageId']}</MessageId>"
        f"<MD5OfMessageBody>{sent['MD5OfMessageBody']}</MD5OfMessageBody>{md5_of_attributes}</SendMessageResult>"
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></SendMessageResponse>"
    ).encode()


def _refusal(refused: AwsError, request_id: str) -> bytes:
    return (
        '<?xml version="1.0"?><ErrorResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/">'
        f"<Error><Type>Sender</Type><Code>{escape(refused.code)}</Code><Message>{escape(refused.message)}</Message>"
        f"<Detail/></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    ).encode()

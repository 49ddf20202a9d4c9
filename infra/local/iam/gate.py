"""The door of the local store: lets a role's session do what its policies allow, and nothing else.

Static keys are the operator's and pass. What they do to roles, policies and tables is noted on
the way, so that the gate knows what IAM and DynamoDB know.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from infra.local.asgi import App, Receive, Scope, Send, body_of
from infra.local.iam import dynamodb, refusals, s3, services, sessions
from infra.local.iam.calls import Calls
from infra.local.iam.key_conditions import UnreadableRequestError
from infra.local.iam.patterns import UnsupportedPolicyError
from infra.local.iam.policies import Decision, Request, decide, trusts
from infra.local.iam.roles import Roles
from infra.local.iam.sessions import Assumption, InvalidSessionError, Session, Sessions

_CREDENTIAL = re.compile(rb"Credential=([^/]+)/[^/]*/([^/]*)/([^/]*)/")
_TEMPORARY = "ASIA"  # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
_TABLE_CHANGES = {"CreateTable", "UpdateTable", "DescribeTable"}
_ALWAYS_ALLOWED = {
    "GetCallerIdentity"
}  # https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html


class Gate:
    """An ASGI application in front of the store.

    Args:
        inner: The store.
        account: Of all ARNs.
        clock: Seconds since 1970.
        calls: Where it notes what roles do; nowhere by default.
    """

    def __init__(
        self,
        inner: App,
        *,
        account: str,
        clock: Callable[[], float] = time.time,
        calls: Calls | None = None,
    ) -> None:
        self._inner = inner
        self._calls = calls or Calls(None)
        self._account = account
        self._clock = clock
        self._roles = Roles(account)
        self._sessions = Sessions()
        self._schemas = dynamodb.KeySchemas()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request: passes it on, or refuses it."""
        caller = _caller(scope) if scope["type"] == "http" else None
        if caller is None:
            await self._inner(scope, receive, send)
            return
        access_key, region, service = caller
        session = self._sessions.get(access_key)
        if session is None and not access_key.startswith(_TEMPORARY):
            await self._operator(service, scope, receive, send)
            return
        body = await body_of(receive) or b""
        try:
            self._admit(session, scope)
            assert session is not None
            await self._enforce(session, service, region, scope, body, send)
        except refusals.RefusedError as refused:
            await refusals.refuse(send, service, refused)

    def _admit(self, session: Session | None, scope: Scope) -> None:
        if session is None or session.token != _header(scope, b"x-amz-security-token"):
            raise refusals.RefusedError(refusals.UNKNOWN_KEY)
        if session.expires <= self._clock():
            raise refusals.RefusedError(refusals.EXPIRED)

    async def _enforce(
        self, session: Session, service: str, region: str, scope: Scope, body: bytes, send: Send
    ) -> None:
        if service == "sts":
            await self._sts(session, scope, body, send)
            return
        operation = _operation(scope)
        try:
            if service == "s3":
                copied = _header(scope, b"x-amz-copy-source")
                query = scope["query_string"].decode()
                asked = list(s3.requests(scope["method"], scope["path"], query, body, copied))
            else:
                asked = list(self._requests(service, operation, body, region))
        except (UnreadableRequestError, msgspec.DecodeError, KeyError, TypeError, AttributeError) as error:
            what = f"{service}:{operation or scope['method']}"
            raise refusals.RefusedError(refusals.denied(session.arn, what, "*", str(error))) from error
        for request in asked:
            self._demand(session, request)
        await self._inner(scope, _replay(body), send)

    def _requests(self, service: str, operation: str, body: bytes, region: str) -> Iterable[Request]:
        document: Mapping[str, Any] = msgspec.json.decode(body) if body else {}
        if service == "dynamodb":
            return dynamodb.requests(operation, document, self._schemas, account=self._account, region=region)
        return services.requests(service, operation, document, account=self._account, region=region)

    def _demand(self, session: Session, request: Request) -> None:
        """Raises unless the session's policies allow the request."""
        asked = _with_principal(request, session)
        role = self._roles.role(session.role_arn)
        try:
            layers = [] if role is None else self._roles.layers(role)
            if session.policy is not None:
                layers.append([session.policy])
            decision = decide(asked, *layers)
            reason = decision.value
        except UnsupportedPolicyError as error:
            decision, reason = Decision.NOTHING, str(error)
        if decision is not Decision.ALLOW:
            raise refusals.RefusedError(
                refusals.denied(session.arn, request.action, request.resource, reason)
            )
        self._calls.note(session.role_arn, request)

    async def _operator(self, service: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request with a static key on, and notes what it changes."""
        if service == "dynamodb":
            if (operation := _operation(scope)) not in _TABLE_CHANGES:
                await self._inner(scope, receive, send)
                return
            status, answer = await self._pass(scope, await body_of(receive) or b"", send)
            if status == 200:
                document = json.loads(answer)
                described = document.get("Table" if operation == "DescribeTable" else "TableDescription")
                self._schemas.learn(described)
        elif service == "iam":
            await self._iam(scope, await body_of(receive) or b"", send)
        elif service == "sts":
            await self._sts(None, scope, await body_of(receive) or b"", send)
        else:
            await self._inner(scope, receive, send)

    async def _iam(self, scope: Scope, body: bytes, send: Send) -> None:
        form = _form(body)
        try:
            self._roles.check(form)
        except UnsupportedPolicyError as error:
            await refusals.refuse(send, "iam", refusals.RefusedError(refusals.malformed(str(error))))
            return
        status, _ = await self._pass(scope, body, send)
        if status == 200:
            self._roles.learn(form.get("Action", ""), form)

    async def _sts(self, session: Session | None, scope: Scope, body: bytes, send: Send) -> None:
        form = _form(body)
        action = form.get("Action", "")
        if action in _ALWAYS_ALLOWED or (session is None and action != "AssumeRole"):
            await self._inner(scope, _replay(body), send)
            return
        try:
            if action != "AssumeRole":
                raise refusals.RefusedError(
                    refusals.denied("the session", f"sts:{action}", "*", "only AssumeRole is read here")
                )
            assumption = Assumption.read(form)
            self._may_assume(session, assumption)
        except refusals.RefusedError as refused:
            await refusals.refuse(send, "sts", refused)
            return
        except (InvalidSessionError, UnsupportedPolicyError) as error:
            await refusals.refuse(send, "sts", refusals.RefusedError(refusals.invalid(str(error))))
            return
        status, answer = await self._pass(scope, body, send)
        if status == 200:
            self._sessions.add(*assumption.session(answer), self._clock())

    def _may_assume(self, session: Session | None, assumption: Assumption) -> None:
        role = self._roles.role(assumption.role_arn)
        who = session.arn if session else "the operator"
        if role is None:
            reason = "there is no such role"
            raise refusals.RefusedError(refusals.denied(who, "sts:AssumeRole", assumption.role_arn, reason))
        if session is None:
            return  # the operator stands for the services that assume roles themselves
        root = f"arn:aws:iam::{self._account}:root"
        for request in assumption.requests():
            self._demand(session, request)
            asked = _with_principal(request, session)
            try:
                trusted = trusts(role.trust, asked, (session.role_arn, session.arn, root, self._account))
            except UnsupportedPolicyError as error:
                raise refusals.RefusedError(
                    refusals.denied(who, request.action, assumption.role_arn, str(error))
                ) from error
            if not trusted:
                reason = "the role's trust policy does not allow it"
                raise refusals.RefusedError(refusals.denied(who, request.action, assumption.role_arn, reason))

    async def _pass(self, scope: Scope, body: bytes, send: Send) -> tuple[int, bytes]:
        """Passes a request on and also gives its answer: status and body."""
        status, parts = 0, []

        async def listen(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                parts.append(message.get("body", b""))
            await send(message)

        await self._inner(scope, _replay(body), listen)
        return status, b"".join(parts)


def _with_principal(request: Request, session: Session) -> Request:
    return replace(
        request,
        context={**request.context, **session.context()},
        known=lambda key: sessions.known(key) or request.known(key),
    )


def _caller(scope: Scope) -> tuple[str, str, str] | None:
    """Access key, region and service of a signed request."""
    for name, value in scope["headers"]:
        if name == b"authorization" and (found := _CREDENTIAL.search(value)):
            return found[1].decode(), found[2].decode(), found[3].decode()
    if b"X-Amz-Credential=" in scope["query_string"]:
        credential = dict(parse_qsl(scope["query_string"].decode("latin-1")))["X-Amz-Credential"].split("/")
        return credential[0], credential[2], credential[3]
    return None


def _header(scope: Scope, wanted: bytes) -> str | None:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == wanted), None)


def _operation(scope: Scope) -> str:
    return (_header(scope, b"x-amz-target") or "").rsplit(".", 1)[-1]


def _form(body: bytes) -> dict[str, str]:
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _replay(body: bytes) -> Receive:
    """A `receive` that gives a body that was read before."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    return receive

"""A page's request is an operation's: what differs is where the token stands and how a problem looks."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.types import Receive, Scope, Send

from api import problems
from api.dispatch import Endpoint, Services, respond
from api.language import Language, preferred
from api.operations import Answer, Operation
from api.pages.rendering import HEADERS, page
from api.pages.settings import development_login
from api.pages.words import problem_words
from api.problems import Problem

COOKIE = "luca_token"


class PageEndpoint:
    """A page as an ASGI application, answered by the same `Endpoint` as every operation.

    So the roles, the wall between schools, the log and the bound of requests under way are the API's.

    Args:
        operation: Its handler gives a page.
        services: As of every operation.
    """

    def __init__(self, operation: Operation, services: Callable[[], Services]) -> None:
        self._endpoint = Endpoint(operation, services)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, problems as a page too."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        messages: list[Any] = []

        async def collect(message: Any) -> None:
            messages.append(message)

        await self._endpoint(_with_token(scope, headers), receive, collect)
        start, body = messages
        told = dict(start["headers"])
        if told[b"content-type"] != problems.MEDIA_TYPE.encode():
            await send(start)
            await send(body)
            return
        problem = msgspec.json.decode(body["body"], type=Problem)
        language = preferred(headers.get(b"accept-language", b"").decode("latin-1"))
        answer = _to_login(scope) if problem.status == HTTPStatus.UNAUTHORIZED else None
        kept = {"Retry-After": told[b"retry-after"].decode()} if b"retry-after" in told else {}
        await respond(send, answer or problem_page(problem, language, kept), problem.correlation_id)


def problem_page(problem: Problem, language: Language, headers: dict[str, str] | None = None) -> Answer:
    """A problem in a person's words."""
    title, remedy = problem_words(problem.type.removeprefix(problems.DOCUMENTED_AT), language)
    return page(
        "problem",
        language,
        status=HTTPStatus(problem.status),
        headers=headers,
        title=title,
        remedy=remedy,
        correlation_id=problem.correlation_id,
        staff=False,
    )


def token_of(headers: dict[bytes, bytes]) -> str:
    """The token of the cookie; '' where there is none."""
    for pair in headers.get(b"cookie", b"").decode("latin-1").split(";"):
        name, _, value = pair.strip().partition("=")
        if name == COOKIE:
            return value
    return ""


def _with_token(scope: Scope, headers: dict[bytes, bytes]) -> Scope:
    """The request with the cookie's token as its header, where that is allowed and it has none."""
    token = token_of(headers)
    if not token or b"authorization" in headers or not development_login():
        return scope
    return {**scope, "headers": [*scope["headers"], (b"authorization", f"Bearer {token}".encode("latin-1"))]}


def _to_login(scope: Scope) -> Answer | None:
    if not development_login():
        return None
    query = scope["query_string"].decode("latin-1")
    target = scope["path"] + (f"?{query}" if query else "")
    location = f"/login?{urlencode({'next': target})}"
    return Answer(b"", HTTPStatus.SEE_OTHER, {**HEADERS, "Location": location}, "text/plain; charset=utf-8")

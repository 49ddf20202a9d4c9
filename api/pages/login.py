"""Login for development: a pasted token, kept in a cookie that no script reads and no other site sends."""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from api import bodies, problems
from api.dispatch import Services, correlation_of, respond, told_as
from api.identity import Identity, Role, UnauthenticatedError
from api.language import Language, preferred
from api.operations import SMALL_BODY, Answer
from api.pages.frame import COOKIE, problem_page
from api.pages.rendering import HEADERS, page
from api.pages.settings import development_login
from api.problems import ProblemError

LONGEST = 3_800  # characters of a token: a browser keeps 4,096 bytes a cookie
HOURS = 12
_ATTRIBUTES = "Path=/; HttpOnly; SameSite=Strict"


class Login:
    """GET and POST `/login`, and POST `/logout`; all of it is absent where settings do not allow it."""

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        began = time.perf_counter()
        headers: dict[bytes, bytes] = dict(scope["headers"])
        correlation_id = correlation_of(headers)
        language = preferred(headers.get(b"accept-language", b"").decode("latin-1"))
        slug = ""
        try:
            answer = await self._answer(scope, receive, headers, language)
        except ProblemError as error:
            answer, slug = problem_page(error.problem(correlation_id), language), error.kind.slug
        except Exception as error:  # noqa: BLE001  # the boundary
            told = told_as(error, correlation_id, None, None)
            answer, slug = problem_page(told.problem(correlation_id), language), told.kind.slug
        await respond(send, answer, correlation_id)
        self._services().access_log.write(
            method=scope["method"],
            route=scope["path"],
            status=int(answer.status),
            seconds=time.perf_counter() - began,
            correlation_id=correlation_id,
            problem=slug,
        )

    async def _answer(
        self, scope: Scope, receive: Receive, headers: dict[bytes, bytes], language: Language
    ) -> Answer:
        if not development_login():
            raise ProblemError(problems.NOT_FOUND, "this platform has no login of its own")
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        if scope["method"] != "POST":
            return _form(language, query.get("next", ""), left="left" in query)
        if headers.get(b"sec-fetch-site", b"same-origin") not in {b"same-origin", b"none"}:
            raise ProblemError(problems.FORBIDDEN, "another site may not log anyone in or out")
        if scope["path"] == "/logout":
            return _redirect("/login?left=1", f"{COOKIE}=; {_ATTRIBUTES}; Max-Age=0")
        declared = headers.get(b"content-length")
        body = await bodies.read(receive, SMALL_BODY, declared.decode("latin-1") if declared else None)
        given = dict(parse_qsl(body.decode("utf-8", "replace")))
        token, target = "".join(given.get("token", "").split()), given.get("next", "")
        try:
            if len(token) > LONGEST or not token.isascii():
                raise UnauthenticatedError("no cookie can hold it")
            identity = await self._services().verifier.identity(f"Bearer {token}")
        except UnauthenticatedError:
            return _form(language, target, refused=True)
        secure = "; Secure" if scope["scheme"] == "https" else ""
        cookie = f"{COOKIE}={token}; {_ATTRIBUTES}; Max-Age={HOURS * 3600}{secure}"
        return _redirect(target if _ours(target) else home(identity), cookie)


def home(identity: Identity) -> str:
    """The page that a bearer begins with."""
    return f"/students/{identity.student_id}" if identity.role is Role.STUDENT else "/classes"


def _ours(target: str) -> bool:
    """Whether a target is one of our pages: a link to us must not lead elsewhere after the login."""
    return (
        target.startswith(("/students/", "/classes"))
        and target.isascii()
        and target.isprintable()
        and "\\" not in target
    )


def _form(language: Language, target: str, *, refused: bool = False, left: bool = False) -> Answer:
    return page(
        "login",
        language,
        status=HTTPStatus.UNAUTHORIZED if refused else HTTPStatus.OK,
        refused=refused,
        left=left,
        next=target if _ours(target) else "",
        staff=False,
    )


def _redirect(location: str, cookie: str) -> Answer:
    return Answer(
        b"",
        HTTPStatus.SEE_OTHER,
        {**HEADERS, "Location": location, "Set-Cookie": cookie},
        "text/plain; charset=utf-8",
    )

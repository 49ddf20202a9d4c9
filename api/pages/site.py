"""All pages, and the two files that they load."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from http import HTTPStatus

from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from api.dispatch import Services, correlation_of, respond
from api.operations import EVERYONE, STAFF, Answer, Call, Operation
from api.pages.classes import classes_page, classes_table
from api.pages.frame import PageEndpoint
from api.pages.login import Login, home
from api.pages.rendering import HEADERS, TEMPLATES
from api.pages.student import student_page, week_table

FILES = {"/luca.css": "text/css; charset=utf-8", "/luca.svg": "image/svg+xml"}


async def start(call: Call) -> Answer:
    """GET /: to the page that the bearer begins with."""
    headers = {**HEADERS, "Location": home(call.identity)}
    return Answer(b"", HTTPStatus.SEE_OTHER, headers, "text/plain; charset=utf-8")


PAGES = tuple(
    Operation("GET", path, summary, summary, roles, handler, {}, own_student=own, listed=False)
    for path, summary, roles, handler, own in (
        ("/", "Where one begins", EVERYONE, start, False),
        ("/classes", "The students of the school", STAFF, classes_page, False),
        ("/classes.csv", "The same as a table", STAFF, classes_table, False),
        ("/classes/{class}", "The students of a class", STAFF, classes_page, False),
        ("/students/{student}", "A student", EVERYONE, student_page, True),
        ("/students/{student}/activity.csv", "A week of theirs as a table", EVERYONE, week_table, True),
    )
)


def routes(services: Callable[[], Services]) -> Sequence[BaseRoute]:
    """The routes of the pages, for `api.app.Api(pages=routes)`.

    Args:
        services: What the operations stand on, once the application has started.
    """
    login = Login(services)
    return [
        *(Route(each.path, PageEndpoint(each, services), methods=["GET"]) for each in PAGES),
        Route("/login", login, methods=["GET", "POST"]),
        Route("/logout", login, methods=["POST"]),
        *(Route(path, _File(path, media_type), methods=["GET"]) for path, media_type in FILES.items()),
    ]


class _File:
    """A file that every page loads, as an ASGI application."""

    def __init__(self, path: str, media_type: str) -> None:
        self._name, self._media_type = path[1:], media_type

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = Answer(_content(self._name), headers=HEADERS, media_type=self._media_type)
        await respond(send, answer, correlation_of(dict(scope["headers"])))


@cache
def _content(name: str) -> bytes:
    return (TEMPLATES / name).read_bytes()

"""The application: routes from the table of operations, and what lives as long as the process."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cache, partial
from http import HTTPStatus
from pathlib import Path

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.dynamodb import DynamoDB
from adapters.settings import setting
from adapters.tenancy import Tenants, assume_tenant_role
from adapters.tenant_config import Configurations
from adapters.tenant_table import KnownStudents
from adapters.token_keys import TokenKeys
from api import docs_page, openapi, problems
from api.access_log import AccessLog
from api.contracts import Health
from api.dispatch import Endpoint, Services, correlation_of, respond, told_as
from api.identity import TokenVerifier
from api.operations import Answer, Operation
from api.problems import ProblemError
from api.routes import OPERATIONS

Pages = Callable[[Callable[[], Services]], Sequence[BaseRoute]]
READY_FOR = 1.0  # seconds for which a readiness check may wait


class Api:
    """The application and its services.

    Attributes:
        app: The ASGI application.
        operations: What it serves.
    """

    def __init__(
        self,
        *,
        operations: Sequence[Operation] = OPERATIONS,
        pages: Pages = lambda services: (),
        make_services: Callable[[], Services] | None = None,
    ) -> None:
        """Makes the application.

        Args:
            operations: The table.
            pages: Makes the routes of HTML pages, which stand beside the operations, from a function
                that gives the services once the application has started.
            make_services: Makes the services inside the running loop; default: from the environment.
        """
        self.operations = tuple(operations)
        self._make_services = make_services or self._from_environment
        self._services: Services | None = None
        self._keys: TokenKeys | None = None
        self._dynamodb: DynamoDB | None = None
        public = {
            "/health": self._health,
            "/ready": self._ready,
            "/openapi.json": self._openapi,
            "/docs": self._docs,
            "/docs.css": self._docs_css,
        }
        self.app = Starlette(
            routes=[
                *(
                    Route(each.path, Endpoint(each, self.services), methods=[each.method])
                    for each in self.operations
                ),
                *(Route(path, _Public(path, handler), methods=["GET"]) for path, handler in public.items()),
                *pages(self.services),
            ],
            lifespan=self._lifespan,
            exception_handlers={HTTPException: _no_route},  # type: ignore[dict-item]  # Starlette types the base class
        )
        self.app.router.redirect_slashes = False

    def services(self) -> Services:
        """What operations stand on; there from start to stop."""
        assert self._services is not None, "the application has not started"
        return self._services

    @staticmethod
    def check() -> None:
        """Whether the environment says what is needed: told before the start, not by the first request.

        Raises:
            MissingSettingError: Something is missing.
        """
        for name in ("TABLE", "TENANT_ROLE", "JWT_ISSUER", "JWT_AUDIENCE"):
            setting(name)

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        self._services = self._make_services()
        # Unreachable at the start is no reason not to start: the first request tries again.
        starting = asyncio.create_task(self._keys.ready()) if self._keys is not None else None
        try:
            yield
        finally:
            if starting is not None:
                await asyncio.gather(starting, return_exceptions=True)
            await self._services.tenants.close()
            if self._keys is not None:
                await self._keys.close()
            if self._dynamodb is not None:
                await self._dynamodb.close()

    def _from_environment(self) -> Services:
        self.check()
        issuer, audience = setting("JWT_ISSUER"), setting("JWT_AUDIENCE")
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        self._dynamodb = DynamoDB(region)
        self._keys = TokenKeys(issuer)
        return Services(
            verifier=TokenVerifier(self._keys, issuer, audience),
            tenants=Tenants(self._dynamodb, assume_tenant_role, clock=time.time),
            configurations=Configurations(),
            known_students=KnownStudents(),
            access_log=AccessLog(),
        )

    async def _health(self) -> Answer:
        """The process answers; nothing behind it is asked, or an outage there would restart us."""
        return Answer(Health(status="ok"))

    async def _ready(self) -> Answer:
        """Tokens can be judged, so requests can be served."""
        try:
            async with asyncio.timeout(READY_FOR):
                ready = self._keys is None or await self._keys.ready()
        except TimeoutError:
            ready = False
        if not ready:
            raise problems.unavailable("the keys of the tokens' issuer are not known yet", retry_after=5)
        return Answer(Health(status="ok"))

    async def _openapi(self) -> Answer:
        return Answer(self._document())

    async def _docs(self) -> Answer:
        policy = {"Content-Security-Policy": docs_page.CONTENT_SECURITY_POLICY}
        return Answer(self._page(), headers=policy, media_type="text/html; charset=utf-8")

    async def _docs_css(self) -> Answer:
        return Answer(_css(), media_type="text/css; charset=utf-8")

    @cache  # noqa: B019  # an Api lives as long as its process
    def _document(self) -> bytes:
        return msgspec.json.encode(openapi.document(self.operations))

    @cache  # noqa: B019
    def _page(self) -> bytes:
        return docs_page.page(self.operations)


class _Public:
    """A route without a token, as an ASGI application."""

    def __init__(self, path: str, handler: Callable[[], Awaitable[Answer]]) -> None:
        self._path, self._handler = path, handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        correlation_id = correlation_of(dict(scope["headers"]))
        try:
            answer = await self._handler()
        except ProblemError as error:
            answer = _told(error, correlation_id)
        except Exception as error:  # noqa: BLE001  # the boundary
            answer = _told(told_as(error, correlation_id, None, None), correlation_id)
        await respond(send, answer, correlation_id)


def _told(error: ProblemError, correlation_id: str) -> Answer:
    return Answer(error.body(correlation_id), error.kind.status, error.headers, problems.MEDIA_TYPE)


async def _no_route(request: Request, error: HTTPException) -> ASGIApp:
    """A path or a method that no route knows, as a problem."""
    correlation_id = correlation_of(dict(request.scope["headers"]))
    kind = problems.METHOD if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED else problems.NO_ROUTE
    answer = _told(ProblemError(kind, kind.remedy, headers=error.headers), correlation_id)
    return partial(_send, answer, correlation_id)


async def _send(answer: Answer, correlation_id: str, scope: Scope, receive: Receive, send: Send) -> None:
    await respond(send, answer, correlation_id)


@cache
def _css() -> bytes:
    return (Path(docs_page.TEMPLATES) / "docs.css").read_bytes()

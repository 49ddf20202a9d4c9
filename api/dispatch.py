"""From a request to an operation and back: token, tenant, body, answer, one line of the log."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.types import Receive, Scope, Send

from adapters.dynamodb import StoreDeniedError, StoreError, StoreUnavailableError
from adapters.telemetry import logger
from adapters.tenancy import Tenants
from adapters.tenant_config import Configurations
from adapters.tenant_table import KnownStudents
from adapters.token_keys import KeysUnavailableError
from api import bodies, problems
from api.access_log import AccessLog
from api.identity import Identity, Role, TokenVerifier, UnauthenticatedError
from api.language import preferred
from api.operations import CSV, Answer, Call, Operation, identifiers
from api.problems import ProblemError
from transforms import keys

MOST_AT_ONCE = 512  # requests; beyond that an answer would come too late to be of use
CORRELATION_ID = b"x-correlation-id"
# Every answer: nothing of a student is kept by a browser or a proxy, or run as something else.
_HEADERS = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]
_encoder = msgspec.json.Encoder(decimal_format="number")


@dataclass(slots=True)
class Services:
    """What operations stand on; one of each a process.

    Attributes:
        verifier: Of tokens.
        tenants: The store by school.
        configurations: Of schools.
        known_students: Of schools.
        access_log: Takes one line a request.
        clock: The time now, aware.
        in_flight: Requests under way.
    """

    verifier: TokenVerifier
    tenants: Tenants
    configurations: Configurations
    known_students: KnownStudents
    access_log: AccessLog
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    in_flight: int = 0


class Endpoint:
    """An operation as an ASGI application.

    Args:
        operation: Of the table.
        services: A function, because they are made when the application starts.
    """

    def __init__(self, operation: Operation, services: Callable[[], Services]) -> None:
        self.operation = operation
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request; whatever happens is an answer."""
        began = time.perf_counter()
        services, operation = self._services(), self.operation
        headers: dict[bytes, bytes] = dict(scope["headers"])
        correlation_id = correlation_of(headers)
        identity: Identity | None = None
        problem = ""
        services.in_flight += 1
        try:
            if services.in_flight > MOST_AT_ONCE:
                raise ProblemError(problems.BUSY, "too many requests at once", headers={"Retry-After": "1"})
            identity = await _identity(services.verifier, operation, headers)
            answer = await self._answer(services, identity, correlation_id, headers, scope, receive)
        except ProblemError as error:
            answer, problem = _problem(error, correlation_id), error.kind.slug
        except Exception as error:  # noqa: BLE001  # the boundary: what is no answer yet becomes one here
            told = told_as(error, correlation_id, operation, identity)
            answer, problem = _problem(told, correlation_id), told.kind.slug
        finally:
            services.in_flight -= 1
        await respond(send, answer, correlation_id)
        services.access_log.write(
            method=operation.method,
            route=operation.path,
            status=int(answer.status),
            seconds=time.perf_counter() - began,
            correlation_id=correlation_id,
            school_id=identity.school_id if identity else "",
            role=identity.role.value if identity else "",
            problem=problem,
        )

    async def _answer(
        self,
        services: Services,
        identity: Identity,
        correlation_id: str,
        headers: Mapping[bytes, bytes],
        scope: Scope,
        receive: Receive,
    ) -> Answer:
        operation = self.operation
        path = identifiers(scope["path_params"])
        if operation.own_student and identity.role is Role.STUDENT and path["student"] != identity.student_id:
            raise ProblemError(problems.FORBIDDEN, "a student reads their own profile only")
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        body = None if operation.takes is None else await _body(operation, headers, receive)
        call = Call(
            identity=identity,
            tenant=services.tenants.of(identity.school_id),
            configurations=services.configurations,
            known_students=services.known_students,
            path=path,
            query=query,
            body=body,
            correlation_id=correlation_id,
            now=services.clock(),
            language=preferred(headers.get(b"accept-language", b"").decode("latin-1")),
            accepts_csv=operation.csv and CSV.encode() in headers.get(b"accept", b""),
        )
        return await operation.handler(call)


async def respond(send: Send, answer: Answer, correlation_id: str) -> None:
    """Sends an answer, with the headers that every answer has."""
    content = answer.content
    body = content if isinstance(content, bytes) else _encoder.encode(content)
    headers = [
        (b"content-type", answer.media_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (CORRELATION_ID, correlation_id.encode()),
        *_HEADERS,
        *((name.lower().encode(), value.encode()) for name, value in answer.headers.items()),
    ]
    await send({"type": "http.response.start", "status": int(answer.status), "headers": headers})
    await send({"type": "http.response.body", "body": body})


def correlation_of(headers: Mapping[bytes, bytes]) -> str:
    """The caller's correlation id if it is a UUID, else a new one; it is logged and kept."""
    given = headers.get(CORRELATION_ID, b"").decode("latin-1").lower()
    return given if keys.is_uuid(given) else str(uuid.uuid4())


def told_as(
    error: Exception, correlation_id: str, operation: Operation | None, identity: Identity | None
) -> ProblemError:
    """What a client is told of an exception, after it was logged with all that we know."""
    where = {
        "correlation_id": correlation_id,
        "route": operation.path if operation else "",
        "school_id": identity.school_id if identity else "",
        # Of a store's error only the action and the code: a message may hold a key, thus a student.
        "error": ":".join(str(error).split(":")[:2])[:200] if isinstance(error, StoreError) else "",
    }
    if isinstance(error, StoreUnavailableError):
        logger.warning("store unavailable", extra=where)
        return problems.unavailable("the store does not answer")
    if isinstance(error, KeysUnavailableError):
        logger.warning("token keys unavailable", extra=where)
        return problems.unavailable("tokens cannot be judged: their issuer does not answer", retry_after=5)
    if isinstance(error, StoreDeniedError):
        # Either a policy is wrong, or our own code reached for another school and the wall held.
        logger.error("the store denied a request of ours", extra=where)
    elif isinstance(error, StoreError):
        logger.error("the store refused a request of ours", extra=where)
    else:
        # The type and the place, not the words: they may hold what a client sent.
        logger.error("fault", extra={**where, "error_type": type(error).__name__, "place": _place(error)})
    return ProblemError(problems.FAULT, "this should not have happened; it is logged")


def _place(error: Exception) -> list[str]:
    frames, trace = [], error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return frames[-8:]


async def _identity(
    verifier: TokenVerifier, operation: Operation, headers: Mapping[bytes, bytes]
) -> Identity:
    try:
        identity = await verifier.identity(headers.get(b"authorization", b"").decode("latin-1"))
    except UnauthenticatedError as error:
        challenge = 'Bearer error="invalid_token"' if b"authorization" in headers else "Bearer"
        raise ProblemError(
            problems.UNAUTHENTICATED, str(error), headers={"WWW-Authenticate": challenge}
        ) from error
    if identity.role not in operation.roles:
        allowed = ", ".join(sorted(operation.roles))
        raise ProblemError(
            problems.FORBIDDEN, f"the role {identity.role.value} may not do this: {allowed} may"
        )
    return identity


async def _body(operation: Operation, headers: Mapping[bytes, bytes], receive: Receive) -> Any:
    media_type = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
    if media_type != operation.media_type:
        raise ProblemError(
            problems.MEDIA,
            f"this route takes {operation.media_type}, not {media_type[:60] or 'nothing named'!r}",
        )
    declared = headers.get(b"content-length")
    content = await bodies.read(receive, operation.largest, declared.decode("latin-1") if declared else None)
    return content if operation.takes is bytes else bodies.decode(content, operation.takes)


def _problem(error: ProblemError, correlation_id: str) -> Answer:
    return Answer(error.body(correlation_id), error.kind.status, error.headers, problems.MEDIA_TYPE)

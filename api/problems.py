"""Errors as RFC 9457 problem details: what is wrong, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import NamedTuple

import msgspec
from msgspec import Struct

MEDIA_TYPE = "application/problem+json"
DOCUMENTED_AT = "/docs#problem-"


class Fault(Struct, frozen=True, gc=False):
    """One thing that is wrong with a request.

    Attributes:
        path: Where, as a JSON path (`$.score`) or a place of the request (`path.student`).
        rule: What is wanted, with the value that was found.
    """

    path: str
    rule: str


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of every answer of status 400 and above (RFC 9457).

    Attributes:
        type: Names the kind of problem; leads to its description.
        title: The kind in words; the same for every problem of the kind.
        status: HTTP status, repeated.
        detail: This very problem.
        correlation_id: Of the request; name it when you ask for help.
        errors: All that is wrong with the request.
        current_version: With `version-conflict`: what is stored now.
    """

    type: str
    title: str
    status: int
    detail: str
    correlation_id: str
    errors: tuple[Fault, ...] = ()
    current_version: int | None = None


class Kind(NamedTuple):
    """A kind of problem.

    Attributes:
        slug: Ends its `type`.
        status: HTTP status.
        title: In words.
        remedy: What a client does about it; stands in the documentation.
    """

    slug: str
    status: HTTPStatus
    title: str
    remedy: str


MALFORMED = Kind(
    "malformed",
    HTTPStatus.BAD_REQUEST,
    "The body cannot be read",
    "Send UTF-8 JSON (or CSV, where a route takes it), nested no deeper than its schema.",
)
UNAUTHENTICATED = Kind(
    "unauthenticated",
    HTTPStatus.UNAUTHORIZED,
    "No token that holds",
    "Send `Authorization: Bearer <token>` with a token of the school's issuer that has not expired.",
)
FORBIDDEN = Kind(
    "forbidden",
    HTTPStatus.FORBIDDEN,
    "The token may not do this",
    "A student reads their own profile, a teacher records evaluations, an admin changes students and rules.",
)
NOT_FROM_EDGE = Kind(
    "not-from-edge",
    HTTPStatus.FORBIDDEN,
    "The request came around the edge",
    "Send to the platform's own address, not to what stands behind it.",
)
NOT_FOUND = Kind(
    "not-found",
    HTTPStatus.NOT_FOUND,
    "There is no such thing in this school",
    "Check the identifier; what belongs to another school is not there.",
)
NO_ROUTE = Kind("no-route", HTTPStatus.NOT_FOUND, "There is no such route", "See /docs for all routes.")
METHOD = Kind(
    "method-not-allowed",
    HTTPStatus.METHOD_NOT_ALLOWED,
    "The route does not know this method",
    "The header `Allow` names those it knows.",
)
TIMEOUT = Kind(
    "request-timeout",
    HTTPStatus.REQUEST_TIMEOUT,
    "The body did not arrive in time",
    "Send the request again, in one go.",
)
CONFLICT = Kind(
    "conflict",
    HTTPStatus.CONFLICT,
    "Something else stands there already",
    "An evaluation id is used once; to change a score, correct the evaluation with PUT.",
)
VERSION_CONFLICT = Kind(
    "version-conflict",
    HTTPStatus.CONFLICT,
    "Someone else changed it in the meantime",
    "Read it again, apply your change to that version, and send the version you read.",
)
TOO_LARGE = Kind(
    "too-large",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "The body is too large",
    "Send less at once; the route's description names its limit.",
)
MEDIA = Kind(
    "unsupported-media-type",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "The body has another type than the route takes",
    "Send `Content-Type: application/json` (`text/csv` to /students:import).",
)
INVALID = Kind(
    "invalid",
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "The request breaks a rule",
    "`errors` names every place and its rule.",
)
BUSY = Kind(
    "busy",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "Too much at once",
    "Send the request again after the seconds that `Retry-After` names.",
)
UNAVAILABLE = Kind(
    "unavailable",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "Something behind the API does not answer",
    "Send the request again after `Retry-After` seconds: every write of this API may be repeated.",
)
FAULT = Kind(
    "fault",
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "A fault of ours",
    "Tell us the correlation id.",
)
KINDS = tuple(value for value in list(globals().values()) if isinstance(value, Kind))


class ProblemError(Exception):
    """Ends a request with a problem.

    Args:
        kind: Which.
        detail: This very one. Never a name, a score or another's identifier.
        errors: Places and rules.
        headers: Of the answer.
        current_version: With `VERSION_CONFLICT`.
    """

    def __init__(
        self,
        kind: Kind,
        detail: str,
        errors: Sequence[Fault] = (),
        *,
        headers: Mapping[str, str] | None = None,
        current_version: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind, self.detail, self.errors = kind, detail, tuple(errors)
        self.headers = dict(headers or {})
        self.current_version = current_version

    def body(self, correlation_id: str) -> bytes:
        """The problem as JSON."""
        return msgspec.json.encode(self.problem(correlation_id))

    def problem(self, correlation_id: str) -> Problem:
        """The problem as it is told."""
        return Problem(
            type=DOCUMENTED_AT + self.kind.slug,
            title=self.kind.title,
            status=int(self.kind.status),
            detail=self.detail,
            correlation_id=correlation_id,
            errors=self.errors,
            current_version=self.current_version,
        )


def invalid(path: str, rule: str) -> ProblemError:
    """One rule is broken."""
    return ProblemError(INVALID, f"{path}: {rule}", [Fault(path, rule)])


def unavailable(detail: str, retry_after: int = 2) -> ProblemError:
    """Something behind us does not answer; trying again helps."""
    return ProblemError(UNAVAILABLE, detail, headers={"Retry-After": str(retry_after)})

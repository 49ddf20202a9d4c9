"""What an operation of the API is: its route, who may call it, what it takes and gives.

One table (`api.routes.OPERATIONS`) of these makes the routes, the OpenAPI document, the page that
teaches it, and the tests that try every route in every role.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any, TypeVar

from adapters.tenancy import Tenant
from adapters.tenant_config import Configurations
from adapters.tenant_table import KnownStudents
from api.identity import Identity, Role
from api.language import Language
from api.problems import INVALID, Fault, Kind, ProblemError
from transforms import keys

TEACHERS = frozenset({Role.TEACHER})
STAFF = frozenset({Role.TEACHER, Role.ADMIN})
ADMINS = frozenset({Role.ADMIN})
EVERYONE = frozenset(Role)
PUBLIC: frozenset[Role] = frozenset()

JSON = "application/json"
CSV = "text/csv"
SMALL_BODY = 65_536  # bytes

T = TypeVar("T")


@dataclass(slots=True)
class Call:
    """A request whose bearer may make it.

    Attributes:
        identity: Who asks.
        tenant: The store as the bearer's school may use it.
        configurations: Of schools.
        known_students: Of all schools.
        path: Path parameters, each an identifier.
        query: Query parameters that were given.
        body: As the operation takes it, checked; None where it takes none.
        correlation_id: A UUID.
        now: When the request came; aware.
        language: For words.
        accepts_csv: Whether the client prefers CSV.
    """

    identity: Identity
    tenant: Tenant
    configurations: Configurations
    known_students: KnownStudents
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    correlation_id: str
    now: datetime
    language: Language
    accepts_csv: bool = False

    def choice(self, name: str, read: Callable[[str], T], default: T) -> T:
        """A query parameter.

        Args:
            name: Of the parameter.
            read: Turns its text into a value, or raises ValueError with the rule.
            default: Where it was not given.

        Raises:
            ProblemError: It breaks the rule.
        """
        given = self.query.get(name)
        if given is None:
            return default
        try:
            return read(given)
        except ValueError as error:
            raise ProblemError(INVALID, str(error), [Fault(f"query.{name}", str(error))]) from error


@dataclass(slots=True)
class Answer:
    """What an operation gives.

    Attributes:
        content: A Struct or plain values, sent as JSON; or bytes, sent as they are.
        status: HTTP status.
        headers: Beside those that every answer has.
        media_type: Of `content`.
    """

    content: Any
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = JSON


Handler = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Query:
    """A query parameter, for the documentation; operations read it by `Call.choice`."""

    name: str
    description: str
    example: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Example:
    """A body that may be sent as it stands."""

    summary: str
    body: Any


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path.

    Attributes:
        method: `GET`, `POST`, `PUT`.
        path: With `{parameters}`; each is an identifier.
        summary: A line.
        description: What it is for, in Markdown of plain paragraphs and lists.
        roles: Who may call it; empty: anyone, without a token.
        handler: What it does.
        answers: Type of the content by status.
        takes: Type of the body; None: no body.
        media_type: Of the body.
        largest: Most bytes of the body.
        examples: Of the body.
        query: Parameters.
        own_student: Whether a student may name only themselves in `{student}`.
        problems: Kinds beside those that every operation may give.
        csv: Whether `Accept: text/csv` gives a table.
        listed: Whether the documentation shows it.
    """

    method: str
    path: str
    summary: str
    description: str
    roles: frozenset[Role]
    handler: Handler
    answers: Mapping[HTTPStatus, Any]
    takes: Any = None
    media_type: str = JSON
    largest: int = SMALL_BODY
    examples: tuple[Example, ...] = ()
    query: tuple[Query, ...] = ()
    own_student: bool = False
    problems: tuple[Kind, ...] = ()
    csv: bool = False
    listed: bool = True

    @property
    def parameters(self) -> list[str]:
        """Names of the path's parameters."""
        return [part[1:].split("}", 1)[0] for part in self.path.split("/") if part.startswith("{")]


def identifiers(path: Mapping[str, str]) -> dict[str, str]:
    """The path's parameters.

    Raises:
        ProblemError: One is no identifier.
    """
    faults = []
    for name, value in path.items():
        try:
            keys.identifier(name, value)
        except keys.InvalidIdentifierError as error:
            faults.append(Fault(f"path.{name}", str(error)))
    if faults:
        raise ProblemError(INVALID, "an identifier in the path cannot be one", faults)
    return dict(path)

"""The OpenAPI 3.1 document, derived from the table of operations and the types of their bodies."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec

from api import problems
from api.operations import CSV, Operation, Query
from api.problems import MEDIA_TYPE, Kind, Problem
from transforms import events, keys
from transforms.events import BehaviorEvent

VERSION = "1.0.0"
_REF = "#/components/schemas/{name}"
_ALWAYS = (problems.INVALID, problems.UNAVAILABLE, problems.BUSY, problems.FAULT)
_WITH_TOKEN = (problems.UNAUTHENTICATED, problems.FORBIDDEN)
_WITH_BODY = (problems.MALFORMED, problems.MEDIA, problems.TOO_LARGE, problems.TIMEOUT)

DESCRIPTION = """\
Evaluations, students, profiles and rules of one school: the school of your token.

**A token** is a JWT of the school's issuer (RS256 or ES256) with the claims `school_id`, `role` (`student`,
`teacher`, `admin`) and, for a student, `student_id`. Send it as `Authorization: Bearer …`. No route names a
school: what belongs to another one is not there for you.

**What happens in class** goes to `POST /behavior`, which the gateway answers; its body stands in
`openapi.json` beside all others. Seconds later the profile shows it.

**Every write may be repeated.** The same evaluation under the same id, the same correction of the same
version, the same student, file or configuration: the second time changes nothing. So after a time-out, or
after a 503, send the request again.

**Errors** are problem details (RFC 9457): `type` names the kind, `errors` every place and its rule.
`X-Correlation-Id` is on every answer; send a UUID of your own to follow a request through the platform.

**Numbers carry their evidence.** The profile's counts lead to the events behind them, grades to their
evaluations, and both name the version of the rules that made them.
"""


def document(operations: tuple[Operation, ...]) -> dict[str, Any]:
    """The OpenAPI document of the operations that are listed.

    Args:
        operations: The table.
    """
    listed = [operation for operation in operations if operation.listed]
    types = [Problem, BehaviorEvent]
    for operation in listed:
        types += [
            *operation.answers.values(),
            *([operation.takes] if operation.takes not in {None, bytes} else []),
        ]
    _, schemas = msgspec.json.schema_components(types, ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for operation in listed:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    paths["/behavior"] = {"post": _behavior()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Luca", "version": VERSION, "description": DESCRIPTION},
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            },
        },
    }


def problems_of(operation: Operation) -> list[Kind]:
    """The kinds of problem that an operation may give, by status."""
    kinds = [*operation.problems, *_ALWAYS]
    if operation.roles:
        kinds += _WITH_TOKEN
    if operation.takes is not None:
        kinds += _WITH_BODY
    return sorted(dict.fromkeys(kinds), key=lambda kind: (kind.status, kind.slug))


def operation_id(operation: Operation) -> str:
    """A name for generated clients: `put_evaluations_student_subject`."""
    words = "".join(c if c.isalnum() else " " for c in f"{operation.method} {operation.path}").split()
    return "_".join(words).lower()


def _operation(operation: Operation) -> dict[str, Any]:
    roles = ", ".join(sorted(operation.roles)) or "anyone, without a token"
    found: dict[str, Any] = {
        "operationId": operation_id(operation),
        "summary": operation.summary,
        "description": f"{operation.description}\n\nFor: {roles}.",
        "parameters": [
            *(_path_parameter(name) for name in operation.parameters),
            *(_query_parameter(query) for query in operation.query),
        ],
        "responses": {**_answers(operation), **_problems(operation)},
    }
    if not operation.roles:
        found["security"] = []
    if operation.takes is not None:
        found["requestBody"] = {
            "required": True,
            "content": {
                operation.media_type: {
                    "schema": {"type": "string"} if operation.takes is bytes else _reference(operation.takes),
                    "examples": {
                        f"example{number}": {"summary": example.summary, "value": example.body}
                        for number, example in enumerate(operation.examples, 1)
                    },
                }
            },
        }
    return found


def _answers(operation: Operation) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for status, kind in operation.answers.items():
        content: dict[str, Any] = {"application/json": {"schema": _reference(kind)}}
        if operation.csv:
            content[CSV] = {"schema": {"type": "string"}}
        answers[str(int(status))] = {"description": HTTPStatus(status).phrase, "content": content}
    return answers


def _problems(operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for kind in problems_of(operation):
        status = str(int(kind.status))
        described = found.setdefault(
            status, {"description": "", "content": {MEDIA_TYPE: {"schema": _reference(Problem)}}}
        )
        described["description"] = "; ".join(filter(None, (described["description"], kind.title)))
        if kind.status in operation.answers:  # a report, not a problem, under the same status
            described["content"]["application/json"] = {"schema": _reference(operation.answers[kind.status])}
    return found


def _path_parameter(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": _pattern(keys.IDENTIFIER)},
    }


def _query_parameter(query: Query) -> dict[str, Any]:
    schema = dict(query.schema)
    if "pattern" in schema:
        schema["pattern"] = _pattern(schema["pattern"])
    return {
        "name": query.name,
        "in": "query",
        "description": query.description,
        "example": int(query.example) if schema.get("type") == "integer" else query.example,
        "schema": schema,
    }


def _pattern(pattern: str) -> str:
    """Without Python's guard against a newline at the end: in JSON Schema `$` has no such exception."""
    return pattern.removesuffix(r"(?!\n)")


def _reference(kind: Any) -> dict[str, str]:
    return {"$ref": _REF.format(name=kind.__name__)}


def _behavior() -> dict[str, Any]:
    """`POST /behavior` is not the container's, but to a client it is the same API."""
    types = ", ".join(f"`{kind}`" for kind in events.EVENT_TYPES)
    return {
        "operationId": "post_behavior",
        "summary": "Report what happened in class",
        "description": (
            f"One event: {types}. It is queued at once and stored within seconds; the profile shows it then. "
            "The sender makes the `event_id`, a UUID: sending it again changes nothing.\n\n"
            "For: student, teacher, admin. Answered by the gateway, not by this container."
        ),
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": _reference(BehaviorEvent),
                    "examples": {
                        "participation": {
                            "summary": "A participation",
                            "value": {
                                "event_id": "0b5e2c9c-4c5f-4b8e-9d3a-1f2a3b4c5d6e",
                                "type": "participation",
                                "student_id": "student_456",
                                "occurred_at": "2026-02-03T09:15:00-06:00",
                                "subject": "matematicas",
                                "class_id": "3B",
                            },
                        }
                    },
                }
            },
        },
        "responses": {
            "200": {"description": "Queued"},
            "401": {"description": "No token that holds"},
            "413": {"description": "The body is too large"},
        },
    }

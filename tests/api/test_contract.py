"""Whatever is sent, within the contract or beside it, the answer is one of the contract's."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api import openapi
from api.routes import OPERATIONS

pytestmark = [pytest.mark.local, pytest.mark.property]

DOCUMENT = openapi.document(OPERATIONS)
del DOCUMENT["paths"]["/behavior"]  # the gateway's, not the container's
schema = schemathesis.openapi.from_dict(DOCUMENT)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture
def base(running: Callable[..., Any], classroom: Any) -> tuple[str, dict[str, str]]:
    """The server's URL and tokens of one school, by role."""
    tokens = {
        role: classroom.platform.issuer.issuer.token(classroom.school_id, role, teacher_id="teacher_9")
        for role in ("teacher", "admin")
    }
    return running().url, tokens


@schema.parametrize()
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
    database=None,
)
def test_every_operation_answers_as_it_is_documented(case: Any, base: Any) -> None:
    url, tokens = base
    role = (
        "teacher" if case.method.upper() in {"GET", "POST"} and case.path != "/students:import" else "admin"
    )
    if case.path.startswith("/evaluations"):
        role = "teacher"
    case.headers["Authorization"] = f"Bearer {tokens[role]}"
    response = case.call(base_url=url, timeout=20)
    case.validate_response(response, checks=CHECKS)


def test_the_document_is_valid_openapi() -> None:
    from openapi_spec_validator import validate

    validate(json.loads(json.dumps(openapi.document(OPERATIONS))))


def test_every_example_of_the_documentation_is_accepted(running: Any, classroom: Any) -> None:
    import urllib.request

    url = running().url
    classroom.enrol("student_456", "Eva", "Sol")
    classroom.enrol("student_457", "Ivo", "Mar")
    first = OPERATIONS[0].examples[0].body
    for operation in OPERATIONS:
        for example in operation.examples:
            path = operation.path
            for name, value in {
                "student": "student_456",
                "subject": first["subject"],
                "period": "Q1_2026",
                "evaluation": "exam_001",
            }.items():
                path = path.replace("{" + name + "}", value)
            body = (
                example.body.encode() if isinstance(example.body, str) else json.dumps(example.body).encode()
            )
            token = classroom.platform.issuer.issuer.token(
                classroom.school_id, sorted(operation.roles)[0], teacher_id="t"
            )
            headers = {"Authorization": f"Bearer {token}", "Content-Type": operation.media_type}
            request = urllib.request.Request(url + path, body, headers, method=operation.method)
            with urllib.request.urlopen(request) as answer:
                assert answer.status in operation.answers, (operation.path, example.summary)

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from api import bodies
from api.routes import OPERATIONS

pytestmark = [pytest.mark.local, pytest.mark.fault]

EVALUATION = {
    "evaluation_id": "exam_001",
    "student_id": "ana",
    "subject": "matematicas",
    "type": "exam",
    "date": "2026-02-03",
    "score": 85,
}


def post(client: Any, classroom: Any, body: bytes, **headers: str) -> Any:
    return client.call("POST", "/evaluations", body, school=classroom.school_id, headers=headers)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nul",
        b'{"score": NaN}',
        b'{"score": 01}',
        b'{"student_id": "\xff"}',
        b'{"student_id": "\xed\xa0\x80"}',
        b"\xef\xbb\xbf{}",
        b'{"a": "\x00"}',
        b"[" * 100_0,
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b"[" * 30_000 + b"]" * 30_000,
    ],
    ids=lambda body: repr(body[:12]),
)
def test_what_is_no_json_or_no_object_is_the_clients_fault(client: Any, classroom: Any, body: bytes) -> None:
    answer = post(client, classroom, body)
    assert answer.status in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


def test_deep_values_inside_a_rule_are_the_clients_fault(client: Any, classroom: Any) -> None:
    deep = '{"periods": [], "grading_rules": {"*": {"weights": ' + "[" * 20_000 + "]" * 20_000 + "}}}"
    answer = client.call("PUT", "/config/periods", deep.encode(), school=classroom.school_id, role="admin")
    assert answer.status in {400, 422}
    batch = '{"evaluations": [' + "[" * 20_000 + "]" * 20_000 + "]}"
    answer = client.call("POST", "/evaluations:batch", batch.encode(), school=classroom.school_id)
    assert answer.status in {200, 400, 422}


@pytest.mark.parametrize("score", ["1e400", "-1e400", "1e-400", "1e999999999", "0." + "1" * 5000, "9" * 5000])
def test_numbers_of_any_size_are_judged_and_not_computed(client: Any, classroom: Any, score: str) -> None:
    text = json.dumps({**EVALUATION, "score": 0}).replace('"score": 0', f'"score": {score}')
    assert post(client, classroom, text.encode()).status == 422


@pytest.mark.parametrize(
    "operation", [each for each in OPERATIONS if each.takes is not None], ids=lambda o: o.path
)
def test_a_body_of_ten_megabytes_is_refused_before_it_is_sent(
    client: Any, classroom: Any, operation: Any
) -> None:
    path = operation.path
    for name in ("student", "subject", "period", "evaluation"):
        path = path.replace("{" + name + "}", "x")
    answer = client.call(
        operation.method,
        path,
        b"{}",
        school=classroom.school_id,
        role=sorted(operation.roles)[0],
        headers={"Content-Type": operation.media_type, "Content-Length": str(10 * 1024 * 1024)},
    )
    assert answer.status == 413


def test_a_body_that_hides_its_length_is_cut_at_the_limit() -> None:
    given = 0

    async def endless() -> dict[str, Any]:
        nonlocal given
        given += 65_536
        return {"type": "http.request", "body": b"x" * 65_536, "more_body": True}

    with pytest.raises(bodies.ProblemError) as refused:
        asyncio.run(bodies.read(endless, 100_000, None))
    assert refused.value.kind.slug == "too-large"
    assert given < 200_000


def test_a_body_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "DEADLINE", 0.05)

    async def slow() -> dict[str, Any]:
        await asyncio.sleep(0.03)
        return {"type": "http.request", "body": b"x", "more_body": True}

    with pytest.raises(bodies.ProblemError) as refused:
        asyncio.run(bodies.read(slow, 100_000, None))
    assert refused.value.kind.slug == "request-timeout"


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "", "application/json5"])
def test_a_body_of_another_type_is_refused(client: Any, classroom: Any, media_type: str) -> None:
    answer = post(client, classroom, json.dumps(EVALUATION).encode(), **{"Content-Type": media_type})
    assert answer.status == 415


INJECTIONS = [
    "'; DROP TABLE students;--",
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "${jndi:ldap://x}",
    "../../etc/passwd",
    "TENANT#school_2#STUDENT#x",
    "a\r\nX-Injected: 1",
    "%00",
    "\u202e",
    "{{7*7}}",
]


@pytest.mark.parametrize("text", INJECTIONS)
@pytest.mark.parametrize("field", ["evaluation_id", "student_id", "subject", "type", "period", "date"])
def test_an_injection_in_any_string_of_an_evaluation_is_refused_as_text(
    client: Any, classroom: Any, field: str, text: str
) -> None:
    answer = post(client, classroom, json.dumps({**EVALUATION, field: text}).encode())
    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert "x-injected" not in answer.headers


@pytest.mark.parametrize("text", INJECTIONS)
def test_an_injection_in_headers_and_queries_changes_nothing(client: Any, classroom: Any, text: str) -> None:
    from urllib.parse import quote

    headers = {"X-Correlation-Id": text.encode("utf-8").decode("latin-1"), "Accept-Language": "es"}
    answer = client.call(
        "GET", f"/profile/ana?period={quote(text)}", school=classroom.school_id, headers=headers
    )
    assert answer.status == 422
    assert len(answer.headers["x-correlation-id"]) == 36
    assert answer.json["correlation_id"] == answer.headers["x-correlation-id"]


def test_the_callers_correlation_id_is_kept_if_it_is_a_uuid(client: Any, classroom: Any) -> None:
    given = "0B5E2C9C-4C5F-4B8E-9D3A-1F2A3B4C5D6E"
    answer = client.call(
        "GET", "/profile/ana", school=classroom.school_id, headers={"X-Correlation-Id": given}
    )
    assert answer.headers["x-correlation-id"] == given.lower()


def test_routes_and_methods_that_are_none_are_problems_too(client: Any) -> None:
    missing = client.call("GET", "/nowhere")
    assert (missing.status, missing.json["type"]) == (404, "/docs#problem-no-route")
    method = client.call("DELETE", "/evaluations")
    assert (method.status, method.json["type"]) == (405, "/docs#problem-method-not-allowed")
    assert method.headers["allow"] == "POST"
    assert client.call("GET", "/profile/ana/").status == 404

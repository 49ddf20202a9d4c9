from __future__ import annotations

import json
from typing import Any

import pytest

pytestmark = pytest.mark.local

PRIVATE = ("Zoe", "Quiroga", "zoe_private_id", "87.654", "exam_private", "Bearer", "eyJ")


def test_no_line_of_the_log_names_a_person_or_a_score(
    client: Any, classroom: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    classroom.enrol("zoe_private_id", "Zoe", "Quiroga")
    evaluation = {
        "evaluation_id": "exam_private",
        "student_id": "zoe_private_id",
        "subject": "matematicas",
        "type": "exam",
        "date": "2026-02-03",
        "score": 87.654,
    }
    place = "/evaluations/zoe_private_id/matematicas/Q1_2026/exam_private"
    school = {"school": classroom.school_id}
    client.call("POST", "/evaluations", evaluation, **school)
    client.call("POST", "/evaluations", {**evaluation, "score": 1}, **school)
    client.call("POST", "/evaluations", {**evaluation, "type": "zoe_private_id"}, **school)
    client.call("PUT", place, {"version": 9, "score": 87.654}, **school)
    client.call("GET", "/profile/zoe_private_id", **school)
    client.call("GET", "/profile/zoe_private_id?period=zoe_private_id", **school)
    client.call("GET", "/profile/zoe_private_id", **school, role="student", student_id="other")
    client.call("PUT", "/students/zoe_private_id", {"given_name": "Zoe"}, **school, role="admin")
    client.call(
        "POST",
        "/students:import",
        b"sourcedId,enabledUser,givenName,familyName\nzoe_private_id,true,Zoe,Quiroga",
        **school,
        role="admin",
        headers={"Content-Type": "text/csv"},
    )
    client.api._dynamodb._url = "http://127.0.0.1:1"
    client.call("GET", "/profile/zoe_private_id", **school)
    written = "".join(capfd.readouterr())
    assert not [word for word in PRIVATE if word in written]
    lines = [json.loads(line) for line in written.splitlines() if line.startswith("{")]
    requests = [line for line in lines if line["message"] == "request"]
    assert [line["status"] for line in requests] == [201, 409, 422, 409, 200, 404, 403, 200, 200, 503]
    assert {line["school_id"] for line in requests} == {classroom.school_id}
    assert requests[4]["route"] == "/profile/{student}"
    assert all(len(line["correlation_id"]) == 36 for line in requests)
    assert [line["level"] for line in requests[-2:]] == ["INFO", "ERROR"]

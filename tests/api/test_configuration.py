from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytestmark = pytest.mark.local

WEIGHTS = {"weights": {"exam": 0.7, "homework": 0.2, "quiz": 0.1}, "min_passing": 60}
TRIMESTERS = {
    "periods": [
        {"id": "Q1_2026", "start": "2026-01-15", "end": "2026-04-15"},
        {"id": "Q2_2026", "start": "2026-04-16", "end": "2026-07-15"},
    ],
    "grading_rules": {"*": WEIGHTS},
}
SEMESTER = {
    "periods": [{"id": "S1_2026", "start": "2026-01-15", "end": "2026-07-15"}],
    "grading_rules": {"*": WEIGHTS},
}


def admin(client: Any, classroom: Any, method: str, path: str, body: Any = None) -> Any:
    return client.call(method, path, body, school=classroom.school_id, role="admin")


def test_trimesters_become_semesters_by_one_call(client: Any, classroom: Any) -> None:
    before = client.call("GET", "/profile/ana", school=classroom.school_id).json
    assert before["period"]["id"] == "Q1_2026"
    answer = admin(client, classroom, "PUT", "/config/periods", SEMESTER)
    assert (answer.status, answer.json["version"], answer.json["warnings"]) == (200, 2, [])
    after = client.call("GET", "/profile/ana", school=classroom.school_id).json
    assert (after["period"]["id"], after["periods"]) == ("S1_2026", ["S1_2026"])


def test_earlier_versions_can_be_read(client: Any, classroom: Any) -> None:
    admin(client, classroom, "PUT", "/config/periods", SEMESTER)
    now = admin(client, classroom, "GET", "/config/periods").json
    assert (now["version"], now["versions"]) == (2, [2, 1])
    earlier = admin(client, classroom, "GET", "/config/periods?version=1").json
    assert [period["id"] for period in earlier["periods"]] == ["Q1_2026", "Q2_2026"]
    assert admin(client, classroom, "GET", "/config/periods?version=9").status == 404
    assert admin(client, classroom, "GET", "/config/periods?version=x").status == 422


def test_weights_keep_the_digits_that_a_person_wrote(client: Any, classroom: Any) -> None:
    rules = {
        **SEMESTER,
        "grading_rules": {"*": {"weights": {"a": 0.1, "b": 0.2, "c": 0.7}, "min_passing": 59.5}},
    }
    answer = admin(client, classroom, "PUT", "/config/periods", rules)
    assert answer.json["grading_rules"]["*"]["weights"] == {"a": 0.1, "b": 0.2, "c": 0.7}
    assert answer.json["grading_rules"]["*"]["min_passing"] == 59.5


def test_the_same_again_makes_no_version(client: Any, classroom: Any) -> None:
    admin(client, classroom, "PUT", "/config/periods", SEMESTER)
    assert admin(client, classroom, "PUT", "/config/periods", SEMESTER).json["version"] == 2


def test_a_gap_is_told_and_an_overlap_refused(client: Any, classroom: Any) -> None:
    gap = {
        **TRIMESTERS,
        "periods": [TRIMESTERS["periods"][0], {"id": "Q2", "start": "2026-04-20", "end": "2026-07-15"}],
    }
    (warning,) = admin(client, classroom, "PUT", "/config/periods", gap).json["warnings"]
    assert "2026-04-16 to 2026-04-19" in warning
    overlap = {
        **TRIMESTERS,
        "periods": [*TRIMESTERS["periods"], {"id": "X", "start": "2026-07-15", "end": "2026-08-01"}],
    }
    answer = admin(client, classroom, "PUT", "/config/periods", overlap)
    assert answer.status == 422
    assert "Q2_2026 and X share days from 2026-07-15" in answer.json["errors"][0]["rule"]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"grading_rules": {"*": {"weights": {"exam": 0.7, "quiz": 0.2}}}}, "weights sum to 0.9"),
        ({"grading_rules": {"*": {"weights": {"exam": "much"}}}}, "$.grading_rules.*.weights.exam"),
        ({"grading_rules": {"*": {}}}, "$.grading_rules.*.weights"),
        ({"grading_rules": {"a#b": WEIGHTS}}, "a#b"),
        ({"grading_rules": {"*": {**WEIGHTS, "minimum": 3}}}, "$.grading_rules.*.minimum"),
        ({"periods": [{"id": "Q1", "start": "2026-05-01", "end": "2026-04-01"}]}, "Q1"),
        ({"periods": [{"id": "Q1", "start": "soon", "end": "2026-04-01"}]}, "$.periods[0].start"),
        ({"periods": [TRIMESTERS["periods"][0], TRIMESTERS["periods"][0]]}, "twice"),
        ({"version": 0}, "$.version"),
        ({"extra": 1}, "$.extra"),
    ],
)
def test_a_rule_that_is_none_is_named_with_its_place(
    client: Any, classroom: Any, change: Any, place: str
) -> None:
    answer = admin(client, classroom, "PUT", "/config/periods", {**TRIMESTERS, **change})
    assert answer.status == 422
    assert place in answer.body.decode()
    assert admin(client, classroom, "GET", "/config/periods").json["version"] == 1


def test_a_version_that_was_not_read_is_refused(client: Any, classroom: Any) -> None:
    assert admin(client, classroom, "PUT", "/config/periods", {**SEMESTER, "version": 1}).status == 200
    late = admin(client, classroom, "PUT", "/config/periods", {**TRIMESTERS, "version": 1})
    assert (late.status, late.json["current_version"]) == (409, 2)


@pytest.mark.fault
def test_two_changes_at_once_never_share_a_version(client: Any, classroom: Any) -> None:
    async def both() -> list[Any]:
        bodies = [{**SEMESTER, "periods": [{**SEMESTER["periods"][0], "id": f"S{n}"}]} for n in range(4)]
        return await asyncio.gather(
            *(
                client.acall("PUT", "/config/periods", body, school=classroom.school_id, role="admin")
                for body in bodies
            )
        )

    answers = client.loop.run_until_complete(both())
    assert {answer.status for answer in answers} <= {200, 409}
    versions = [answer.json["version"] for answer in answers if answer.status == 200]
    assert len(versions) == len(set(versions)) >= 1


def test_a_schools_settings_have_versions_and_points_have_theirs(client: Any, classroom: Any) -> None:
    start = admin(client, classroom, "GET", "/config/school").json
    assert (start["version"], start["points_version"], start["points"]["participation"]) == (1, 3, 4)
    zone = {"time_zone": "America/Tijuana", "points": {"participation": 4}}
    first = admin(client, classroom, "PUT", "/config/school", zone).json
    assert (first["version"], first["points_version"]) == (2, 3)
    second = admin(client, classroom, "PUT", "/config/school", {**zone, "points": {"participation": 9}}).json
    assert (second["version"], second["points_version"], second["versions"]) == (3, 4, [3, 2, 1])
    assert admin(client, classroom, "GET", "/config/school?version=2").json["points"]["participation"] == 4


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"time_zone": "Mexico/Nowhere"}, "$.time_zone"),
        ({"time_zone": "../../etc/passwd"}, "$.time_zone"),
        ({"time_zone": "UTC", "points": {"dance": 1}}, "$.points"),
        ({"time_zone": "UTC", "points": {"participation": 101}}, "$.points"),
        ({"time_zone": "UTC", "points": {"participation": 1.5}}, "$.points"),
        ({"time_zone": "UTC", "records_since": "long ago"}, "$.records_since"),
        ({}, "$.time_zone"),
    ],
)
def test_settings_that_are_none_are_named(client: Any, classroom: Any, body: Any, place: str) -> None:
    answer = admin(client, classroom, "PUT", "/config/school", body)
    assert answer.status == 422
    assert place in answer.json["errors"][0]["path"]


def test_an_admin_creates_no_school(client: Any, platform: Any) -> None:
    answer = client.call("PUT", "/config/school", {"time_zone": "UTC"}, school="school_unheard", role="admin")
    assert answer.status == 404
    assert "operator" in answer.json["detail"]

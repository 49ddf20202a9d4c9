from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytestmark = pytest.mark.local


def exam(**changes: Any) -> dict[str, Any]:
    return {
        "evaluation_id": "exam_001",
        "student_id": "ana",
        "subject": "matematicas",
        "type": "exam",
        "date": "2026-02-03",
        "score": 85,
        **changes,
    }


PLACE = "/evaluations/ana/matematicas/Q1_2026/exam_001"


def stored(classroom: Any) -> Any:
    pk = f"TENANT#{classroom.school_id}#STUDENT#ana"
    return classroom.platform.item(pk, "EVAL#matematicas#Q1_2026#exam_001")


def test_a_new_evaluation_is_stored_and_waits_for_the_night(client: Any, classroom: Any) -> None:
    answer = client.call("POST", "/evaluations", exam(), school=classroom.school_id)
    assert answer.status == 201
    assert answer.headers["location"] == PLACE
    assert (answer.json["score"], answer.json["version"], answer.json["consolidated"]) == (85, 1, False)
    item = stored(classroom)
    assert item["consolidated"] == {"BOOL": False}
    assert item["pending_pk"] == {"S": f"TENANT#{classroom.school_id}#PENDING#CONSOLIDATION"}
    assert item["teacher_id"] == {"S": "teacher_9"}


def test_the_same_again_changes_nothing_and_other_content_is_refused(client: Any, classroom: Any) -> None:
    client.call("POST", "/evaluations", exam(), school=classroom.school_id)
    before = stored(classroom)
    again = client.call("POST", "/evaluations", exam(score=85.0), school=classroom.school_id)
    assert again.status == 200
    other = client.call("POST", "/evaluations", exam(score=86), school=classroom.school_id)
    assert other.status == 409
    assert other.json["type"] == "/docs#problem-conflict"
    assert stored(classroom) == before


def test_the_same_again_is_the_same_although_the_night_has_counted_it(client: Any, classroom: Any) -> None:
    client.call("POST", "/evaluations", exam(), school=classroom.school_id)
    item = stored(classroom) | {"consolidated": {"BOOL": True}}
    del item["pending_pk"], item["pending_sk"]
    classroom.platform.aws("dynamodb").put_item(TableName="luca-platform", Item=item)
    answer = client.call("POST", "/evaluations", exam(), school=classroom.school_id)
    assert (answer.status, answer.json["consolidated"]) == (200, True)


@pytest.mark.parametrize("score", [0, 100, 84.3, 99.999, "77.25"])
def test_a_score_keeps_its_digits(client: Any, classroom: Any, score: Any) -> None:
    answer = client.call("POST", "/evaluations", exam(score=score), school=classroom.school_id)
    assert answer.json["score"] == float(score)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"score": 100.5}, None),
        ({"score": -1}, None),
        ({"score": 1.2345}, None),
        ({"score": True}, "$.score"),
        ({"score": None}, "$.score"),
        ({"score": "ten"}, "$.score"),
        ({"date": "2026-02-30"}, "$.date"),
        ({"date": "2026-12-24"}, "$.date"),
        ({"period": "Q9"}, "$.period"),
        ({"type": "dance"}, "$.type"),
        ({"student_id": "a#b"}, "$.student_id"),
        ({"student_id": "*"}, "$.student_id"),
        ({"subject": "${x}"}, "$.subject"),
        ({"evaluation_id": ""}, "$.evaluation_id"),
        ({"evaluation_id": "x" * 65}, "$.evaluation_id"),
        ({"school_id": "school_2"}, "$.school_id"),
        ({"weight": -1}, None),
    ],
)
def test_a_broken_rule_is_named_with_its_place(
    client: Any, classroom: Any, changes: dict[str, Any], path: str | None
) -> None:
    answer = client.call("POST", "/evaluations", exam(**changes), school=classroom.school_id)
    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    if path is not None:
        assert [fault["path"] for fault in answer.json["errors"]] == [path]
    assert stored(classroom) is None


def test_all_faults_of_a_body_are_told_at_once(client: Any, classroom: Any) -> None:
    answer = client.call(
        "POST", "/evaluations", {"score": "x", "date": 7, "nope": 1}, school=classroom.school_id
    )
    paths = {fault["path"] for fault in answer.json["errors"]}
    assert paths == {
        "$.evaluation_id",
        "$.student_id",
        "$.subject",
        "$.type",
        "$.date",
        "$.score",
        "$.nope",
    }


def test_a_make_up_exam_counts_in_the_period_that_is_named(client: Any, classroom: Any) -> None:
    answer = client.call(
        "POST", "/evaluations", exam(date="2026-05-02", period="Q1_2026"), school=classroom.school_id
    )
    assert (answer.status, answer.json["period"]) == (201, "Q1_2026")


def test_an_id_is_used_once_although_the_date_lies_in_another_period(client: Any, classroom: Any) -> None:
    def post(**changes: Any) -> Any:
        return client.call("POST", "/evaluations", exam(**changes), school=classroom.school_id)

    assert post().status == 201
    refused = post(date="2026-05-02")
    assert (refused.status, refused.json["type"]) == (409, "/docs#problem-conflict")
    assert "PUT /evaluations/ana/matematicas/Q1_2026/exam_001" in refused.json["detail"]
    assert post(date="2026-05-02", period="Q2_2026").status == 201
    assert post(subject="historia").status == 201


def test_the_same_again_is_the_same_although_periods_have_changed(client: Any, classroom: Any) -> None:
    """The retry of a lost answer, after an admin has made semesters of the trimesters."""
    assert client.call("POST", "/evaluations", exam(), school=classroom.school_id).status == 201
    semester = {"id": "S1_2026", "start": "2026-01-15", "end": "2026-07-15"}
    rules = {"*": {"weights": {"exam": 0.7, "homework": 0.3}}}
    changed = {"periods": [semester], "grading_rules": rules}
    admin = {"school": classroom.school_id, "role": "admin"}
    assert client.call("PUT", "/config/periods", changed, **admin).status == 200
    again = client.call("POST", "/evaluations", exam(), school=classroom.school_id)
    assert (again.status, again.json["period"]) == (200, "Q1_2026")
    batch = client.call("POST", "/evaluations:batch", {"evaluations": [exam()]}, school=classroom.school_id)
    assert (batch.json["unchanged"], batch.json["created"]) == (1, 0)


def test_an_unknown_student_gets_no_evaluation(client: Any, classroom: Any) -> None:
    answer = client.call("POST", "/evaluations", exam(student_id="nobody"), school=classroom.school_id)
    assert answer.status == 404
    assert "PUT /students" in answer.json["detail"]


def test_a_correction_is_the_next_version_and_waits_again(client: Any, classroom: Any) -> None:
    client.call("POST", "/evaluations", exam(), school=classroom.school_id)
    answer = client.call(
        "PUT", PLACE, {"version": 1, "score": 90}, school=classroom.school_id, teacher_id="teacher_7"
    )
    assert (answer.status, answer.json["version"], answer.json["score"]) == (200, 2, 90)
    assert answer.json["teacher_id"] == "teacher_7"
    assert stored(classroom)["pending_sk"] == {"S": "ana#matematicas#Q1_2026#exam_001"}
    assert client.call("GET", PLACE, school=classroom.school_id).json == answer.json


def test_a_stale_correction_is_refused_with_the_version_of_now(client: Any, classroom: Any) -> None:
    client.call("POST", "/evaluations", exam(), school=classroom.school_id)
    client.call("PUT", PLACE, {"version": 1, "score": 90}, school=classroom.school_id)
    answer = client.call("PUT", PLACE, {"version": 1, "score": 70}, school=classroom.school_id)
    assert (answer.status, answer.json["current_version"]) == (409, 2)
    assert stored(classroom)["score"] == {"N": "90"}


def test_a_correction_sent_twice_is_one(client: Any, classroom: Any) -> None:
    client.call("POST", "/evaluations", exam(), school=classroom.school_id)
    first = client.call("PUT", PLACE, {"version": 1, "score": 90}, school=classroom.school_id)
    second = client.call("PUT", PLACE, {"version": 1, "score": 90}, school=classroom.school_id)
    assert (first.status, second.status) == (200, 200)
    assert second.json["version"] == 2


def test_an_evaluation_can_be_taken_out_and_put_back(client: Any, classroom: Any) -> None:
    client.call("POST", "/evaluations", exam(), school=classroom.school_id)
    out = client.call("PUT", PLACE, {"version": 1, "deleted": True}, school=classroom.school_id)
    back = client.call("PUT", PLACE, {"version": 2, "deleted": False}, school=classroom.school_id)
    assert (out.json["deleted"], back.json["deleted"], back.json["version"]) == (True, False, 3)


@pytest.mark.fault
def test_of_two_corrections_at_once_one_wins_and_the_other_is_told(client: Any, classroom: Any) -> None:
    client.call("POST", "/evaluations", exam(), school=classroom.school_id)

    async def both() -> list[Any]:
        return await asyncio.gather(
            *(
                client.acall("PUT", PLACE, {"version": 1, "score": score}, school=classroom.school_id)
                for score in (60, 70, 80, 90)
            )
        )

    answers = client.loop.run_until_complete(both())
    assert sorted(answer.status for answer in answers) == [200, 409, 409, 409]
    (winner,) = (answer for answer in answers if answer.status == 200)
    assert float(stored(classroom)["score"]["N"]) == winner.json["score"]
    assert stored(classroom)["version"] == {"N": "2"}


def test_a_batch_answers_line_by_line(client: Any, classroom: Any) -> None:
    client.call("POST", "/evaluations", exam(evaluation_id="old"), school=classroom.school_id)
    lines = [
        exam(),
        exam(student_id="leo"),
        exam(evaluation_id="old"),
        exam(evaluation_id="old", score=1),
        exam(score="x"),
        exam(student_id="nobody"),
        exam(),
        "no object",
    ]
    answer = client.call("POST", "/evaluations:batch", {"evaluations": lines}, school=classroom.school_id)
    assert answer.status == 200
    assert [line["status"] for line in answer.json["results"]] == [201, 201, 200, 409, 422, 404, 200, 422]
    assert [line["line"] for line in answer.json["results"]] == list(range(8))
    assert (answer.json["created"], answer.json["unchanged"], answer.json["refused"]) == (2, 2, 4)
    again = client.call("POST", "/evaluations:batch", {"evaluations": lines[:3]}, school=classroom.school_id)
    assert (again.json["created"], again.json["unchanged"]) == (0, 3)


def test_a_batch_has_an_end(client: Any, classroom: Any) -> None:
    assert (
        client.call("POST", "/evaluations:batch", {"evaluations": []}, school=classroom.school_id).status
        == 422
    )
    many = {"evaluations": [{}] * 501}
    assert client.call("POST", "/evaluations:batch", many, school=classroom.school_id).status == 422


def test_evaluations_stand_behind_the_grade(client: Any, classroom: Any) -> None:
    client.call("POST", "/evaluations", exam(weight=2), school=classroom.school_id)
    client.call("POST", "/evaluations", exam(subject="historia"), school=classroom.school_id)
    path = "/profile/ana/evaluations"
    found = client.call("GET", f"{path}?subject=matematicas&period=Q1_2026", school=classroom.school_id).json
    assert [(each["evaluation_id"], each["weight"]) for each in found["evaluations"]] == [("exam_001", 2)]
    assert len(client.call("GET", path, school=classroom.school_id).json["evaluations"]) == 2
    assert client.call("GET", f"{path}?period=Q2_2026", school=classroom.school_id).json["evaluations"] == []


def test_a_school_without_rules_says_who_makes_them(client: Any, platform: Any) -> None:
    answer = client.call("POST", "/evaluations:batch", {"evaluations": [exam()]}, school="school_without")
    assert answer.status == 404
    assert "PUT /config/periods" in answer.json["detail"]

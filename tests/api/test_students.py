from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.local

HEADER = (
    "sourcedId,status,enabledUser,username,givenName,familyName,password,"
    "metadata.classId,metadata.graduationYear"
)
ANA = {"given_name": "Ana", "family_name": "Ruiz", "class_id": "3B", "graduation_year": 2029}


def admin(client: Any, classroom: Any, method: str, path: str, body: Any = None, **options: Any) -> Any:
    return client.call(method, path, body, school=classroom.school_id, role="admin", **options)


def import_file(client: Any, classroom: Any, *lines: str, header: str = HEADER) -> Any:
    content = "\n".join((header, *lines)).encode()
    return admin(
        client,
        classroom,
        "POST",
        "/students:import",
        content,
        headers={"Content-Type": "text/csv; charset=utf-8"},
    )


def test_a_student_is_created_changed_and_listed(client: Any, classroom: Any) -> None:
    created = admin(client, classroom, "PUT", "/students/eva", {**ANA, "given_name": "Eva"})
    assert (created.status, created.json["given_name"]) == (201, "Eva")
    changed = admin(client, classroom, "PUT", "/students/eva", {**ANA, "given_name": "Eva", "class_id": "3C"})
    assert changed.status == 200
    in_3b = client.call("GET", "/students?class=3B", school=classroom.school_id).json["students"]
    assert [each["student_id"] for each in in_3b] == ["leo", "ana"]
    in_3c = client.call("GET", "/students?class=3C", school=classroom.school_id).json["students"]
    assert [each["student_id"] for each in in_3c] == ["eva"]
    assert len(client.call("GET", "/students", school=classroom.school_id).json["students"]) == 3


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"graduation_year": 29}, "$.graduation_year"),
        ({"graduation_year": "2029"}, "$.graduation_year"),
        ({"class_id": "3 B"}, "$.class_id"),
        ({"given_name": ""}, "$.given_name"),
        ({"given_name": "x" * 101}, "$.given_name"),
        ({"given_name": "A\x00na"}, "$"),
        ({"given_name": "   "}, "$"),
        ({"email": "a@b.c"}, "$.email"),
    ],
)
def test_what_is_no_student_is_refused(client: Any, classroom: Any, body: Any, path: str) -> None:
    answer = admin(client, classroom, "PUT", "/students/eva", body)
    assert answer.status == 422
    assert answer.json["errors"][0]["path"] == path


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        "'; DROP TABLE students;--",
        '=HYPERLINK("http://x")',
        "Ñandú Ó'Higgins",
        "李",
    ],
)
def test_names_are_kept_as_they_are_and_come_back_as_data(client: Any, classroom: Any, name: str) -> None:
    admin(client, classroom, "PUT", "/students/eva", {**ANA, "given_name": name})
    answer = client.call("GET", "/profile/eva", school=classroom.school_id)
    assert answer.json["given_name"] == name
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_class_list_is_imported_and_the_second_time_changes_nothing(client: Any, classroom: Any) -> None:
    lines = [
        "s-1,,true,ana,María José,Núñez,secret,3B,2029",
        "s-2,active,TRUE,leo,Leo,Paz,,3B,2029",
        "ana,,true,ana,Ana,Ruiz,,3B,2029",
        "gone,,false,x,Old,Student,,3B,2029",
        "left,tobedeleted,true,x,Old,Student,,3B,2029",
    ]
    first = import_file(client, classroom, *lines)
    assert first.status == 200
    results = [line["result"] for line in first.json["lines"]]
    assert results == ["created", "created", "unchanged", "skipped", "skipped"]
    second = import_file(client, classroom, *lines)
    assert (second.json["created"], second.json["unchanged"]) == (0, 3)
    third = import_file(client, classroom, "s-2,,true,leo,Leonardo,Paz,,3B,2029")
    assert third.json["updated"] == 1
    found = client.call("GET", "/students?class=3B", school=classroom.school_id).json["students"]
    assert ("s-2", "Leonardo") in [(each["student_id"], each["given_name"]) for each in found]


def test_a_password_in_the_file_is_never_kept(client: Any, classroom: Any) -> None:
    import_file(client, classroom, "s-1,,true,ana,Ana,Ruiz,hunter2,3B,2029")
    item = classroom.platform.item(f"TENANT#{classroom.school_id}#STUDENT#s-1", "PROFILE")
    assert set(item) == {"PK", "SK", "graduation_year", "class_id", "given_name", "family_name"}


def test_one_faulty_line_imports_nothing_and_every_fault_is_told(client: Any, classroom: Any) -> None:
    answer = import_file(
        client,
        classroom,
        "s-1,,true,a,Ana,Ruiz,,3B,2029",
        "s#2,,maybe,b,Leo,Paz,,3B,2029",
        "s-3,,true,c,Eva,Sol,,3B,29",
        "s-1,,true,a,Ana,Ruiz,,3B,2029",
        "short",
    )
    assert (answer.status, answer.json["imported"]) == (422, False)
    lines = answer.json["lines"]
    assert [line["result"] for line in lines] == ["not-imported", "faulty", "faulty", "faulty", "faulty"]
    assert len(lines[1]["faults"]) == 2
    assert "line 2 too" in lines[3]["faults"][0]
    assert client.call("GET", "/profile/s-1", school=classroom.school_id).status == 404


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"a,b\n1,2",
        HEADER.encode(),
        b'sourcedId,enabledUser,givenName,familyName\n"x',
        b"\x00",
    ],
)
def test_a_file_that_is_no_class_list_is_refused(client: Any, classroom: Any, content: bytes) -> None:
    answer = admin(
        client, classroom, "POST", "/students:import", content, headers={"Content-Type": "text/csv"}
    )
    assert answer.status == 400


def test_a_long_list_takes_many_transactions(client: Any, classroom: Any) -> None:
    lines = [f"s-{number},,true,u,Given,Family{number},,4A,2030" for number in range(230)]
    assert import_file(client, classroom, *lines).json["created"] == 230
    assert len(client.call("GET", "/students?class=4A", school=classroom.school_id).json["students"]) == 230

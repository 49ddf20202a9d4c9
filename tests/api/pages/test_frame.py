from __future__ import annotations

from typing import Any

import pytest

from api.pages.words import words
from api.problems import KINDS

pytestmark = pytest.mark.local


@pytest.mark.parametrize(
    ("target", "role", "claims", "status"),
    [
        ("/students/ana", "student", {"student_id": "ana"}, 200),
        ("/students/leo", "student", {"student_id": "ana"}, 403),
        ("/students/leo/activity.csv", "student", {"student_id": "ana"}, 403),
        ("/classes", "student", {"student_id": "ana"}, 403),
        ("/classes/3B", "student", {"student_id": "ana"}, 403),
        ("/classes.csv", "student", {"student_id": "ana"}, 403),
        ("/students/ana", "teacher", {}, 200),
        ("/classes", "admin", {}, 200),
        ("/students/nobody", "teacher", {}, 404),
        ("/students/ana?week=2026-W99", "teacher", {}, 422),
        ("/students/ana?period=Q9", "teacher", {}, 404),
        ("/students/%3Cscript%3E", "teacher", {}, 422),
        ("/classes?sort=name;drop", "teacher", {}, 422),
        ("/classes?page=0", "teacher", {}, 422),
        ("/classes?class=a%23b", "teacher", {}, 422),
    ],
)
def test_who_may_see_what(
    pages: Any, classroom: Any, target: str, role: str, claims: dict[str, str], status: int
) -> None:
    answer = pages.call("GET", target, school=classroom.school_id, role=role, **claims)
    assert answer.status == status
    if status >= 400:
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["x-correlation-id"] in answer.body.decode()
        assert "<script" not in answer.body.decode()


def test_another_schools_student_is_not_there(pages: Any, classroom: Any, new_school: Any) -> None:
    other = new_school(f"{classroom.school_id}2")
    other.enrol("secret", "Zoe", "Oculta")
    assert pages.call("GET", "/students/secret", school=other.school_id).status == 200
    assert pages.call("GET", "/students/secret", school=classroom.school_id).status == 404
    assert b"Oculta" not in pages.call("GET", "/classes", school=classroom.school_id).body


def test_the_routes_of_the_api_answer_as_before(pages: Any, classroom: Any) -> None:
    listed = pages.call("GET", "/students", school=classroom.school_id, headers={"Accept": "text/html"})
    assert listed.headers["content-type"] == "application/json"
    put = pages.call("PUT", "/students/ana", {"given_name": "Ana"}, school=classroom.school_id, role="admin")
    assert put.status == 200


def test_an_outage_is_a_page_too(pages: Any, classroom: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def down(*arguments: Any) -> Any:
        from adapters.dynamodb import StoreUnavailableError

        raise StoreUnavailableError("no answer")

    monkeypatch.setattr("adapters.tenant_table.profile_items", down)
    answer = pages.call("GET", "/students/ana", school=classroom.school_id)
    assert answer.status == 503
    assert answer.headers["retry-after"]
    assert "vuelve a cargar la página" in answer.body.decode()


def test_every_phrase_stands_in_both_languages_and_every_problem_has_words() -> None:
    from api.language import Language
    from api.pages.words import problem_words

    assert words(Language.ES).keys() == words(Language.EN).keys()
    for name, spanish in words(Language.ES).items():
        english = words(Language.EN)[name]
        assert spanish.count("{}") == english.count("{}"), name
        assert spanish.strip()
        assert english.strip()
    for kind in KINDS:
        assert all(problem_words(kind.slug, Language.ES))

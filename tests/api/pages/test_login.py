from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

pytestmark = pytest.mark.local
FORM = {"content-type": "application/x-www-form-urlencoded"}


def post(pages: Any, target: str, headers: dict[str, str] | None = None, **fields: str) -> Any:
    body = urlencode(fields).encode()
    return pages.call("POST", target, body, token="", headers={**FORM, **(headers or {})})


def test_a_token_becomes_a_cookie_that_no_script_reads(pages: Any, classroom: Any) -> None:
    token = pages.token(classroom.school_id)
    answer = post(pages, "/login", token=f"  {token}\n", next="/students/ana?week=2026-W05")
    assert (answer.status, answer.headers["location"]) == (303, "/students/ana?week=2026-W05")
    cookie, _, attributes = answer.headers["set-cookie"].partition("; ")
    assert "HttpOnly" in attributes
    assert "SameSite=Strict" in attributes
    page = pages.call("GET", "/students/ana", token="", headers={"cookie": f"other=1; {cookie}"})
    assert page.status == 200
    assert token not in page.body.decode()


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/classes\r\nX: y",
        "javascript:x",
        "/docs",
        "",
    ],
)
def test_a_login_leads_to_our_own_pages_only(pages: Any, classroom: Any, target: str) -> None:
    answer = post(pages, "/login", token=pages.token(classroom.school_id), next=target)
    assert answer.headers["location"] == "/classes"


def test_a_student_begins_with_their_own_page(pages: Any, classroom: Any) -> None:
    token = pages.token(classroom.school_id, "student", student_id="ana")
    assert post(pages, "/login", token=token).headers["location"] == "/students/ana"
    assert pages.call("GET", "/", token=token).headers["location"] == "/students/ana"


def test_without_a_token_a_page_leads_to_the_login_and_back(pages: Any) -> None:
    answer = pages.call("GET", "/students/ana?week=2026-W05", token="")
    assert answer.status == 303
    assert answer.headers["location"] == "/login?next=%2Fstudents%2Fana%3Fweek%3D2026-W05"
    form = pages.call("GET", answer.headers["location"], token="")
    assert 'name="next" value="/students/ana?week=2026-W05"' in form.body.decode()


@pytest.mark.parametrize("token", ["", "x.y.z", "é" * 10, "a" * 5_000])
def test_a_token_that_does_not_hold_is_refused_in_words(pages: Any, token: str) -> None:
    answer = post(pages, "/login", token=token)
    assert answer.status == 401
    assert "set-cookie" not in answer.headers
    assert 'role="alert"' in answer.body.decode()


def test_logging_out_forgets_the_token(pages: Any) -> None:
    answer = post(pages, "/logout")
    assert answer.headers["location"] == "/login?left=1"
    assert "Max-Age=0" in answer.headers["set-cookie"]


@pytest.mark.parametrize("target", ["/login", "/logout"])
def test_another_site_may_not_log_anyone_in_or_out(pages: Any, classroom: Any, target: str) -> None:
    headers = {"sec-fetch-site": "cross-site"}
    assert post(pages, target, headers, token=pages.token(classroom.school_id)).status == 403


def test_where_settings_do_not_allow_it_there_is_no_login(
    pages: Any, classroom: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = pages.token(classroom.school_id)
    for value in ("", "off", "true"):
        monkeypatch.setenv("LUCA_DEVELOPMENT_LOGIN", value)
        assert pages.call("GET", "/login", token="").status == 404
        assert post(pages, "/login", token=token).status == 404
        answer = pages.call("GET", "/students/ana", token="", headers={"cookie": f"luca_token={token}"})
        assert answer.status == 401
        assert "Hace falta identificarse" in answer.body.decode()


def test_a_cookie_opens_pages_but_no_operation(pages: Any, classroom: Any) -> None:
    cookie = {"cookie": f"luca_token={pages.token(classroom.school_id)}"}
    assert pages.call("GET", "/profile/ana", token="", headers=cookie).status == 401


@pytest.mark.parametrize("value", ["", "é", "x.y.z", '"quoted"', "a" * 9_000])
def test_a_cookie_that_holds_no_token_leads_to_the_login(pages: Any, value: str) -> None:
    answer = pages.call("GET", "/classes", token="", headers={"cookie": f"luca_token={value}"})
    assert (answer.status, answer.headers["location"]) == (303, "/login?next=%2Fclasses")

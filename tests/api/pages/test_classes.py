from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from api.pages import classes

pytestmark = pytest.mark.local
Get = Callable[..., str]


def names(html: str) -> list[str]:
    return re.findall(r'<th scope="row"><a href="/students/[^"]+"><bdi>([^<]+)</bdi>', html)


def fill(lessons: Any) -> None:
    lessons.week()
    lessons.grades()
    lessons.classroom.enrol("ines", "Inés", "Peña", "3A")
    lessons.classroom.event("attendance", lessons.at(0, 8), "leo", status="absent")
    lessons.classroom.event("participation", lessons.at(1, 8), "ines")


def test_a_class_by_name_each_with_their_week(html: Get, lessons: Any) -> None:
    fill(lessons)
    page = html("/classes/3B")
    assert names(page) == ["Paz, Leo", "Ruiz, Ana"]
    ana = page.split("Ruiz, Ana", 1)[1].split("</tr>", 1)[0]
    cells = re.findall(r'data-label="([^"]+)">(?:<span[^>]*>)?([^<]+)', ana)
    assert cells == [
        ("Puntaje", "+22"),
        ("Participaciones", "5"),
        ("Faltas", "0"),
        ("Retardos", "1"),
        ("Materias no aprobadas", "1"),
    ]


def test_headings_sort_without_a_script(html: Get, lessons: Any) -> None:
    fill(lessons)
    assert names(html("/classes")) == ["Paz, Leo", "Peña, Inés", "Ruiz, Ana"]
    assert names(html("/classes?sort=-name")) == ["Ruiz, Ana", "Peña, Inés", "Paz, Leo"]
    page = html("/classes?sort=-score")
    assert names(page) == ["Ruiz, Ana", "Peña, Inés", "Paz, Leo"]
    assert 'aria-sort="descending"' in page
    assert 'href="/classes?sort=score"' in page
    assert names(html("/classes?sort=-absences"))[0] == "Paz, Leo"


def test_an_earlier_week_can_be_seen_while_its_events_are_kept(html: Get, pages: Any, lessons: Any) -> None:
    fill(lessons)
    assert 'href="/classes?sort=name&amp;week=2026-W05"' in html("/classes")
    before = html("/classes/3B?week=2026-W05&sort=-score")
    assert names(before) == ["Ruiz, Ana", "Paz, Leo"]
    assert "+24" in before.split("Ruiz, Ana", 1)[1].split("</tr>", 1)[0]  # 6 participations of 4 points
    assert 'href="/students/ana?week=2026-W05"' in before
    assert 'href="/classes?class=3B&amp;sort=-score"' in before  # the week after is this one
    assert 'href="/classes.csv?class=3B&amp;sort=-score&amp;week=2026-W05"' in before
    table = pages.call("GET", "/classes.csv?week=2026-W05", school=lessons.classroom.school_id)
    assert "ana,Ruiz,Ana,3B,2026-W05,6,24,6,0,0,1" in table.body.decode("utf-8-sig")
    assert 'rel="prev"' not in html("/classes?week=2026-W02")
    assert pages.call("GET", "/classes?week=x", school=lessons.classroom.school_id).status == 422


def test_names_stand_in_the_order_of_the_alphabet(html: Get, lessons: Any) -> None:
    for student_id, family in (
        ("a", "Zúñiga"),
        ("b", "Álvarez"),
        ("c", "Ñandú"),
        ("d", "Nava"),
        ("e", "abad"),
    ):
        lessons.classroom.enrol(student_id, "Eva", family, "1A")
    listed = [name.split(",")[0] for name in names(html("/classes/1A"))]
    assert listed == ["abad", "Álvarez", "Nava", "Ñandú", "Zúñiga"]


def test_search_forgives_accents_and_case(html: Get, lessons: Any) -> None:
    fill(lessons)
    assert names(html("/classes?q=pena")) == ["Peña, Inés"]
    assert names(html("/classes?q=INES+pe")) == ["Peña, Inés"]
    assert names(html("/classes?q=leo&class=3A")) == []
    page = html("/classes?q=%22%3E%3Cscript%3E")
    assert "<script" not in page
    assert "Ningún alumno coincide" in page


def test_a_long_list_has_pages_and_sorts_by_name_only(
    html: Get, lessons: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(lessons)
    monkeypatch.setattr(classes, "PAGE", 2)
    first = html("/classes")
    assert names(first) == ["Paz, Leo", "Peña, Inés"]
    assert 'rel="next" href="/classes?sort=name&amp;page=2"' in first
    assert names(html("/classes?page=9")) == ["Ruiz, Ana"]
    monkeypatch.setattr(classes, "MOST_SORTED", 2)
    long = html("/classes?sort=-score")
    assert "elige un grupo" in long
    assert "classes.csv" not in long
    assert 'href="/classes.csv?class=3B&amp;sort=-score"' in html("/classes?class=3B&sort=-score")


def test_a_school_without_students_says_what_to_do(pages: Any, platform: Any, classroom: Any) -> None:
    from transforms.points import PointsRules
    from transforms.schools import School

    school = School(f"{classroom.school_id}e", "UTC", PointsRules())
    platform.put(school.item())
    answer = pages.call("GET", "/classes", school=school.school_id)
    assert "todavía no tiene alumnos" in answer.body.decode()


def test_the_list_is_a_table_that_no_spreadsheet_runs(pages: Any, lessons: Any) -> None:
    lessons.classroom.enrol("eva", "=HYPERLINK(1)", "@sum", "3B")
    answer = pages.call("GET", "/classes.csv?class=3B", school=lessons.classroom.school_id)
    text = answer.body.decode("utf-8-sig")
    assert answer.headers["content-disposition"] == 'attachment; filename="students.csv"'
    assert "eva,'@sum,'=HYPERLINK(1),3B,2026-W06,0,0,0,0,0,0" in text

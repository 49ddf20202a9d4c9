from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from api.language import Language
from api.pages.words import words
from transforms.keys import StudentKey
from transforms.students import Student

pytestmark = pytest.mark.local
Get = Callable[..., str]


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def whole(text: str) -> int:
    return int(text.replace("−", "-"))


def opened(html: str) -> list[tuple[str, int, list[int]]]:
    """Each line of the week with its sum and the points of the events behind it."""
    found = []
    week = html.split('<div class="drill">', 1)[1].split("</section>", 1)[0]
    for details in week.split("<details>")[1:]:
        summary, _, body = details.partition("</summary>")
        label = text_of(summary.split("</span>", 1)[0])
        sum_ = whole(re.search(r'class="sum">([+−\d]+)', summary)[1])  # type: ignore[index]
        rows = body.split("<tbody>", 1)[1].split("</tbody>", 1)[0]
        found.append(
            (label, sum_, [whole(each) for each in re.findall(r'class="count"[^>]*>([+−\d]+)<', rows)])
        )
    return found


def test_every_number_of_the_week_opens_to_events_that_sum_to_it(html: Get, lessons: Any) -> None:
    lessons.week()
    page = html("/students/ana")
    lines = opened(page)
    assert lines[0][0] == "5 participaciones esta semana"
    assert len(lines) == 5
    for _, total, events in lines:
        assert sum(events) == total
    score = whole(re.search(r'class="score">.*?<strong>([+−\d]+)', page)[1])  # type: ignore[index]
    assert score == sum(total for _, total, _ in lines) == 5 * 4 + 3 - 1 - 3 + 3


def test_moments_are_the_schools_local_time(html: Get, lessons: Any) -> None:
    lessons.classroom.event("participation", lessons.at(0, 23, 5))
    page = html("/students/ana")
    assert '<time datetime="2026-02-03T05:05:00.000Z">lun 2 feb, 23:05</time>' in page
    assert "America/Mexico_City" in page


def test_another_week_can_be_seen_while_its_events_are_kept(html: Get, lessons: Any) -> None:
    lessons.week()
    page = html("/students/ana?week=2026-W05")
    assert opened(page) == [("6 participaciones", 24, [4] * 6)]
    assert 'rel="next"' in page
    assert "2026-W04" in page
    oldest = html("/students/ana?week=2025-W40")
    assert "Sin eventos en esta semana" in oldest
    assert "Aquí se ven los eventos desde el 6 ene 2026" in oldest


def test_the_chart_says_in_words_what_it_shows(html: Get, lessons: Any) -> None:
    lessons.week()
    page = html("/students/ana")
    told = re.search(r"<desc[^>]*>(.*?)</desc>", page)[1]  # type: ignore[index]
    assert told == (
        "Puntaje de cada semana: semana del 12 ene: −6; semana del 19 ene: +12; "
        "semana del 26 ene: +24; semana del 2 feb: +22."
    )
    assert page.count("<rect") == 4


def test_older_weeks_of_the_chart_come_from_the_analysis(html: Get, lessons: Any) -> None:
    for week in ("2025-W50", "2025-W51", "2026-W01", "2026-W05"):
        lessons.classroom.judged("ana", week, points=9)
    told = html("/students/ana").split("<desc", 1)[1].split("</desc>", 1)[0]
    assert "semana del 8 dic: +9; semana del 15 dic: +9; semana del 29 dic: +9; semana del 12 ene: 0" in told
    assert "26 ene: 0" in told, "the events at hand say more than an analysis of last night"


def analysis(html: str) -> str:
    return html.split('id="analysis"', 1)[1].split("</section>", 1)[0]


def test_the_analysis_says_each_weeks_trend_figures_and_warnings(html: Get, lessons: Any) -> None:
    lessons.analysis()
    shown = analysis(html("/students/ana"))
    newest, older = re.findall(r"<tr>(.*?)</tr>", shown.split("<tbody>")[1], re.DOTALL)[:2]
    assert text_of(newest) == (
        "26 ene 2026 puede cambiar ↘ A la baja +4 −11 85 % tres semanas de clases sin ningún evento"
    )
    assert text_of(older).startswith("19 ene 2026 puede cambiar ↗ Al alza +15 +6 92.5 %")
    assert "Avisos de la semana del 26 ene: tres semanas de clases sin ningún evento." in text_of(shown)
    assert "Con los eventos recibidos hasta el 1 feb, 17:10" in shown
    assert "versión 1 de sus reglas" in shown


def test_the_analysis_speaks_english_too(html: Get, lessons: Any) -> None:
    lessons.analysis()
    shown = text_of(analysis(html("/students/ana", headers={"Accept-Language": "en-GB"})))
    assert "26 Jan 2026 may change ↘ Falling +4 −11 85 % three school weeks without any event" in shown


def test_a_student_without_an_analysis_is_told_so(html: Get, lessons: Any) -> None:
    shown = analysis(html("/students/ana"))
    assert "Todavía no se ha analizado ninguna semana" in shown
    assert "<table" not in shown


def test_every_early_warning_has_words_in_both_languages() -> None:
    sql = (Path(__file__).parents[3] / "dbt" / "models" / "rules" / "early_warning_rules.sql").read_text()
    rules = re.findall(r"^        '(\w+)', '\w+', '", sql, re.MULTILINE)
    assert len(rules) >= 6
    for language in Language:
        assert {f"warning_{rule}" for rule in rules} <= words(language).keys()


def test_a_grade_is_the_sum_of_what_its_evaluations_add(html: Get, lessons: Any) -> None:
    lessons.grades()
    page = html("/students/ana")
    maths = page.split('id="subject-matematicas"', 1)[1].split("</article>", 1)[0]
    assert ">81.8<" in maths  # 0.7 · 82.5 + 0.2 · 85 + 0.1 · 70 = 81.75
    adds = [Decimal(each) for each in re.findall(r'data-label="Aporta">([\d.]+)', maths)]
    assert len(adds) == 5
    assert abs(sum(adds) - Decimal("81.75")) <= Decimal("0.05")


def test_a_subject_that_does_not_pass_says_so_in_words(html: Get, lessons: Any) -> None:
    lessons.grades()
    page = html("/students/ana")
    history = text_of(page.split('id="subject-historia"', 1)[1].split("</article>", 1)[0])
    assert "52.5" in history
    assert "No aprobada" in history
    assert "Se aprueba con 60 o más." in history
    assert "100 %" in history  # only homework is there, so it weighs all


def test_what_waits_for_the_night_is_shown_as_waiting(html: Get, lessons: Any) -> None:
    lessons.grades()
    science = text_of(html("/students/ana").split('id="subject-ciencias"', 1)[1].split("</article>", 1)[0])
    assert "Sin calificación todavía" in science
    assert "cuenta desde mañana" in science


def test_a_grade_with_a_later_correction_is_explained_as_it_was_made(html: Get, lessons: Any) -> None:
    first = lessons.evaluation("arte", "boceto", "exam", "40")
    lessons.consolidate("arte", [first])
    lessons.classroom.platform.put(
        first.corrected(
            recorded_at="2026-02-05T17:00:00.000Z", correlation_id=first.correlation_id, score=Decimal(95)
        ).item()
    )
    art = text_of(html("/students/ana").split('id="subject-arte"', 1)[1].split("</article>", 1)[0])
    assert "por tipo" in art
    assert "corregida: la corrección cuenta desde mañana" in art
    assert "Aporta" not in art


def test_the_rules_of_the_night_that_made_a_grade_explain_it(html: Get, lessons: Any) -> None:
    lessons.grades()
    lessons.classroom.teach(
        {"periods": lessons_periods(), "grading_rules": {"*": {"weights": {"exam": 1}, "min_passing": 90}}},
        version=2,
    )
    history = text_of(html("/students/ana").split('id="subject-historia"', 1)[1].split("</article>", 1)[0])
    assert "Se aprueba con 60 o más." in history
    assert "versión 1 de las reglas" in history


def lessons_periods() -> list[dict[str, str]]:
    return [{"id": "Q1_2026", "start": "2026-01-15", "end": "2026-04-15"}]


def test_an_empty_page_says_that_there_is_nothing_yet(html: Get, lessons: Any) -> None:
    page = html("/students/ana")
    assert "Sin eventos en esta semana." in page
    assert "Todavía no hay evaluaciones en este periodo." in page


def test_english_is_for_who_asks_for_it(html: Get, lessons: Any) -> None:
    lessons.week()
    page = html("/students/ana", headers={"Accept-Language": "en-GB"})
    assert '<html lang="en">' in page
    assert "5 participations this week" in page
    assert "Week of 2 Feb to 8 Feb 2026" in page


def test_names_are_text_whatever_they_look_like(html: Get, lessons: Any) -> None:
    given = '<script>alert(1)</script>" onload="x'
    student = Student(
        StudentKey(lessons.classroom.school_id, "ana"), 2029, "3B", given, "{{ 7*7 }} נועה & 'Ruiz'"
    )
    lessons.classroom.platform.put(student.item(), student.roster_item())
    for target in ("/students/ana", "/classes"):
        page = html(target)
        assert "<script" not in page
        assert '" onload' not in page
        assert "&lt;script&gt;" in page
        assert "{{ 7*7 }}" in page, "a name is no template"
        assert "<bdi>" in page, "a name written from right to left must not turn the rest around"


def test_a_week_is_a_table_behind_a_link(pages: Any, lessons: Any) -> None:
    lessons.classroom.event("participation", lessons.at(0), teacher_id="-cmd")
    answer = pages.call("GET", "/students/ana/activity.csv?week=2026-W06", school=lessons.classroom.school_id)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.body.decode().strip().endswith(",'-cmd")


def test_the_page_is_never_kept_and_nothing_runs_on_it(pages: Any, lessons: Any) -> None:
    lessons.week()
    answer = pages.call("GET", "/students/ana", school=lessons.classroom.school_id)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "script-src" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert not re.search(r"<script|<style| style=| on[a-z]+=|https?://", answer.body.decode())

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.chromium import violations

pytestmark = pytest.mark.browser
Visit = Callable[..., Page]
Picture = Callable[[Page, str], None]
TARGETS = {
    "login": "/login",
    "left": "/login?left=1",
    "classes": "/classes?sort=-score",
    "nobody": "/classes?q=zzz",
    "student": "/students/ana",
    "empty": "/students/leo",
}


@pytest.fixture(autouse=True)
def _lessons(lessons: Any) -> None:
    lessons.week()
    lessons.grades()
    lessons.analysis()
    first = lessons.evaluation("arte", "boceto", "exam", "40")
    lessons.consolidate("arte", [first])
    corrected = first.corrected(recorded_at="2026-02-05T17:00:00.000Z", correlation_id=first.correlation_id)
    lessons.classroom.platform.put(corrected.item())
    lessons.classroom.enrol(
        "a_rather_long_identifier_of_a_student", "María de los Ángeles", "Hernández-Villaseñor"
    )
    lessons.classroom.event("attendance", lessons.at(0, 8), "leo", status="absent")


def opened(page: Page) -> Page:
    """Everything unfolded, so that nothing hides from axe or from the eye."""
    for summary in page.locator("details:not([open]) > summary").all()[::-1]:
        summary.click()
    return page


@pytest.mark.parametrize("language", ["es", "en"])
@pytest.mark.parametrize("name", TARGETS)
def test_axe_finds_nothing(visit: Visit, picture: Picture, name: str, language: str) -> None:
    page = visit(TARGETS[name], language, login=name not in {"login", "left"})
    if name == "student":
        picture(page, f"{name}-{language}-folded")
        assert violations(page) == []
    opened(page)
    assert page.locator("html").get_attribute("lang") == language
    picture(page, f"{name}-{language}")
    assert violations(page) == []


@pytest.mark.parametrize("name", ["classes", "student"])
def test_axe_finds_nothing_in_the_dark_and_on_a_phone(visit: Visit, picture: Picture, name: str) -> None:
    page = opened(visit(TARGETS[name], scheme="dark"))
    picture(page, f"{name}-dark")
    assert violations(page) == []
    page = opened(visit(TARGETS[name], width=360))
    picture(page, f"{name}-360")
    assert violations(page) == []


def test_an_error_is_a_page_that_axe_likes(
    chromium: Any, url: str, picture: Picture, platform: Any, lessons: Any
) -> None:
    teacher = platform.issuer.issuer.token(lessons.classroom.school_id, "teacher")
    context = chromium.new_context(locale="es-MX")
    page = context.new_page()
    page.goto(url + "/login")
    page.get_by_label("Token").fill("x.y.z")
    page.get_by_role("button", name="Entrar").click()
    expect(page.get_by_role("alert")).to_contain_text("no es válido")
    assert violations(page) == []
    picture(page, "refused")
    page.context.add_cookies([{"name": "luca_token", "value": teacher, "url": url}])
    for language in ("es", "en"):
        page.set_extra_http_headers({"Accept-Language": language})
        page.goto(url + "/students/nobody")
        assert violations(page) == []
        picture(page, f"missing-{language}")
    context.close()


@pytest.mark.parametrize("width", [320, 360, 768])
@pytest.mark.parametrize("name", TARGETS)
def test_nothing_scrolls_sideways(visit: Visit, name: str, width: int) -> None:
    page = opened(visit(TARGETS[name], width=width, login=name not in {"login", "left"}))
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_targets_are_large_enough_for_a_finger(visit: Visit) -> None:
    for name in ("classes", "student"):
        page = opened(visit(TARGETS[name], width=360))
        small = page.evaluate(
            """() => [...document.querySelectorAll(
                    'a:not(.skip):not(p a), button, input:not([type=hidden]), select, summary')]
                .map(each => [each.textContent.trim().slice(0, 40), each.getBoundingClientRect()])
                .filter(([, box]) => box.height < 24 || box.width < 24)
                .map(([text, box]) => `${text} ${box.width}x${box.height}`)"""
        )
        assert small == []


def test_the_keyboard_reaches_everything_and_one_sees_where_it_is(visit: Visit) -> None:
    page = visit(TARGETS["student"])
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Ir al contenido")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    wanted = page.locator("main a[href], main summary, main button").count()
    seen = []
    for _ in range(wanted):
        page.keyboard.press("Tab")
        text, outline, top = page.evaluate(
            """() => { const at = document.activeElement, style = getComputedStyle(at);
                return [at.textContent.trim(), style.outlineStyle + ' ' + style.outlineWidth,
                        at.getBoundingClientRect().top + scrollY] }"""
        )
        assert outline == "solid 3px", text
        seen.append((text, top))
    assert len({text for text, _ in seen}) >= wanted - 1
    folded = page.locator(".drill details").first
    folded.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(folded.locator("time").first).to_be_visible()


def test_the_events_behind_a_count_sum_to_it(visit: Visit) -> None:
    page = opened(visit(TARGETS["student"]))
    total = 0
    for line in page.locator(".drill details").all():
        shown = line.locator("summary .sum").inner_text().split()[0]
        events = line.locator("tbody td.count").all_inner_texts()
        assert whole(shown) == sum(map(whole, events))
        assert line.locator(".what").inner_text().split()[0] == str(len(events))
        total += whole(shown)
    assert whole(page.locator(".score strong").inner_text()) == total


def test_the_analysis_stands_beside_the_live_week(visit: Visit) -> None:
    page = visit(TARGETS["student"])
    analysis = page.get_by_role("region", name="Análisis semanal")
    newest = analysis.locator("tbody tr").first
    expect(newest).to_contain_text("26 ene 2026")
    expect(newest).to_contain_text("A la baja")
    assert whole(newest.locator("td.count").first.inner_text()) == 4
    assert analysis.locator("tbody tr").count() == 8
    expect(page.get_by_role("region", name="esta semana")).to_contain_text("5 participaciones")


def whole(text: str) -> int:
    return int(text.replace("−", "-"))


def test_paper_shows_what_the_screen_folds(visit: Visit, picture: Picture) -> None:
    page = visit(TARGETS["student"])
    page.emulate_media(media="print")
    for table in page.locator("table").all():
        expect(table).to_be_visible()
    expect(page.get_by_text("mar 3 feb, 09:15")).to_be_visible()
    expect(page.get_by_role("link", name="Alumnos")).to_be_hidden()
    expect(page.get_by_role("button", name="Salir")).to_be_hidden()
    page.set_viewport_size({"width": 720, "height": 1000})
    picture(page, "student-print")


def test_a_teacher_logs_in_looks_around_and_leaves(visit: Visit, platform: Any, lessons: Any) -> None:
    page = visit("/students/ana", login=False)
    assert "/login?next=" in page.url
    page.get_by_label("Token").fill(platform.issuer.issuer.token(lessons.classroom.school_id, "teacher"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Ana Ruiz")
    page.get_by_role("link", name="Alumnos").click()
    page.get_by_label("Buscar").fill("paz")
    page.get_by_role("button", name="Mostrar").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Paz, Leo").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Leo Paz")
    page.get_by_role("button", name="Salir").click()
    expect(page.get_by_role("status")).to_have_text("Has salido.")
    page.goto(page.url.split("/login")[0] + "/classes")
    assert "/login" in page.url


def test_sorting_and_weeks_work_by_links(visit: Visit) -> None:
    page = visit("/classes")
    page.get_by_role("link", name="Puntaje").click()
    expect(page.locator("tbody th").first).to_have_text("Ruiz, Ana 3B")
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("Puntaje")
    page.get_by_role("link", name="Ruiz, Ana").click()
    page.get_by_role("link", name="Semana anterior").click()
    expect(page.locator(".score strong")).to_have_text("+24")

"""The report of a school in Chromium: accessible, on a phone, on paper, fetching nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from pipelines.reports.pages import file_name
from pipelines.reports.schools import school_report
from pipelines.reports.words import Language
from tests.chromium import chromium_browser, violations
from tests.pipelines.reports.findings import NOW, of_a_school

pytestmark = pytest.mark.browser
PICTURES = Path(__file__).parents[4] / "out" / "browser"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with chromium_browser() as browser:
        yield browser


@pytest.fixture
def page(chromium: Browser, tmp_path: Path) -> Iterator[Page]:
    for language in Language:
        text = school_report("school_1", of_a_school(), NOW, language)
        (tmp_path / file_name("school_1", language)).write_text(text)
    faults: list[str] = []
    opened = chromium.new_page(viewport={"width": 1280, "height": 900})
    opened.on("console", lambda message: faults.append(message.text))
    opened.on(
        "request",
        lambda request: None if request.url.startswith(tmp_path.as_uri()) else faults.append(request.url),
    )
    opened.goto((tmp_path / file_name("school_1", Language.EN)).as_uri())
    yield opened
    opened.close()
    assert not faults


def test_axe_finds_nothing_in_either_language(page: Page) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / "school.png", full_page=True)
    assert violations(page) == []
    page.get_by_role("link", name="En español").click()
    assert page.get_by_role("heading", level=1).inner_text() == "school_1: informe semanal"
    assert violations(page) == []


def test_a_number_leads_to_its_command(page: Page) -> None:
    command = page.get_by_text("--key school_1/2026-W11 ")
    assert not command.is_visible()
    page.get_by_role("link", name="1,209").click()
    command.wait_for()
    assert page.url.endswith("#why-week")


def test_a_phone_does_not_scroll_the_page_sideways(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.screenshot(path=PICTURES / "school-360.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert violations(page) == []


def test_it_prints(page: Page) -> None:
    page.emulate_media(media="print")
    page.screenshot(path=PICTURES / "school-print.png", full_page=True)
    assert page.pdf().startswith(b"%PDF")

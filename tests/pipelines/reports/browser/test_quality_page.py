"""The page of the lake's quality in Chromium: accessible, on a phone, on paper, fetching nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from pipelines.reports.pages import file_name
from pipelines.reports.quality import quality_page
from pipelines.reports.words import Language
from tests.chromium import chromium_browser, opened_alone, violations
from tests.pipelines.reports.weeks import NOW, four_weeks

pytestmark = pytest.mark.browser
PICTURES = Path(__file__).parents[4] / "out" / "browser"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with chromium_browser() as browser:
        yield browser


@pytest.fixture
def page(chromium: Browser, tmp_path: Path) -> Iterator[Page]:
    tables = four_weeks()
    loads = [(load, tables[0].table, "load.html") for load in reversed(tables[0].loads)]
    for language in Language:
        text = quality_page(tables, NOW, loads, language)
        (tmp_path / file_name("index", language)).write_text(text)
    file = tmp_path / "index.html"
    with opened_alone(chromium, file) as opened:
        yield opened


def test_axe_finds_nothing_and_nothing_is_fetched(page: Page) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / "quality.png", full_page=True)
    assert violations(page) == []
    page.get_by_role("link", name="En español").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Calidad del lago"
    assert violations(page) == []


def test_a_phone_scrolls_the_heat_maps_and_not_the_page(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.screenshot(path=PICTURES / "quality-360.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    map_ = page.get_by_role("region", name="Broken rules of behavior_events by day", exact=True)
    assert map_.evaluate("box => box.scrollWidth > box.clientWidth")
    assert violations(page) == []


def test_paper_shows_every_day(page: Page) -> None:
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 1000, "height": 1400})
    page.screenshot(path=PICTURES / "quality-print.png", full_page=True)
    map_ = page.get_by_role("region", name="Broken rules of behavior_events by day", exact=True)
    assert map_.evaluate("box => box.scrollWidth <= box.clientWidth")
    assert page.pdf().startswith(b"%PDF")

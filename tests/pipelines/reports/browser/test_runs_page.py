"""The page of the trends' runs in Chromium: accessible in either language, on a phone, fetching nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.reports import runs
from pipelines.reports.pages import file_name
from pipelines.reports.words import Language
from tests.chromium import chromium_browser, violations
from tests.pipelines.reports.test_runs import KEPT, NOW

pytestmark = pytest.mark.browser


def test_it_is_accessible_on_a_desk_and_on_a_phone_and_leads_to_the_other_language(tmp_path: Path) -> None:
    for language in Language:
        (tmp_path / file_name("index", language)).write_text(runs.page(KEPT, NOW, language))
    asked: list[str] = []
    with chromium_browser() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.on("request", lambda request: asked.append(request.url))
        page.goto((tmp_path / file_name("index", Language.EN)).as_uri())
        assert violations(page) == []
        page.get_by_role("link", name="En español").click()
        assert page.get_by_role("heading", level=1).inner_text() == "Ejecuciones de las tendencias"
        page.set_viewport_size({"width": 360, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert violations(page) == []
    assert asked == [(tmp_path / file_name("index", language)).as_uri() for language in Language]

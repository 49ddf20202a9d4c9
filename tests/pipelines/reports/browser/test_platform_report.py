"""The platform's report in Chromium, with audits and late changes: accessible in both languages."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from pipelines.reports.audited import Audited
from pipelines.reports.late import LateChange
from pipelines.reports.pages import file_name, other_than
from pipelines.reports.weekly import AUDIT
from pipelines.reports.words import Language
from tests.chromium import chromium_browser, opened_alone, violations
from tests.pipelines.reports.platform_report import platform_report
from tests.pipelines.reports.test_audited import account, audit, day

pytestmark = pytest.mark.browser
PICTURES = Path(__file__).parents[4] / "out" / "browser"


def test_axe_finds_nothing_in_either_language_nor_on_a_phone(tmp_path: Path) -> None:
    change = LateChange("school_1", "2026-W05", 3, datetime(2026, 3, 1), waits=True, command="luca query …")
    given = {
        "late": [change],
        "late_told": "",
        "late_count": 73,
        "audits": Audited(audit(), day(account("good", 8), account("bad", 8, missing=3))),
        "audit_link": AUDIT,
    }
    for language in Language:
        other = file_name("report", other_than(language))
        page = platform_report(language, other=other, **given)
        (tmp_path / file_name("report", language)).write_text(page)
    PICTURES.mkdir(parents=True, exist_ok=True)
    with chromium_browser() as browser, opened_alone(browser, tmp_path / "report.html") as page:
        page.screenshot(path=PICTURES / "report.png", full_page=True)
        assert violations(page) == []
        page.get_by_role("link", name="En español").click()
        assert page.get_by_role("heading", name="Integridad").is_visible()
        page.set_viewport_size({"width": 360, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert violations(page) == []

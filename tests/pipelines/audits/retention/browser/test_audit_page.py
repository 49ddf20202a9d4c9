"""The page of a retention audit in Chromium: accessible, on a phone, fetching nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Browser, Page

from adapters.object_versions import Version
from pipelines.audits.retention.objects import Stock
from pipelines.audits.retention.page import pages
from pipelines.audits.retention.result import Audit, worst_first
from pipelines.reports.pages import file_name
from tests.chromium import chromium_browser, opened_alone, violations
from transforms.retention.registry import BUCKETS

pytestmark = pytest.mark.browser

PICTURES = Path(__file__).parents[5] / "out" / "browser"
MADE = datetime(2026, 2, 4, 9, tzinfo=UTC)
LAKE = next(bucket for bucket in BUCKETS if bucket.name == "LAKE")


def an_audit() -> Audit:
    """Cohorts of many sizes, one of them overdue, one unknown, and an object that nobody registered."""
    stock = Stock(LAKE, MADE.date())
    one = Version(LAKE.name, "", "v", "e", 0, True, MADE - timedelta(days=90))
    stock.count(
        replace(
            one,
            key=f"lake/behavior_events/graduation_year={year}/year=2025/month=11/school_id=s/gen=0000/a",
            size=(year + 1) * 10_000,
        )
        for year in (0, 2020, *range(2026, 2038))
    )
    stock.count([replace(one, key=f"tmp/{'a-name-without-a-place-to-break-it' * 5}.parquet", size=7)])
    found = worst_first(stock.findings())
    return Audit("2026-02-04T09:00:00.000Z", date(2026, 2, 4), found, tuple(stock.piles()), {}, {}, 3, 1.5)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with chromium_browser() as browser:
        yield browser


@pytest.fixture
def page(chromium: Browser, tmp_path: Path) -> Iterator[Page]:
    done = an_audit()
    before = msgspec.structs.replace(done, made_at="2026-01-28T09:00:00.000Z", findings=done.findings[:1])
    file = tmp_path / "index.html"
    for language, text in pages(done, [before], "index").items():
        (tmp_path / file_name("index", language)).write_text(text)
    with opened_alone(chromium, file) as opened:
        yield opened


def test_axe_finds_nothing_and_nothing_is_fetched(page: Page) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / "retention.png", full_page=True)
    assert page.get_by_role("img").count() == 3  # what goes when, which cohort, audits before
    assert page.get_by_text("overdue").first.is_visible()
    assert violations(page) == []
    page.get_by_role("link", name="En español").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Conservación"
    assert violations(page) == []


def test_a_phone_shows_it_without_scrolling_sideways(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.screenshot(path=PICTURES / "retention-360.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert violations(page) == []

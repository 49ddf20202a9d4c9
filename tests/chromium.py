"""Chromium for the tests of pages, and what axe finds in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

_EXECUTABLE = "/usr/bin/chromium"
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@contextmanager
def chromium_browser() -> Iterator[Browser]:
    """A browser. While it lives, Playwright holds the thread's event loop, which other tests want."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_EXECUTABLE, args=[*_FLAGS])
        yield browser
        browser.close()


@contextmanager
def opened_alone(browser: Browser, file: Path) -> Iterator[Page]:
    """A page of a file; it has fetched nothing but its Spanish twin then, its console has said nothing."""
    own = {each.as_uri() for each in (file, file.with_suffix(".es.html"))}
    faults: list[str] = []
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.on("console", lambda message: faults.append(message.text))
    page.on(
        "request",
        lambda request: None if request.url in own else faults.append(f"left: {request.url}"),
    )
    page.goto(file.as_uri())
    yield page
    page.close()
    assert not faults


def violations(page: Page) -> list[str]:
    """What axe finds, in words."""
    response = Axe().run(page, options={"runOnly": _WCAG}).response
    assert len(response["passes"]) > 10, "axe looked at the page"
    found = response["violations"]
    return [
        f"{each['id']}: {node['html']} {node['failureSummary']}" for each in found for node in each["nodes"]
    ]

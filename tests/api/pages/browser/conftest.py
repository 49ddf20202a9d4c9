"""The pages in Chromium, from a server on a socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from api.app import Api
from api.pages.site import routes
from tests.chromium import chromium_browser

PICTURES = Path(__file__).parents[4] / "out" / "browser"
LOCALES = {"es": "es-MX", "en": "en-GB"}


# No longer than a module: while it lives, Playwright holds the thread's event loop, which other tests want.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with chromium_browser() as browser:
        yield browser


@pytest.fixture
def url(platform: Any, running: Any, lessons: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of the pages, at noon of the lessons' Thursday."""
    monkeypatch.setenv("LUCA_DEVELOPMENT_LOGIN", "on")
    api = Api(pages=routes)
    address: str = running(api).url
    api.services().clock = lambda: lessons.classroom.now
    return address


@pytest.fixture
def visit(chromium: Browser, url: str, platform: Any, lessons: Any) -> Iterator[Callable[..., Page]]:
    """Opens a page as a teacher; what the console says or what leaves the origin fails the test."""
    faults: list[str] = []
    contexts: list[Any] = []

    def open_(
        target: str, language: str = "es", width: int = 1280, *, login: bool = True, scheme: str = "light"
    ) -> Page:
        context = chromium.new_context(
            locale=LOCALES[language],
            viewport={"width": width, "height": 800},
            color_scheme=scheme,  # type: ignore[arg-type]  # one of Playwright's literals
        )
        contexts.append(context)
        if login:
            token = platform.issuer.issuer.token(lessons.classroom.school_id, "teacher")
            context.add_cookies(
                [{"name": "luca_token", "value": token, "url": url, "httpOnly": True, "sameSite": "Strict"}]
            )
        page: Page = context.new_page()
        page.on("console", lambda message: faults.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: faults.append(f"error: {error}"))
        page.on(
            "request",
            lambda request: None if request.url.startswith(url) else faults.append(f"left: {request.url}"),
        )
        page.goto(url + target)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert not faults


@pytest.fixture
def picture() -> Callable[[Page, str], None]:
    """Keeps a picture of a whole page for people to look at."""

    def keep(page: Page, name: str) -> None:
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / f"{name}.png", full_page=True)

    return keep

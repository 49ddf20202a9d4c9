from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from api.edge import EdgeOnly, behind_edge


async def application(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"in"})


def asked(app: Any, path: str, *headers: tuple[bytes, bytes]) -> tuple[int, bytes]:
    """Status and body of one request."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "headers": list(headers)}
    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], b"".join(each.get("body", b"") for each in sent[1:])


BEHIND = EdgeOnly(application, ("new", "before"))


@pytest.mark.parametrize("value", [b"new", b"before"])
def test_what_came_through_the_edge_passes_during_a_rotation_too(value: bytes) -> None:
    assert asked(BEHIND, "/profile/a", (b"x-luca-edge", value)) == (200, b"in")


@pytest.mark.parametrize("headers", [[], [(b"x-luca-edge", b"guessed")], [(b"x-luca-edge", b"")]])
@pytest.mark.parametrize("path", ["/profile/a", "/docs", "/health/", "//health"])
def test_what_went_around_it_is_refused_with_the_way_out(
    path: str, headers: list[tuple[bytes, bytes]]
) -> None:
    status, body = asked(BEHIND, path, *headers)
    assert status == 403
    told = json.loads(body)
    assert told["type"] == "/docs#problem-not-from-edge"
    assert "the platform's own address" in told["detail"]


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_a_load_balancer_may_ask_how_it_goes(path: str) -> None:
    assert asked(BEHIND, path) == (200, b"in")


def test_without_a_secret_there_is_no_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LUCA_EDGE_SECRETS", raising=False)
    assert behind_edge(application) is application


def test_the_secret_comes_as_the_template_makes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUCA_EDGE_SECRETS", '{"before": "", "value": "v"}')
    app = behind_edge(application)
    assert asked(app, "/profile/a", (b"x-luca-edge", b"v"))[0] == 200
    assert asked(app, "/profile/a", (b"x-luca-edge", b""))[0] == 403


def test_a_secret_without_a_value_lets_nobody_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUCA_EDGE_SECRETS", '{"value": ""}')
    with pytest.raises(ValueError, match="neither a value nor one before"):
        behind_edge(application)

"""Requests that the gateway sends on, against a server that tells what it was asked."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from infra.local.declarations import Authorizer, Route
from infra.local.gateway.app import Gateway
from infra.local.gateway.forwarding import SAME_PATH, check_parameters
from infra.local.gateway.mapping import MappingError


class Echo(BaseHTTPRequestHandler):
    asked: list[str]

    def answer(self) -> None:
        self.asked.append(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        told = {
            "method": self.command,
            "path": self.path,
            "body": body.decode(),
            "headers": [[name.lower(), value] for name, value in self.headers.items()],
        }
        content = json.dumps(told).encode()
        self.send_response(303 if self.path.startswith("/moved") else 200)
        self.send_header("Content-Type", "application/problem+json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Set-Cookie", "a=1")
        self.send_header("Set-Cookie", "b=2")
        self.send_header("Keep-Alive", "timeout=9")
        if self.path.startswith("/moved"):
            self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        self.answer()

    def do_PUT(self) -> None:
        self.answer()

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def echo() -> Iterator[tuple[str, list[str]]]:
    """Where the server is, and what it was asked."""
    handler = type("Handler", (Echo,), {"asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", handler.asked  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()
    thread.join()


def call(
    routes: list[Route], method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, list[tuple[str, str]], bytes]:
    """One request to a gateway of these routes, as its server would hand it over."""
    path, _, query = target.partition("?")
    messages: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        messages.append(message)

    def no_queue() -> Any:
        raise AssertionError("nothing here is for a queue")

    async def run() -> None:
        gateway = Gateway(routes, no_queue)
        sent = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": sent,
        }
        await gateway(scope, receive, send)
        await gateway.close()

    asyncio.run(run())
    told = [(name.decode(), value.decode()) for name, value in messages[0]["headers"]]
    return messages[0]["status"], told, messages[1]["body"]


def test_a_request_goes_on_as_it_came_and_its_answer_comes_back(echo: Any) -> None:
    route = Route("ANY", "/{proxy+}", None, {}, uri=f"{echo[0]}/{{proxy}}")
    headers = {"x-correlation-id": "c1", "content-type": "text/csv", "host": "edge", "connection": "close"}
    status, told, body = call([route], "PUT", "/students/a%20b?class=3%26B&x=%C3%A9", b"a,b", headers)
    answer = json.loads(body)
    assert status == 200
    assert answer["method"] == "PUT"
    assert answer["path"] == "/students/a%20b?class=3%26B&x=%C3%A9"
    assert answer["body"] == "a,b"
    got = dict(answer["headers"])
    assert (got["x-correlation-id"], got["content-type"]) == ("c1", "text/csv")
    assert got["host"] == echo[0].removeprefix("http://")
    assert "user-agent" not in got
    assert ("content-type", "application/problem+json") in told
    assert [value for name, value in told if name == "set-cookie"] == ["a=1", "b=2"]
    assert not {"keep-alive", "connection"} & {name for name, _ in told}


def test_a_redirect_is_the_clients_to_follow(echo: Any) -> None:
    route = Route("ANY", "/{proxy+}", None, {}, uri=f"{echo[0]}/{{proxy}}")
    status, told, _ = call([route], "GET", "/moved")
    assert status == 303
    assert ("location", "/elsewhere") in told
    assert echo[1] == ["/moved"]


def test_a_literal_route_keeps_its_path(echo: Any) -> None:
    route = Route("GET", "/docs.css", None, dict(SAME_PATH), uri=echo[0])
    status, _, body = call([route], "GET", "/docs.css")
    assert (status, json.loads(body)["path"]) == (200, "/docs.css")


def test_without_a_token_the_server_is_not_asked(echo: Any) -> None:
    authorizer = Authorizer("http://127.0.0.1:1/issuer", ("luca",))
    route = Route("ANY", "/{proxy+}", authorizer, {}, uri=f"{echo[0]}/{{proxy}}")
    assert call([route], "GET", "/profile/ana")[0] == 401
    assert echo[1] == []


@pytest.mark.fault
def test_a_server_that_is_not_there_is_a_503_of_the_gateway() -> None:
    route = Route("ANY", "/{proxy+}", None, {}, uri="http://127.0.0.1:1/{proxy}")
    status, _, body = call([route], "GET", "/profile/ana")
    assert (status, json.loads(body)) == (503, {"message": "Service Unavailable"})


@pytest.mark.parametrize("parameters", [{"overwrite:path": "/x"}, {"append:header.x": "$request.path"}])
def test_other_mappings_are_refused_when_the_cloud_starts(parameters: dict[str, str]) -> None:
    with pytest.raises(MappingError):
        check_parameters(parameters)

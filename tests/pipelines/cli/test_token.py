from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import typer
from typer.testing import CliRunner

from pipelines.cli.token import Role, TokenRefusedError, issued, token
from transforms.keys import InvalidIdentifierError

app = typer.Typer()
app.command()(token)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A local cloud that issues the token `a.b.c` and remembers what it was asked."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"a.b.c")

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("LUCA_LOCAL_CLOUD", f"http://127.0.0.1:{server.server_port}")
    yield paths
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_token_is_printed_alone_for_the_shell(asked: list[str]) -> None:
    done = CliRunner().invoke(app, ["--school", "school_1", "--role", "student", "--student", "ana"])
    assert (done.exit_code, done.stdout) == (0, "a.b.c\n")
    assert asked == ["/_local/token?school_id=school_1&student_id=ana&role=student"]


@pytest.mark.parametrize(
    "arguments", [["--role", "student"], ["--role", "teacher", "--student", "ana"], ["--role", "king"]]
)
def test_claims_that_do_not_go_together_are_refused(asked: list[str], arguments: list[str]) -> None:
    assert CliRunner().invoke(app, ["--school", "school_1", *arguments]).exit_code == 2
    assert asked == []


def test_an_identifier_that_cannot_be_one_is_refused(asked: list[str]) -> None:
    with pytest.raises(InvalidIdentifierError):
        issued("a&role=admin", Role.TEACHER)
    assert asked == []


def test_without_a_local_cloud_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUCA_LOCAL_CLOUD", "http://127.0.0.1:1")
    with pytest.raises(TokenRefusedError, match="luca local up"):
        issued("school_1", Role.TEACHER)

"""The stand-in's HTTP side.

`POST /v1/grade-batches` takes a batch, `GET /v1/grade-batches/{id}` gives its receipt,
`GET /v1/receipts?since=…&after=…` lists receipts. `/_faults` and `/_state` are for tests and demos.
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from infra.local.government.faults import Faults, UnknownFaultError
from infra.local.government.register import RefusedBatchError, Register

LOOPBACK = "127.0.0.1"
RECEIPTS_A_PAGE = 200
MAX_BODY = 1024 * 1024  # bytes


class Government:
    """A running stand-in.

    Args:
        port: 0 takes any that is free.
        token: The bearer token that it wants to see; None takes any.
        certificate: Files of a certificate chain and its key: then it speaks TLS.
        listener: A socket that listens already, instead of a port.
    """

    def __init__(
        self,
        port: int = 0,
        token: str | None = None,
        certificate: tuple[str, str] | None = None,
        listener: socket.socket | None = None,
    ) -> None:
        self.register = Register()
        self.faults = Faults()
        self.token = token
        self.requests: Counter[str] = Counter()
        handler = type("Handler", (_Handler,), {"government": self})
        if listener is None:
            self._server = _Server((LOOPBACK, port), handler)
        else:
            self._server = _Server(listener.getsockname(), handler, bind_and_activate=False)
            self._server.socket.close()
            self._server.socket = listener
            self._server.server_address = listener.getsockname()
        scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            scheme = "https"
        self.url = f"{scheme}://{LOOPBACK}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def start(self) -> Government:
        """Serves on a thread of its own."""
        self._thread.start()
        return self

    def serve(self) -> None:
        """Serves on this thread, until interrupted."""
        self._server.serve_forever()

    def stop(self) -> None:
        """Ends; the memory stays readable."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away, or that does not trust us, is no news."""


class _Handler(BaseHTTPRequestHandler):
    government: Government
    protocol_version = "HTTP/1.1"
    timeout = 60  # seconds until an idle connection is closed

    def do_POST(self) -> None:
        body = self._body()
        if self.path == "/_faults":
            self._order(body)
        elif self.path == "/v1/grade-batches":
            if self._authorised():
                self._take(body)
        else:
            self._say(404, {"message": f"POST {self.path} is nothing here"})

    def do_DELETE(self) -> None:
        if self.path != "/_faults":
            self._say(404, {"message": f"DELETE {self.path} is nothing here"})
            return
        self.government.faults.clear()
        self._say(200, {"faults": 0})

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/_state":
            self._say(200, {**self.government.register.state(), "requests": self.government.requests})
        elif not self._authorised():
            return
        elif parts.path == "/v1/receipts":
            self._list(parse_qs(parts.query))
        elif parts.path.startswith("/v1/grade-batches/"):
            receipt = self.government.register.receipt(parts.path.rsplit("/", 1)[1])
            self._say(200 if receipt else 404, receipt or {"message": "no such batch"})
        else:
            self._say(404, {"message": f"GET {self.path} is nothing here"})

    def _take(self, body: bytes) -> None:
        government = self.government
        fault = government.faults.next()
        name = fault.get("fault")
        if name == "busy":
            wait = {"Retry-After": str(fault["retry_after"])} if "retry_after" in fault else {}
            self._say(429, {"message": "too many requests, on request"}, wait)
        elif name in {"unavailable", "reject"}:
            status = int(fault.get("status", 503 if name == "unavailable" else 400))
            self._say(status, {"message": "on request"})
        elif name == "drop":
            self.close_connection = True
        else:
            self._take_in_earnest(body, fault)

    def _take_in_earnest(self, body: bytes, fault: dict[str, Any]) -> None:
        government, name = self.government, fault.get("fault")
        try:
            receipt = government.register.take(
                body,
                self.headers.get("Idempotency-Key"),
                government.faults.refusal,
                forget=name == "claim-only",
            )
        except RefusedBatchError as refused:
            self._say(refused.status, {"message": str(refused)})
            return
        if name in {"slow", "apply-then-hang"}:
            time.sleep(float(fault.get("seconds", 1)))
        if name in {"apply-then-hang", "apply-then-drop"}:
            self.close_connection = True
        elif name == "garbled":
            self._say(200, {"thanks": "for the grades"})
        else:
            self._say(200, receipt)

    def _list(self, query: dict[str, list[str]]) -> None:
        receipts = self.government.faults.falsified(
            self.government.register.listed(query.get("since", [""])[0])
        )
        start = int(query.get("after", ["0"])[0])
        end = start + RECEIPTS_A_PAGE
        more = str(end) if end < len(receipts) else None
        self._say(200, {"receipts": receipts[start:end], "next": more})

    def _order(self, body: bytes) -> None:
        try:
            self.government.faults.add(json.loads(body))
        except (ValueError, UnknownFaultError) as wrong:
            self._say(400, {"message": str(wrong)})
            return
        self._say(200, {"faults": len(self.government.faults.waiting)})

    def _authorised(self) -> bool:
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        wanted = self.government.token
        if kind == "Bearer" and token and (wanted is None or token == wanted):
            return True
        self._say(401, {"message": "a valid bearer token is needed"})
        return False

    def _body(self) -> bytes:
        return self.rfile.read(min(int(self.headers.get("Content-Length", 0)), MAX_BODY))

    def _say(self, status: int, document: Any, headers: dict[str, str] | None = None) -> None:
        with self.government.register.lock:
            self.government.requests[f"{self.command} {status}"] += 1
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name
        """Says nothing: a path may hold what no log should."""

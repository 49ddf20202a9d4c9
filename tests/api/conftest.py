"""A school platform as the API finds it: the store behind its gate, the template's roles, an issuer."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from adapters import tenancy
from adapters.typed_json import to_typed
from api.app import Api
from api.server import listener, server
from infra.local.aws import ACCOUNT_ID, REGION, Store
from infra.local.aws import client as aws_client
from infra.local.iam.calls import read_calls
from infra.local.identity import Issuer
from infra.local.resources import make_all
from infra.local.resources.maker import Workshop
from infra.local.stacks import Stacks
from infra.local.templates import read_template
from tests.recorded_calls import keep
from transforms.event_items import event_item
from transforms.events import decode
from transforms.keys import StudentKey, student_pk, trend_sk
from transforms.periods import AcademicConfig
from transforms.points import PointsRules
from transforms.schools import School
from transforms.students import Student
from transforms.weekly_trends import WeeklyTrend

TEMPLATES = Path(__file__).parents[2] / "infra"
ZONE = "America/Mexico_City"
NOW = datetime(2026, 2, 5, 18, 30, tzinfo=UTC)  # a Thursday, 12:30 in Mexico
FAR_AHEAD = 4_102_444_800  # 2100
RULES = {
    "periods": [
        {"id": "Q1_2026", "start": "2026-01-15", "end": "2026-04-15"},
        {"id": "Q2_2026", "start": "2026-04-16", "end": "2026-07-15"},
    ],
    "grading_rules": {"*": {"weights": {"exam": "0.7", "homework": "0.2", "quiz": "0.1"}, "min_passing": 60}},
}


class IssuerServer:
    """An issuer of tokens over HTTP, which can be silenced."""

    def __init__(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                document = outer.documents().get(self.path) if outer.up else None
                body = json.dumps(document).encode()
                self.send_response(200 if document else 503)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: Any) -> None:
                pass

        self.up = True
        self.asked: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.issuer = Issuer(self.url, "luca")
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def documents(self) -> dict[str, Any]:
        return {
            "/.well-known/openid-configuration": self.issuer.discovery(),
            "/.well-known/jwks.json": self.issuer.keys(),
        }

    def rotate(self) -> None:
        self.issuer = Issuer(self.url, "luca")

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@dataclass
class Response:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Platform:
    """What the tests of this folder stand on; one of each a process."""

    store: Store
    issuer: IssuerServer
    environment: dict[str, str]

    def aws(self, service: str) -> Any:
        """A client of the operator's."""
        return aws_client(service, self.environment)

    def put(self, *items: dict[str, Any]) -> None:
        """Writes items as the operator."""
        dynamodb = self.aws("dynamodb")
        for item in items:
            dynamodb.put_item(TableName="luca-platform", Item=to_typed(item))

    def item(self, pk: str, sk: str) -> dict[str, Any] | None:
        """Reads an item as the operator, in typed JSON."""
        key = {"PK": {"S": pk}, "SK": {"S": sk}}
        found: dict[str, Any] | None = (
            self.aws("dynamodb").get_item(TableName="luca-platform", Key=key, ConsistentRead=True).get("Item")
        )
        return found


@pytest.fixture(scope="session")
def _platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    store = Store(tmp_path_factory.mktemp("store"))
    issuer = IssuerServer()
    try:
        store.wait()
        endpoint = {"AWS_ENDPOINT_URL": store.endpoint}
        stacks = Stacks(
            [read_template(TEMPLATES / name) for name in ("store.yaml", "api.yaml")],
            {"JwtIssuer": issuer.url},
            account_id=ACCOUNT_ID,
            region=REGION,
        )
        shop = Workshop(
            lambda service: aws_client(service, endpoint),
            account_id=ACCOUNT_ID,
            region=REGION,
            gateway_endpoint="",
        )
        make_all(stacks, shop)
        outputs = stacks.outputs()
        container = shop.client("sts").assume_role(RoleArn=outputs["ContainerRole"], RoleSessionName="task")
        credentials = container["Credentials"]
        environment = {
            # The API runs with the container's own role, as in ECS, and not with the operator's key.
            "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
            "AWS_SESSION_TOKEN": credentials["SessionToken"],
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            **endpoint,
            "LUCA_TABLE": outputs["Table"],
            "LUCA_TENANT_ROLE": outputs["TenantRole"],
            "LUCA_JWT_ISSUER": outputs["JwtIssuer"],
            "LUCA_JWT_AUDIENCE": outputs["JwtAudience"],
        }
        yield Platform(store, issuer, environment)
        keep(read_calls(store.calls))
    finally:
        issuer.stop()
        store.stop()


@pytest.fixture
def platform(_platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    """The platform, in this test's environment."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "LUCA_")):
            monkeypatch.delenv(name)
    for name, value in _platform.environment.items():
        monkeypatch.setenv(name, value)
    tenancy._sts.cache_clear()
    _platform.issuer.up = True
    yield _platform
    tenancy._sts.cache_clear()


class Client:
    """Calls the application in process, over ASGI, on a loop of its own."""

    def __init__(self, api: Api, platform: Platform) -> None:
        self.api, self.platform = api, platform
        self.loop = asyncio.new_event_loop()
        self._lifespan: AbstractAsyncContextManager[Any] = api.app.router.lifespan_context(api.app)
        self.loop.run_until_complete(self._lifespan.__aenter__())
        self.api.services().clock = lambda: NOW

    def close(self) -> None:
        self.loop.run_until_complete(self._lifespan.__aexit__(None, None, None))
        self.loop.run_until_complete(asyncio.sleep(0.01))
        self.loop.close()

    def token(self, school_id: str | None, role: str = "teacher", **claims: Any) -> str:
        return self.platform.issuer.issuer.token(school_id, role, **claims)

    def call(
        self,
        method: str,
        target: str,
        body: Any = None,
        *,
        school: str = "school_1",
        role: str = "teacher",
        token: str | None = None,
        headers: dict[str, str] | None = None,
        **claims: Any,
    ) -> Response:
        return self.loop.run_until_complete(
            self.acall(method, target, body, school=school, role=role, token=token, headers=headers, **claims)
        )

    async def acall(
        self,
        method: str,
        target: str,
        body: Any = None,
        *,
        school: str = "school_1",
        role: str = "teacher",
        token: str | None = None,
        headers: dict[str, str] | None = None,
        **claims: Any,
    ) -> Response:
        if role == "student":
            claims.setdefault("student_id", "ana")
        if role == "teacher":
            claims.setdefault("teacher_id", "teacher_9")
        bearer = self.token(school, role, **claims) if token is None else token
        sent = {"authorization": f"Bearer {bearer}"} if bearer else {}
        content = b""
        if body is not None:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            sent["content-type"] = "application/json"
            sent["content-length"] = str(len(content))
        sent |= {name.lower(): value for name, value in (headers or {}).items()}
        path, _, query = target.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in sent.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "state": {},
        }
        waiting = [{"type": "http.request", "body": content, "more_body": False}]
        messages: list[Any] = []

        async def receive() -> Any:
            return waiting.pop() if waiting else await asyncio.Event().wait()

        async def send(message: Any) -> None:
            messages.append(message)

        await self.api.app(scope, receive, send)
        start = messages[0]
        return Response(
            start["status"],
            {name.decode(): value.decode() for name, value in start["headers"]},
            b"".join(message.get("body", b"") for message in messages[1:]),
        )


@pytest.fixture
def client(platform: Platform) -> Iterator[Client]:
    """A client of an application that has just started, at noon of a Thursday."""
    made = Client(Api(), platform)
    yield made
    made.close()


@dataclass
class Classroom:
    """A school of its own for one test, with students, rules and a way to let things happen."""

    platform: Platform
    school_id: str
    now: datetime = NOW
    rules: PointsRules = field(default_factory=lambda: PointsRules(3, {"participation": 4}))

    @property
    def school(self) -> School:
        return School(self.school_id, ZONE, self.rules)

    def open(self) -> Classroom:
        self.platform.put(self.school.item(), self.school.item(history=True))
        self.teach(RULES)
        self.enrol("ana", "Ana", "Ruiz")
        self.enrol("leo", "Leo", "Paz")
        return self

    def client_of(self, api: Api) -> Client:
        """A client of another application than the fixture's."""
        return Client(api, self.platform)

    def teach(self, rules: dict[str, Any], version: int = 1) -> None:
        config = AcademicConfig.from_item(self.school_id, {**rules, "version": version})
        self.platform.put(config.item(), config.item(history=True))

    def enrol(self, student_id: str, given: str, family: str, class_id: str = "3B") -> None:
        student = Student(StudentKey(self.school_id, student_id), 2029, class_id, given, family)
        self.platform.put(student.item(), student.roster_item())

    def event(self, kind: str, at: datetime, student_id: str = "ana", **details: Any) -> str:
        """Lets something happen as the worker would write it; returns its event id."""
        event_id = str(uuid.uuid4())
        body = {
            "event_id": event_id,
            "type": kind,
            "student_id": student_id,
            "occurred_at": at.isoformat(),
            **details,
        }
        item = event_item(decode(json.dumps(body)), self.school, at, str(uuid.uuid4()))
        # The store's clock is the machine's: by that, events of this test's now have expired.
        self.platform.put({**item, "expires_at": FAR_AHEAD})
        return event_id

    def judged(
        self, student_id: str, iso_week: str, expires_at: int = FAR_AHEAD, **figures: Any
    ) -> WeeklyTrend:
        """Brings a week's analysis back from the lake, as the job writes it."""
        trend = WeeklyTrend(iso_week=iso_week, **{"points": 0, "events": 0, "trend": "steady", **figures})
        pk = student_pk(StudentKey(self.school_id, student_id))
        kept = {"analysis": trend.analysis(), "expires_at": expires_at}
        self.platform.put({"PK": pk, "SK": trend_sk(iso_week), **kept})
        return trend


@pytest.fixture
def classroom(platform: Platform) -> Classroom:
    """A new school with two students."""
    return Classroom(platform, f"school_{uuid.uuid4().hex[:12]}").open()


@pytest.fixture
def new_school(platform: Platform) -> Callable[[str], Classroom]:
    """Makes a school of a given name."""
    return lambda name: Classroom(platform, name).open()


class Running:
    """The application on a socket of its own, on a loop in a thread."""

    def __init__(self, app: Any, **settings: Any) -> None:
        self._listener = listener("127.0.0.1", 0)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.server = server(app, loop="asyncio", **settings)
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self.server.serve(sockets=[self._listener])), daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + 30
        while not self.server.started:
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.01)

    def stop(self) -> None:
        self.server.should_exit = True
        self._thread.join(30)
        self._listener.close()


@pytest.fixture
def running(platform: Platform) -> Iterator[Callable[..., Running]]:
    """Starts an application on a socket, by default one without pages; takes settings of uvicorn."""
    started: list[Running] = []

    def start(api: Api | None = None, **settings: Any) -> Running:
        started.append(Running((api or Api()).app, **settings))
        return started[-1]

    yield start
    for each in started:
        each.stop()

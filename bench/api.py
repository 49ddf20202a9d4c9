"""The interactive API on loopback, the store on the same two cores.

Floor: a bare ASGI route that verifies the token and makes the same store calls through the same
client (`bench/_bare_api.py`). Every profile has 35 events of this week, 8 grades, a profile item
and 8 weeks of trends; every request comes with its student's own token.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from adapters.table import put_items, put_school, put_students
from bench._http_load import Outcome, flat_out, request, steady
from bench.outcome import Goal, Measure, publish
from infra.local.aws import ACCOUNT_ID, ADMINISTRATOR, REGION, Store, client
from infra.local.identity import Issuer
from infra.local.resources import make_all
from infra.local.resources.maker import Workshop
from infra.local.stacks import Stacks
from infra.local.templates import read_template
from transforms.academic_items import Grade, Part
from transforms.event_items import event_item
from transforms.events import decode
from transforms.keys import StudentKey, student_pk, trend_sk
from transforms.periods import AcademicConfig
from transforms.schools import School
from transforms.students import Student
from transforms.weekly_trends import WeeklyTrend, weeks_shown

REPOSITORY = Path(__file__).parents[1]
SCHOOLS, STUDENTS, EVENTS, GRADES = 20, 25, 35, 8
MANY_REQUESTS = int(os.environ.get("LUCA_BENCH_REQUESTS", "100000"))
MANY_SCHOOLS = 500
LADDER = 1.2  # one rate to the next
RUNG = 8.0  # seconds
EXTRA_MB_ALLOWED = 8.0


class Served(NamedTuple):
    """A server under test."""

    port: int
    pid: int

    @property
    def cpu(self) -> float:
        """Seconds of CPU that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def megabytes(self) -> float:
        """Memory that it holds."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def platform() -> Iterator[Issuer]:
    """The store with the templates' roles and an issuer; the environment is the container's."""
    with ExitStack() as end:
        folder = Path(end.enter_context(tempfile.TemporaryDirectory()))
        store = Store(folder)
        end.callback(store.stop)
        store.wait()
        issuer = end.enter_context(issuing())
        endpoint = {"AWS_ENDPOINT_URL": store.endpoint}
        templates = [read_template(REPOSITORY / "infra" / name) for name in ("store.yaml", "api.yaml")]
        stacks = Stacks(templates, {"JwtIssuer": issuer.url}, account_id=ACCOUNT_ID, region=REGION)
        shop = Workshop(
            lambda service: client(service, endpoint),
            account_id=ACCOUNT_ID,
            region=REGION,
            gateway_endpoint="",
        )
        make_all(stacks, shop)
        outputs = stacks.outputs()
        os.environ |= {
            **endpoint,
            **ADMINISTRATOR,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "LUCA_TABLE": outputs["Table"],
            "LUCA_TENANT_ROLE": outputs["TenantRole"],
            "LUCA_JWT_ISSUER": issuer.url,
            "LUCA_JWT_AUDIENCE": "luca",
        }
        fill()
        role = shop.client("sts").assume_role(RoleArn=outputs["ContainerRole"], RoleSessionName="task")
        os.environ |= {
            "AWS_ACCESS_KEY_ID": role["Credentials"]["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": role["Credentials"]["SecretAccessKey"],
            "AWS_SESSION_TOKEN": role["Credentials"]["SessionToken"],
        }
        yield issuer


@contextmanager
def issuing() -> Iterator[Issuer]:
    """An issuer over HTTP."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(issuer.keys() if "jwks" in self.path else issuer.discovery()).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            pass

    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer = Issuer(f"http://127.0.0.1:{served.server_port}", "luca")
    threading.Thread(target=served.serve_forever, daemon=True).start()
    yield issuer
    served.shutdown()


def fill() -> None:
    """Schools with students whose week has happened."""
    now = datetime.now(UTC)
    weights = {"weights": {"exam": "0.7", "homework": "0.2", "quiz": "0.1"}}
    year = {"periods": [{"id": "Q1", "start": f"{now.year}-01-01", "end": f"{now.year}-12-31"}]}
    for number in range(SCHOOLS):
        school = School(f"school_{number}", "America/Mexico_City")
        put_school(school)
        config = AcademicConfig.from_item(
            school.school_id, {**year, "grading_rules": {"*": weights}, "version": 1}
        )
        students = [StudentKey(school.school_id, f"student_{each}") for each in range(STUDENTS)]
        put_students(Student(student, 2029, "3B", "Ana", "Ruiz") for student in students)
        items = [config.item(), config.item(history=True)]
        for student in students:
            items += list(of_student(school, student, now))
        assert not put_items(items)


def of_student(school: School, student: StudentKey, now: datetime) -> Iterator[dict[str, Any]]:
    """Events, grades and trends of one student."""
    for number in range(EVENTS):
        at = now - timedelta(hours=4 * number)
        body = {
            "event_id": str(uuid.uuid4()),
            "type": ("participation", "class_response", "activity_completed")[number % 3],
            "student_id": student.student_id,
            "teacher_id": "teacher_9",
            "subject": "matematicas",
            "class_id": "3B",
            "occurred_at": at.isoformat(),
        }
        yield event_item(decode(json.dumps(body)), school, at, str(uuid.uuid4()))
    parts = {kind: Part(Decimal("85.5"), Decimal("0.3"), 3) for kind in ("exam", "homework", "quiz")}
    for number in range(GRADES):
        yield Grade(
            student,
            f"subject_{number}",
            "Q1",
            Decimal("84.3"),
            9,
            parts,
            True,
            1,
            "2026-02-05T08:00:00.000Z",
            str(uuid.uuid4()),
        ).item()
    for iso_week in weeks_shown(now):
        judged = WeeklyTrend(
            iso_week=iso_week,
            points=20,
            events=9,
            trend="rising",
            points_change=6,
            points_mean_4w=17.25,
            points_slope_4w=1.5,
            points_slope_low_4w=-0.5,
            points_slope_high_4w=3.0,
            attendance_rate=0.8,
            attendance_rate_4w=0.95,
            absence_rate_8w=0.0625,
            warnings=["falling_points"],
            rules_version=1,
            as_of="2026-02-02T23:10:04.000Z",
        )
        yield {"PK": student_pk(student), "SK": trend_sk(iso_week), "analysis": judged.analysis()}


@contextmanager
def serving(module: str) -> Iterator[Served]:
    """A server in a process of its own."""
    child = subprocess.Popen(
        [sys.executable, "-m", module, *(["--port", "0"] if module == "api" else [])],
        cwd=REPOSITORY,
        env=dict(os.environ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        assert child.stderr is not None
        line = child.stderr.readline().decode()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        assert found is not None, line
        yield Served(int(found[1]), child.pid)
    finally:
        child.kill()
        child.wait()


def profiles(issuer: Issuer, path: str = "") -> Callable[[int], bytes]:
    """Requests for profiles, each with its student's token."""
    made = [
        request("GET", f"/profile/student_{student}{path}", token)
        for school in range(SCHOOLS)
        for student in range(STUDENTS)
        for token in (issuer.token(f"school_{school}", "student", student_id=f"student_{student}"),)
    ]
    return lambda number: made[number * 7919 % len(made)]


def evaluations(issuer: Issuer) -> Callable[[int], bytes]:
    """New evaluations, each with an id of its own."""
    tokens = [
        issuer.token(f"school_{school}", "teacher", teacher_id="teacher_9") for school in range(SCHOOLS)
    ]
    day = datetime.now(UTC).date().isoformat()

    def one(number: int) -> bytes:
        body = {
            "evaluation_id": f"exam_{uuid.uuid4().hex}",
            "student_id": f"student_{number % STUDENTS}",
            "subject": "matematicas",
            "type": "exam",
            "date": day,
            "score": 85,
        }
        return request("POST", "/evaluations", tokens[number % SCHOOLS], json.dumps(body).encode())

    return one


def highest(port: int, requests: Callable[[int], bytes]) -> float:
    """The highest steady rate that leaves no errors and answers 95 % within 120 ms; 100/s if none does."""
    rate = 100.0
    while True:
        # Twice, because the machine is shared: one rung that failed by a neighbour's doing is no limit.
        tries = (_kept(asyncio.run(steady(port, requests, rate, RUNG)), rate) for _ in range(2))
        if not any(tries):
            return max(100.0, rate / LADDER)
        rate *= LADDER


def together(port: int, rate: float, kinds: Sequence[Callable[[int], bytes]]) -> tuple[float, list[Outcome]]:
    """The highest steady rate at which each kind of request alone is answered as promised, and how.

    A profile costs one store call and an evaluation two, so the store on this machine's cores bears fewer
    of these.

    Args:
        port: Of the server.
        rate: To begin with, downwards.
        kinds: Of requests.
    """
    while True:
        outcomes = [asyncio.run(steady(port, requests, rate, RUNG)) for requests in kinds]
        if rate <= 100 or all(_kept(outcome, rate) for outcome in outcomes):
            return rate, outcomes
        rate /= LADDER


def _kept(outcome: Outcome, rate: float) -> bool:
    return not outcome.errors and outcome.percentile(0.95) <= 120 and outcome.rate >= 0.97 * rate


def cpu_per_request(served: Served, requests: Callable[[int], bytes], count: int) -> float:
    """Milliseconds of the server's CPU for one request, as fast as it goes."""
    before = served.cpu
    outcome = asyncio.run(flat_out(served.port, requests, count))
    assert not outcome.errors
    assert set(outcome.statuses) == {200}, outcome.statuses
    return (served.cpu - before) / count * 1000


def figures(outcome: Outcome, **more: float) -> dict[str, float]:
    """What is told of a run."""
    return {
        "requests_per_second": outcome.rate,
        "p50_ms": outcome.percentile(0.5),
        "p95_ms": outcome.percentile(0.95),
        "p99_ms": outcome.percentile(0.99),
        **more,
    }


def main() -> None:
    with platform() as issuer, serving("api") as ours:
        read = profiles(issuer)
        asyncio.run(flat_out(ours.port, read, 1500))  # tokens judged, credentials taken
        slow = asyncio.run(steady(ours.port, read, 100, 20))
        with serving("bench._bare_api") as bare:
            asyncio.run(flat_out(bare.port, read, 1500))
            rounds = [
                (cpu_per_request(ours, read, 2000), cpu_per_request(bare, read, 2000)) for _ in range(3)
            ]
        ours_cpu, bare_cpu = sorted(rounds, key=lambda pair: pair[0] / pair[1])[1]
        alone = highest(ours.port, read)
        rate, (profile, activity, written) = together(
            ours.port, alone, (read, profiles(issuer, "/activity"), evaluations(issuer))
        )
        before_schools = ours.megabytes
        strangers = [issuer.token(f"other_{number}", "teacher") for number in range(MANY_SCHOOLS)]
        asyncio.run(
            flat_out(
                ours.port, lambda n: request("GET", "/profile/x", strangers[n % MANY_SCHOOLS]), MANY_SCHOOLS
            )
        )
        after_schools = ours.megabytes
        asyncio.run(
            flat_out(
                ours.port,
                lambda n: request("GET", "/profile/x", strangers[n % MANY_SCHOOLS]),
                4 * MANY_SCHOOLS,
            )
        )
        again = ours.megabytes
        asyncio.run(flat_out(ours.port, read, max(1, MANY_REQUESTS // 10)))
        start = ours.megabytes
        long = asyncio.run(flat_out(ours.port, read, MANY_REQUESTS))
        end = ours.megabytes
    publish(
        "api",
        given=f"{SCHOOLS * STUDENTS} students, {EVENTS} events each, {GRADES} grades; 1 store call",
        measures=[
            Measure("profile at 100/s", **figures(slow)),
            Measure("profile, at its highest rate", requests_per_second=alone),
            Measure("profile, all three hold", **figures(profile)),
            Measure("activity, same rate", **figures(activity)),
            Measure("evaluation, same rate", **figures(written)),
            Measure("ours", cpu_ms=ours_cpu),
            Measure("floor", cpu_ms=bare_cpu),
            Measure(
                f"{MANY_REQUESTS:,} requests",
                requests_per_second=long.rate,
                megabytes=end,
                grown_mb=end - start,
            ),
            Measure(f"{MANY_SCHOOLS} schools", megabytes=again, grown_mb=after_schools - before_schools),
        ],
        ratios={"cpu of a profile / bare route": ours_cpu / bare_cpu},
        goals=[
            Goal(
                "profile: p95 under 25 ms at 100 requests/s", slow.percentile(0.95) < 25 and not slow.errors
            ),
            Goal(
                f"profile: p95 under 120 ms at {rate:.0f} requests/s, no errors",
                profile.percentile(0.95) < 120 and not profile.errors,
            ),
            Goal(
                f"activity: p95 under 100 ms at {rate:.0f} requests/s, no errors",
                activity.percentile(0.95) < 100 and not activity.errors,
            ),
            Goal(
                f"evaluation: p95 under 120 ms at {rate:.0f} requests/s, no errors",
                written.percentile(0.95) < 120 and not written.errors,
            ),
            Goal("CPU of a profile at most 1.6 x the bare route's", ours_cpu <= 1.6 * bare_cpu),
            Goal(
                f"memory flat over {MANY_REQUESTS:,} requests (within {EXTRA_MB_ALLOWED:.0f} MB)",
                end - start < EXTRA_MB_ALLOWED and not long.errors,
            ),
            Goal(
                f"{MANY_SCHOOLS} schools cached, and asked again without growth",
                again - after_schools < EXTRA_MB_ALLOWED,
            ),
        ],
    )


if __name__ == "__main__":
    main()

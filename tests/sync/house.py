"""The synchronisation in one process: the real machines and functions, moto's store, the stand-in's HTTP.

Waits are counted and not waited for; the clock moves on by as much.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from adapters import government as government_adapter
from adapters.aws import client
from adapters.telemetry import metrics
from adapters.typed_json import from_typed, to_typed
from infra.local.government.server import Government
from infra.local.state_machines.definition import Machine, read_machine
from infra.local.state_machines.execution import Execution, StateError
from infra.local.state_machines.service import StateMachines
from lambdas import government_sender, government_sync
from transforms import keys
from transforms.academic_items import Grade
from transforms.keys import GroupKey, StudentKey

INFRA = Path(__file__).resolve().parents[2] / "infra"
ARN = "arn:aws:states:us-east-1:000000000000:stateMachine:{}"
CONTEXT = SimpleNamespace(
    function_name="sync", memory_limit_in_mb=512, invoked_function_arn="arn", aws_request_id="request"
)
START = datetime(2026, 4, 1, 3, tzinfo=UTC)
TOKEN = "the-platform's-token"


class Crash(BaseException):
    """The process is gone. No handler can catch it, as none can catch a power cut."""


class Clock:
    """Time as the functions see it."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class _Machines(StateMachines):
    def __init__(self, house: House, machines: list[Machine]) -> None:
        super().__init__(machines, invoke=house.invoke, wait_scale=0)
        self._clock = house.clock

    async def pause(self, seconds: float) -> None:
        self._clock.pass_(seconds)


class House:
    """Everything that takes part in a synchronisation.

    Attributes:
        clock: Of the functions.
        government: The stand-in.
        steps: What was done, in order: `AWS:Operation` and `HTTP:METHOD path`. A callback in
            `before_step` may raise `Crash` before any of them happens.
    """

    def __init__(self, government: Government) -> None:
        self.clock = Clock()
        self.government = government
        self.steps: list[str] = []
        self.before_step: Callable[[str], None] = lambda step: None
        self.before_state: Callable[[str], None] = lambda state: None
        self.runs = 0
        self.crashed = False

    def step(self, name: str) -> None:
        try:
            self.before_step(name)
        except Crash:
            self.crashed = True
            raise
        self.steps.append(name)

    async def invoke(self, function: str, payload: bytes) -> bytes:
        handler = {"sync": government_sync.handler, "sender": government_sender.handler}[function]
        event = json.loads(payload)
        self.before_state(event.get("action", ""))
        metrics.clear_metrics()  # nobody publishes them here, and a hundred of one publish themselves
        try:
            return json.dumps(handler(event, CONTEXT)).encode()
        except Exception as error:
            if self.crashed:  # what is raised on the way out of a dead process is not heard
                raise Crash from error
            raise StateError(type(error).__name__, json.dumps({"errorMessage": str(error)})) from error

    def sync(self, school_id: str = "school_1", scope: str = "pending") -> Execution:
        """Runs the school's machine once."""
        return self.execute("luca-government-sync", {"school_id": school_id, "scope": scope})

    def execute(self, machine: str, data: Any) -> Execution:
        self.runs += 1
        name = f"run-{self.runs}"

        async def run() -> Execution:
            machines = _Machines(self, [school_machine(), all_machine()])
            started = machines.start(ARN.format(machine), name, data)
            return await machines.finished(started.arn)

        return asyncio.run(run())

    def crash_at(self, number: int) -> None:
        """The next run ends before its `number`-th step, from 1."""
        left = [number]

        def count(step: str) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise Crash(step)

        self.before_step = count

    def repair(self) -> None:
        """No more crashes; leases of what crashed run out."""
        self.before_step = lambda step: None
        self.before_state = lambda state: None
        self.crashed = False
        self.clock.pass_(3 * 3600)


def school_machine() -> Machine:
    return _read("luca-government-sync", "government_sync.asl.json")


def all_machine() -> Machine:
    return _read("luca-government-sync-all", "government_sync_all.asl.json")


def _read(name: str, file: str) -> Machine:
    text = (INFRA / file).read_text("utf-8")
    for placeholder, value in {
        "SyncFunction": "sync",
        "SenderFunction": "sender",
        "SchoolMachine": ARN.format("luca-government-sync"),
    }.items():
        text = text.replace(f"${{{placeholder}}}", value)
    return read_machine(name, ARN.format(name), text)


@contextmanager
def furnished(monkeypatch: pytest.MonkeyPatch, **government: Any) -> Iterator[House]:
    """A house with empty tables and a stand-in that forgets everything at the end."""
    stand_in = Government(token=TOKEN, **government).start()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_TRACE_DISABLED": "true",
        "POWERTOOLS_SERVICE_NAME": "tests",
        "POWERTOOLS_METRICS_DISABLED": "true",
        "LUCA_TABLE": "luca-platform",
        "LUCA_SYNC_BATCHES": "luca-sync-batches",
        "LUCA_SYNC_FAILURES": "luca-sync-failures",
        "LUCA_REPORTS_BUCKET": "luca-reports-000000000000",
        "LUCA_GOVERNMENT_ENDPOINT": stand_in.url,
        "LUCA_GOVERNMENT_CREDENTIALS": "luca/government",
    }.items():
        monkeypatch.setenv(name, value)
    house = House(stand_in)
    monkeypatch.setattr(government_sync, "_now", house.clock)
    monkeypatch.setattr(government_sender, "_now", house.clock)
    monkeypatch.setattr("adapters.transactions.FIRST_WAIT", 0.0)
    _watch_http(monkeypatch, house)
    with mock_aws():
        _forget()
        create_tables()
        _watch_store(house)
        try:
            yield house
        finally:
            stand_in.stop()
            _forget()


def _forget() -> None:
    client.cache_clear()
    government_adapter._credentials.clear()


def _watch_http(monkeypatch: pytest.MonkeyPatch, house: House) -> None:
    request = government_adapter._request

    def watched(method: str, path: str, *rest: Any) -> Any:
        house.step(f"HTTP:{method} {path.split('?', maxsplit=1)[0]}")
        return request(method, path, *rest)

    monkeypatch.setattr(government_adapter, "_request", watched)


def _watch_store(house: House) -> None:
    def watched(model: Any, **_: Any) -> None:
        house.step(f"AWS:{model.name}")

    client("dynamodb").meta.events.register("before-call.dynamodb", watched)


def create_tables() -> None:
    """The three tables as the templates declare their keys, the secret and the bucket."""
    dynamodb = boto3.client("dynamodb")
    pending = {
        "IndexName": "pending",
        "KeySchema": _schema("pending_pk", "pending_sk"),
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
    status = {
        "IndexName": "status",
        "KeySchema": _schema("status", "failed_at"),
        "Projection": {"ProjectionType": "ALL"},
    }
    for table, indexes, names in (
        ("luca-platform", [pending], ("PK", "SK", "pending_pk", "pending_sk")),
        ("luca-sync-batches", [], ("PK", "SK")),
        ("luca-sync-failures", [status], ("PK", "SK", "status", "failed_at")),
    ):
        dynamodb.create_table(
            TableName=table,
            KeySchema=_schema("PK", "SK"),
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
            BillingMode="PAY_PER_REQUEST",
            **({"GlobalSecondaryIndexes": indexes} if indexes else {}),
        )
    boto3.client("secretsmanager").create_secret(
        Name="luca/government", SecretString=json.dumps({"token": TOKEN})
    )
    boto3.client("s3").create_bucket(Bucket="luca-reports-000000000000")


def _schema(partition: str, sort: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": partition, "KeyType": "HASH"},
        {"AttributeName": sort, "KeyType": "RANGE"},
    ]


def group(number: int, school_id: str = "school_1") -> GroupKey:
    return GroupKey(StudentKey(school_id, f"student_{number:04d}"), "matematicas", "Q1_2026")


def grade_of(key: GroupKey, score: str = "84.3") -> Grade:
    """A first grade as the nightly job would write it."""
    return Grade(
        student=key.student,
        subject=key.subject,
        period=key.period,
        consolidated_score=Decimal(score),
        evaluations_count=3,
        parts={},
        passed=Decimal(score) >= 60,
        rules_version=1,
        last_calculated="2026-03-31T08:00:00.000Z",
        correlation_id="5a1f6ad2-6e1f-4a43-a8f8-96d8a0e3e5b1",
    )


def put(*grades: Grade) -> None:
    """Writes new grades."""
    for grade in grades:
        client("dynamodb").put_item(TableName="luca-platform", Item=to_typed(grade.item()))


def correct(key: GroupKey, score: str) -> Grade:
    """What the nightly job does when a grade's content changes: its own attributes, and due again."""
    before = stored(key)
    after = replace(
        before,
        consolidated_score=Decimal(score),
        passed=Decimal(score) >= 60,
        version=before.version + 1,
        calculation=before.calculation + 1,
        synced=False,
    )
    names = ("consolidated_score", "passed", "version", "calculation", "synced", "pending_pk", "pending_sk")
    item = after.item()
    client("dynamodb").update_item(
        TableName="luca-platform",
        Key=to_typed({"PK": item["PK"], "SK": item["SK"]}),
        UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in names),
        ConditionExpression="#calculation = :read",
        ExpressionAttributeNames={f"#{name}": name for name in names},
        ExpressionAttributeValues=to_typed(
            {**{f":{name}": item[name] for name in names}, ":read": before.calculation}
        ),
    )
    return after


def raw(key: GroupKey) -> dict[str, Any]:
    """A grade's item as it stands."""
    response = client("dynamodb").get_item(
        TableName="luca-platform",
        Key=to_typed({"PK": keys.student_pk(key.student), "SK": keys.grade_sk(key.subject, key.period)}),
    )
    return from_typed(response["Item"])


def stored(key: GroupKey) -> Grade:
    return Grade.from_item(raw(key))


def visited(execution: Execution) -> list[str]:
    """The names of the states that an execution entered, in order."""
    return [
        event["stateEnteredEventDetails"]["name"]
        for event in execution.history
        if event["type"].endswith("StateEntered")
    ]

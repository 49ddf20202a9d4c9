"""S3, Glue and Athena fail, hesitate or answer half: the load waits or stops, and nothing is lost."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from adapters import ledger
from adapters.aws import client
from adapters.ledger import LoadState
from expectations.catalogue import EXPECTATIONS
from expectations.rules import Owner, Rule, Severity
from expectations.verdict import GateToolError
from pipelines.load import gate
from pipelines.load.run import recent_loads
from pipelines.load.shards import Bounds
from transforms.bilingual import Words

pytestmark = [pytest.mark.service, pytest.mark.fault]

NOW = datetime.fromisoformat("2026-02-03T15:00:00+00:00")
LATER = NOW + timedelta(hours=1)
TABLE = "behavior_events"
TWO = Bounds(shards=2, files=1)

Answer = Callable[[Any, int], AWSResponse | None]


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3 retries as often as it does, without its pauses."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)


class Body(io.BytesIO):
    """What a response is read from."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def answer(status: int, body: bytes, **headers: str) -> AWSResponse:
    return AWSResponse("http://aws", status, headers, Body(body))


def slow_down() -> AWSResponse:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html."""
    return answer(503, b"<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>")


def glue_error(code: str) -> AWSResponse:
    return answer(500, json.dumps({"__type": code, "message": "try again"}).encode())


@contextmanager
def answering(service: str, operation: str, of: Callable[[Any], bool], give: Answer) -> Iterator[list[str]]:
    """Some calls are answered by `give`, told the request and how many there were; None lets it through."""
    asked: list[str] = []

    def before_send(request: Any, **_: Any) -> AWSResponse | None:
        if not of(request):
            return None
        asked.append(request.url)
        return give(request, len(asked))

    events, name = client(service).meta.events, f"before-send.{service}.{operation}"
    events.register(name, before_send)
    try:
        yield asked
    finally:
        events.unregister(name, before_send)


def of_the_lake(request: Any) -> bool:
    """Whether an object or a partition of the lake's table is written, not one of the load's own."""
    if f"/lake/{TABLE}/" in request.url:
        return True
    body = request.body if isinstance(request.body, bytes) else b""
    return b'"TableName": "behavior_events"' in body


def land(lake: Any) -> list[str]:
    """Two files, of two schools and two cohorts each, and a bad school; returns the good identities."""
    good = [
        lake.event(school_id=f"school_{number % 2}", graduation_year=2029 + number // 2 % 2)
        for number in range(8)
    ]
    bad = [lake.event(school_id="bad", points=500), lake.event(school_id="bad")]
    lake.land([*good[:4], bad[0]], "1")
    lake.land([*good[4:], bad[1]], "2")
    return sorted(row["event_id"] for row in good)


def is_whole(lake: Any, good: list[str]) -> None:
    """Each good row is in the lake once, each bad one in quarantine once, and nothing is open."""
    assert sorted(row["event_id"] for row in lake.published()) == good
    load_id = recent_loads()[0]["load_id"]
    assert all(load_id in key for key in lake.objects(f"lake/{TABLE}/"))
    assert len(lake.quarantined()["bad"]) == 2
    assert ledger.the_open_load(TABLE) is None
    assert lake.tables() == []
    assert len(ledger.loads(TABLE, 9)) == 1


def test_an_s3_that_asks_to_slow_down_now_and_then_is_asked_again(lake: Any) -> None:
    good = land(lake)
    with answering(
        "s3", "PutObject", of_the_lake, lambda _, count: slow_down() if count % 3 else None
    ) as asked:
        (result,) = lake.load(bounds=TWO)
    assert len(asked) == 3 * result.objects
    is_whole(lake, good)


@pytest.mark.parametrize(
    "fault",
    [
        lambda request, count: slow_down(),
        lambda request, count: _raise(ConnectionClosedError(endpoint_url=request.url)) if count > 2 else None,
    ],
    ids=["503", "gone after two objects"],
)
def test_an_s3_that_goes_on_failing_stops_the_load_and_the_next_run_ends_it(lake: Any, fault: Answer) -> None:
    good = land(lake)
    with (
        answering("s3", "PutObject", of_the_lake, fault),
        pytest.raises((ClientError, ConnectionClosedError)) as caught,
    ):
        lake.load(bounds=TWO)
    (row,) = recent_loads()
    assert row["state"] == "judged"
    assert row["error"].startswith(type(caught.value).__name__)
    assert lake.published() == []  # no reader sees a part of it
    (result,) = lake.load(now=LATER, bounds=TWO)
    assert result.resumed
    is_whole(lake, good)
    assert recent_loads()[0]["error"] == ""


def test_a_write_whose_answer_is_lost_is_written_again_over_itself(lake: Any) -> None:
    good = land(lake)

    def arrives_unheard(request: Any, count: int) -> AWSResponse | None:
        if count != 1:
            return None
        client("s3")._endpoint.http_session.send(request)
        raise ReadTimeoutError(endpoint_url=request.url)

    with answering("s3", "PutObject", of_the_lake, arrives_unheard) as asked:
        lake.load(bounds=TWO)
    assert len(asked) == len(set(asked)) + 1
    is_whole(lake, good)


def test_a_glue_that_fails_after_the_objects_were_written_hides_them_until_the_next_run(lake: Any) -> None:
    good = land(lake)
    with (
        answering(
            "glue",
            "BatchCreatePartition",
            of_the_lake,
            lambda request, count: glue_error("InternalServiceException"),
        ) as asked,
        pytest.raises(ClientError, match="InternalServiceException"),
    ):
        lake.load(bounds=TWO)
    assert len(asked) == 5  # boto3 asked four times more
    written = lake.objects(f"lake/{TABLE}/")
    assert written
    assert lake.published() == []
    lake.load(now=LATER, bounds=TWO)
    is_whole(lake, good)
    assert lake.objects(f"lake/{TABLE}/").items() >= written.items()


@pytest.mark.parametrize("query", ["known_query", "broken_rows_query"])
def test_an_athena_that_fails_in_the_second_shard_leaves_the_first_done(
    lake: Any, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    good = land(lake)
    ask = getattr(gate, query)
    asked: list[str] = []

    def fails_later(*given: Any) -> str:
        asked.append(query)
        return str(ask(*given)) if len(asked) == 1 else "SELECT no_such_column FROM nowhere WHERE true"

    with monkeypatch.context() as patch:
        patch.setattr(gate, query, fails_later)
        with pytest.raises(GateToolError, match=r"a query on load \S+ failed 3 times"):
            lake.load(bounds=TWO)
    load = ledger.the_open_load(TABLE)
    assert load is not None
    assert set(ledger.shards_done(load)) == {0}
    first = lake.objects(f"lake/{TABLE}/")
    with monkeypatch.context() as patch:
        patch.setattr(gate.Gate, "counts", lambda _: pytest.fail("it was judged already"))
        lake.load(now=LATER, bounds=TWO)
    assert lake.objects(f"lake/{TABLE}/").items() > first.items()
    is_whole(lake, good)


def test_a_rule_whose_sql_fails_on_a_row_is_the_tools_fault_and_no_schools(
    lake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(lake)
    ours = EXPECTATIONS[TABLE]
    wrong = Rule(
        "subject_is_a_number",
        "CAST(subject AS integer) > 0",
        Severity.CRITICAL,
        Words("", "…"),
        Owner.PLATFORM,
    )
    with monkeypatch.context() as patch:
        patch.setitem(EXPECTATIONS, TABLE, replace(ours, rules=(*ours.rules, wrong)))
        with pytest.raises(GateToolError, match=r"gate's query on load \S+ failed 3 times.*matematicas"):
            lake.load()
    assert lake.objects() == {}
    load = ledger.the_open_load(TABLE)
    assert load is not None
    assert (load.state, ledger.read_schools(load)) == (LoadState.CLAIMED, {})
    assert lake.load_one(now=LATER).stopped == {"bad": ["points_in_range"]}


def _raise(error: Exception) -> AWSResponse:
    raise error

"""What stands behind the API fails; the API says so, in time, and comes back by itself."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters import tenant_config, token_keys
from adapters.dynamodb import StoreError, StoreUnavailableError
from api import dispatch

pytestmark = [pytest.mark.local, pytest.mark.fault]

EVALUATION = {
    "evaluation_id": "exam_001",
    "student_id": "ana",
    "subject": "matematicas",
    "type": "exam",
    "date": "2026-02-03",
    "score": 85,
}


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of a server that takes connections and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def move_store(client: Any, url: str, **limits: Any) -> str:
    dynamodb = client.api._dynamodb
    before: str = dynamodb._url
    dynamodb._url = url
    for name, value in limits.items():
        setattr(dynamodb, name, value)
    return before


def test_a_store_that_is_gone_is_a_503_that_says_when_to_come_back(client: Any, classroom: Any) -> None:
    assert client.call("GET", "/profile/ana", school=classroom.school_id).status == 200
    before = move_store(client, "http://127.0.0.1:1")
    answer = client.call("GET", "/profile/ana", school=classroom.school_id)
    assert (answer.status, answer.json["type"]) == (503, "/docs#problem-unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert client.call("POST", "/evaluations", EVALUATION, school=classroom.school_id).status == 503
    move_store(client, before)
    assert client.call("GET", "/profile/ana", school=classroom.school_id).status == 200
    assert client.call("POST", "/evaluations", EVALUATION, school=classroom.school_id).status == 201


def test_a_store_that_is_silent_costs_a_bounded_time(client: Any, classroom: Any, silent: str) -> None:
    client.call("GET", "/profile/ana", school=classroom.school_id)
    move_store(client, silent, _patience=0.5)
    client.api._dynamodb._session._timeout = type(client.api._dynamodb._timeout)(total=0.2)
    began = time.monotonic()
    assert client.call("GET", "/profile/ana", school=classroom.school_id).status == 503
    assert time.monotonic() - began < 2


def test_a_slow_store_is_waited_for(client: Any, classroom: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    dynamodb = client.api._dynamodb
    real = dynamodb.call

    async def slow(*arguments: Any) -> Any:
        await asyncio.sleep(0.3)
        return await real(*arguments)

    monkeypatch.setattr(dynamodb, "call", slow)
    assert client.call("GET", "/profile/ana", school=classroom.school_id).status == 200


def test_a_write_whose_answer_was_lost_is_found_done(
    client: Any, classroom: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store takes the write and the connection breaks: the client sends it again and is told 200."""
    dynamodb = client.api._dynamodb
    real = dynamodb.call

    async def lossy(action: str, request: Any, signer: Any) -> Any:
        answer = await real(action, request, signer)
        if action in {"PutItem", "TransactWriteItems"}:
            raise StoreUnavailableError("the answer was lost")
        return answer

    monkeypatch.setattr(dynamodb, "call", lossy)
    place = "/evaluations/ana/matematicas/Q1_2026/exam_001"
    first = client.call("POST", "/evaluations", EVALUATION, school=classroom.school_id)
    assert first.status == 503
    monkeypatch.setattr(dynamodb, "call", real)
    assert client.call("POST", "/evaluations", EVALUATION, school=classroom.school_id).status == 200
    monkeypatch.setattr(dynamodb, "call", lossy)
    assert client.call("PUT", place, {"version": 1, "score": 90}, school=classroom.school_id).status == 503
    monkeypatch.setattr(dynamodb, "call", real)
    again = client.call("PUT", place, {"version": 1, "score": 90}, school=classroom.school_id)
    assert (again.status, again.json["version"]) == (200, 2)


def test_a_batch_says_which_lines_the_store_did_not_take(
    client: Any, classroom: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    dynamodb = client.api._dynamodb
    real = dynamodb.call

    async def broken(action: str, request: Any, signer: Any) -> Any:
        if action == "PutItem" and request["Item"]["SK"]["S"].endswith("#b"):
            raise StoreUnavailableError("throttled")
        return await real(action, request, signer)

    monkeypatch.setattr(dynamodb, "call", broken)
    lines = [{**EVALUATION, "evaluation_id": name} for name in "abc"]
    answer = client.call("POST", "/evaluations:batch", {"evaluations": lines}, school=classroom.school_id)
    assert [line["status"] for line in answer.json["results"]] == [201, 503, 201]
    assert answer.json["retry"] == 1
    monkeypatch.setattr(dynamodb, "call", real)
    again = client.call("POST", "/evaluations:batch", {"evaluations": lines}, school=classroom.school_id)
    assert [line["status"] for line in again.json["results"]] == [200, 201, 200]


def test_a_class_list_that_broke_off_says_what_is_in_and_is_finished_by_sending_it_again(
    client: Any, classroom: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    dynamodb = client.api._dynamodb
    real = dynamodb.call

    async def broken(action: str, request: Any, signer: Any) -> Any:
        if action == "TransactWriteItems" and "s-60" in str(request):
            raise StoreUnavailableError("throttled")
        return await real(action, request, signer)

    monkeypatch.setattr(dynamodb, "call", broken)
    lines = [f"s-{number},true,Given,Family" for number in range(120)]
    content = "\n".join(("sourcedId,enabledUser,givenName,familyName", *lines)).encode()

    def send() -> Any:
        headers = {"Content-Type": "text/csv"}
        return client.call(
            "POST", "/students:import", content, school=classroom.school_id, role="admin", headers=headers
        )

    first = send()
    assert (first.status, first.json["imported"]) == (503, False)
    results = [line["result"] for line in first.json["lines"]]
    assert (results.count("created"), results.count("retry")) == (70, 50)
    monkeypatch.setattr(dynamodb, "call", real)
    second = send()
    assert (second.status, second.json["created"], second.json["unchanged"]) == (200, 50, 70)


def test_an_outage_of_the_store_leaves_the_configuration_usable(
    client: Any, classroom: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = client.api.services().tenants.of(classroom.school_id)
    configurations = client.api.services().configurations
    first = client.loop.run_until_complete(configurations.school(tenant))
    monkeypatch.setattr(tenant_config, "FRESH", 0.0)
    move_store(client, "http://127.0.0.1:1")
    assert client.loop.run_until_complete(configurations.school(tenant)) == first
    monkeypatch.setattr(tenant_config, "USABLE", 0.0)
    with pytest.raises(StoreError):
        client.loop.run_until_complete(configurations.school(tenant))


def test_an_issuer_that_is_down_at_the_start_closes_the_api_but_not_the_process(
    platform: Any, classroom: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from api.app import Api

    monkeypatch.setattr(token_keys, "BETWEEN_FETCHES", 0.0)
    platform.issuer.up = False
    # The client's class is the one of the fixture `client`, made here because the issuer is down before it.
    client = classroom.client_of(Api())
    try:
        assert client.call("GET", "/health").status == 200
        assert client.call("GET", "/ready").status == 503
        answer = client.call("GET", "/profile/ana", school=classroom.school_id)
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
        platform.issuer.up = True
        assert client.call("GET", "/ready").status == 200
        assert client.call("GET", "/profile/ana", school=classroom.school_id).status == 200
        platform.issuer.up = False
        assert client.call("GET", "/profile/ana", school=classroom.school_id).status == 200
    finally:
        client.close()


def test_a_rotation_of_the_issuers_keys_closes_old_tokens_and_opens_new_ones(
    client: Any, classroom: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = client.token(classroom.school_id, "teacher")
    assert client.call("GET", "/profile/ana", token=old).status == 200
    client.platform.issuer.rotate()
    client.api._keys._fetched_at = float("-inf")  # ten minutes and a day later
    client.api._keys._tried_at = float("-inf")
    client.api.services().verifier.forget()
    assert client.call("GET", "/profile/ana", school=classroom.school_id).status == 200
    assert client.call("GET", "/profile/ana", token=old).status == 401


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"exp": -29}, 200),
        ({"exp": -35}, 401),
        ({"nbf": 25}, 200),
        ({"nbf": 40}, 401),
        ({"iat": 25}, 200),
    ],
)
def test_clocks_may_differ_by_half_a_minute(
    client: Any, classroom: Any, claims: dict[str, int], status: int
) -> None:
    moved = {name: int(time.time()) + seconds for name, seconds in claims.items()}
    assert client.call("GET", "/profile/ana", school=classroom.school_id, **moved).status == status


def test_a_store_whose_clock_runs_away_is_told_as_an_outage(client: Any, classroom: Any) -> None:
    """Credentials that end in our past by a clock that is wrong are taken anew, and those end there too."""
    tenants = client.api.services().tenants
    tenants._clock = lambda: time.time() + 7200
    answer = client.call("GET", "/profile/ana", school=classroom.school_id)
    assert answer.status in {200, 503}


def test_too_many_at_once_are_sent_away_at_once(
    client: Any, classroom: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "MOST_AT_ONCE", 2)

    async def many() -> list[Any]:
        return await asyncio.gather(
            *(client.acall("GET", "/profile/ana", school=classroom.school_id) for _ in range(6))
        )

    statuses = [answer.status for answer in client.loop.run_until_complete(many())]
    assert statuses.count(200) >= 2
    assert set(statuses) <= {200, 503}
    assert statuses.count(503) >= 1
    assert client.api.services().in_flight == 0


def test_a_fault_of_ours_is_a_500_that_tells_nothing_but_the_correlation_id(
    client: Any, classroom: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> datetime:
        raise ValueError("Ana Ruiz has 84.321")

    client.api.services().clock = broken
    answer = client.call("GET", "/profile/ana", school=classroom.school_id)
    assert answer.status == 500
    assert "Ana" not in answer.body.decode()
    client.api.services().clock = lambda: datetime.now(UTC)
    out = capsys.readouterr()
    assert "84.321" not in out.out + out.err
    assert answer.json["correlation_id"] in out.out + out.err

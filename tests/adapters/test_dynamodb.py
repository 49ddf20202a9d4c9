"""The store's client against a server that misbehaves on purpose."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from adapters import dynamodb
from adapters.dynamodb import (
    ATTEMPTS,
    ConditionFailedError,
    CredentialsRejectedError,
    DynamoDB,
    StoreDeniedError,
    StoreError,
    StoreUnavailableError,
    TransactionCancelledError,
)
from adapters.request_signing import Credentials, Signer

pytestmark = pytest.mark.fault

Reply = Callable[[asyncio.StreamWriter], Awaitable[None]]


def answer(status: int, document: Any) -> Reply:
    async def write(writer: asyncio.StreamWriter) -> None:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)

    return write


def error(code: str, status: int = 400, **more: Any) -> Reply:
    return answer(status, {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "m", **more})


async def drop(writer: asyncio.StreamWriter) -> None:
    writer.close()


async def drop_halfway(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n{")
    await writer.drain()
    writer.close()


async def silence(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(5)


def ask(*replies: Reply, patience: float = 4.0, attempt_timeout: float = 0.2) -> tuple[Any, int, float]:
    """Calls a service that gives these replies in turn, the last one for ever: outcome, requests, seconds."""

    async def run() -> tuple[Any, int, float]:
        seen = 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal seen
            try:
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                    await reader.readexactly(length)
                    seen += 1
                    await replies[min(seen, len(replies)) - 1](writer)
            except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        store = DynamoDB(
            "us-east-1", f"http://{host}:{port}", patience=patience, attempt_timeout=attempt_timeout
        )
        began = time.monotonic()
        try:
            outcome: Any = await store.call(
                "GetItem", {}, Signer(Credentials("AKIA", "s"), store.host, "us-east-1")
            )
        except StoreError as failed:
            outcome = failed
        finally:
            await store.close()
            server.close()
        return outcome, seen, time.monotonic() - began

    return asyncio.run(run())


def test_an_answer_is_an_answer() -> None:
    assert ask(answer(200, {"Item": {}}))[:2] == ({"Item": {}}, 1)


@pytest.mark.parametrize(
    "trouble",
    [
        error("ProvisionedThroughputExceededException"),
        error("ThrottlingException"),
        error("RequestLimitExceeded"),
        error("TransactionInProgressException"),
        error("InternalServerError", 500),
        answer(503, b"<html>"),
        answer(200, b"no json"),
        error(
            "TransactionCanceledException",
            CancellationReasons=[{"Code": "None"}, {"Code": "TransactionConflict"}],
        ),
        drop,
        drop_halfway,
        silence,
    ],
)
def test_trouble_that_passes_is_not_noticed(trouble: Reply) -> None:
    outcome, requests, _ = ask(trouble, trouble, answer(200, {}))
    assert (outcome, requests) == ({}, 3)


@pytest.mark.parametrize("trouble", [error("ThrottlingException"), drop, answer(502, b"")])
def test_trouble_that_stays_is_told_after_the_last_attempt(trouble: Reply) -> None:
    outcome, requests, seconds = ask(trouble)
    assert isinstance(outcome, StoreUnavailableError)
    assert requests == ATTEMPTS
    assert seconds < 2


def test_a_silent_store_costs_patience_and_no_more() -> None:
    outcome, _, seconds = ask(silence, patience=0.5, attempt_timeout=0.3)
    assert isinstance(outcome, StoreUnavailableError)
    assert seconds < 1.0


def test_a_store_that_is_not_there_is_unavailable() -> None:
    async def run() -> None:
        store = DynamoDB("us-east-1", "http://127.0.0.1:1")
        try:
            await store.call("GetItem", {}, Signer(Credentials("AKIA", "s"), store.host, "us-east-1"))
        finally:
            await store.close()

    with pytest.raises(StoreUnavailableError):
        asyncio.run(run())


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (error("AccessDeniedException"), StoreDeniedError),
        (error("ExpiredTokenException"), CredentialsRejectedError),
        (error("UnrecognizedClientException"), CredentialsRejectedError),
        (error("InvalidSignatureException"), CredentialsRejectedError),
        (error("ValidationException"), StoreError),
        (error("ConditionalCheckFailedException", Item={"PK": {"S": "a"}}), ConditionFailedError),
        (
            error("TransactionCanceledException", CancellationReasons=[{"Code": "ConditionalCheckFailed"}]),
            TransactionCancelledError,
        ),
    ],
)
def test_what_repeating_cannot_mend_is_not_repeated(reply: Reply, kind: type[StoreError]) -> None:
    outcome, requests, _ = ask(reply)
    assert type(outcome) is kind
    assert requests == 1


def test_the_item_in_the_way_comes_with_the_refusal() -> None:
    outcome, _, _ = ask(error("ConditionalCheckFailedException", Item={"PK": {"S": "a"}}))
    assert outcome.item == {"PK": {"S": "a"}}


def test_the_endpoint_is_boto3s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL_DYNAMODB", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert dynamodb._endpoint("eu-west-1") == "https://dynamodb.eu-west-1.amazonaws.com"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://a")
    assert dynamodb._endpoint("eu-west-1") == "http://a"
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://b")
    assert dynamodb._endpoint("eu-west-1") == "http://b"

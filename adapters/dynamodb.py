"""DynamoDB for the interactive path: asyncio, one pool of connections for all schools.

boto3 costs 1.2 ms of CPU a call and blocks a thread; this is a signed POST over aiohttp. Every
call is made with the credentials of one school, and ends within `PATIENCE` whatever the store does.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

import aiohttp
import msgspec

from adapters.backoff import jittered

ATTEMPTS = 4
FIRST_WAIT = 0.025  # seconds; doubles, with full jitter
ATTEMPT_TIMEOUT = 1.5  # seconds; DynamoDB answers in milliseconds, so a silent connection is a dead one
PATIENCE = 4.0  # seconds for a call with all its attempts
CONNECTIONS = 128

_THROTTLED = {
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "RequestLimitExceeded",
    "LimitExceededException",
    "TransactionConflictException",
    "TransactionInProgressException",
}
_WORTH_REPEATING = {"ThrottlingError", "TransactionConflict", "ProvisionedThroughputExceeded"}


class StoreError(RuntimeError):
    """DynamoDB did not do what was asked."""


class StoreUnavailableError(StoreError):
    """The store throttles, fails or does not answer, through all attempts; trying later may help."""


class StoreDeniedError(StoreError):
    """The credentials may not do this: an item of another school was asked for, or a policy is wrong."""


class CredentialsRejectedError(StoreError):
    """The credentials are expired, revoked or unknown: new ones may be taken."""


class ConditionFailedError(StoreError):
    """A write's condition does not hold.

    Attributes:
        item: What the key holds, in typed JSON, if it was asked for.
    """

    def __init__(self, message: str, item: Mapping[str, Any] | None) -> None:
        super().__init__(message)
        self.item = item


class TransactionCancelledError(StoreError):
    """A transaction was not taken.

    Attributes:
        reasons: One of each action: `Code`, and `Item` if it was asked for.
    """

    def __init__(self, message: str, reasons: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(message)
        self.reasons = reasons


_REFUSALS: dict[str, type[StoreError]] = {
    "AccessDeniedException": StoreDeniedError,
    "ExpiredTokenException": CredentialsRejectedError,
    "UnrecognizedClientException": CredentialsRejectedError,
    "InvalidSignatureException": CredentialsRejectedError,
}


class Signs(Protocol):
    """Whoever can sign a request (`adapters.request_signing.Signer`)."""

    def headers(self, target: str, body: bytes) -> dict[str, str]:
        """Headers of a signed request."""


class DynamoDB:
    """The service, reached over one pool of connections.

    Must be made inside the event loop that uses it, and closed.

    Args:
        region: Of the table.
        endpoint: Default: as boto3 finds it, `AWS_ENDPOINT_URL_DYNAMODB`, `AWS_ENDPOINT_URL`, else AWS's own.
        patience: Seconds for one call with all its attempts.
        attempt_timeout: Seconds for one attempt.
    """

    def __init__(
        self,
        region: str,
        endpoint: str | None = None,
        *,
        patience: float = PATIENCE,
        attempt_timeout: float = ATTEMPT_TIMEOUT,
    ) -> None:
        self.region = region
        self._url = endpoint or _endpoint(region)
        self.host = urlsplit(self._url).netloc
        self._patience = patience
        self._timeout = aiohttp.ClientTimeout(total=attempt_timeout, sock_connect=1.0)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=50, ttl_dns_cache=60),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=self._timeout,
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
        )
        self.calls = 0

    async def close(self) -> None:
        """Closes all connections."""
        await self._session.close()

    async def call(self, action: str, request: Mapping[str, Any], signer: Signs) -> dict[str, Any]:
        """The answer to one call.

        Args:
            action: Such as `Query`.
            request: Its JSON.
            signer: Of the school's credentials.

        Raises:
            ConditionFailedError, TransactionCancelledError: The write does not fit what is stored.
            StoreDeniedError, CredentialsRejectedError: The credentials do not do.
            StoreUnavailableError: All attempts failed; a write may have been taken all the same.
            StoreError: DynamoDB refuses the request: a fault of ours.
        """
        body = msgspec.json.encode(request)
        target = f"DynamoDB_20120810.{action}"
        deadline = time.monotonic() + self._patience
        problem = "no attempt was made"
        for attempt in range(ATTEMPTS):
            if attempt:
                wait = jittered(FIRST_WAIT, attempt)
                if time.monotonic() + wait >= deadline:
                    break
                await asyncio.sleep(wait)
            self.calls += 1
            try:
                async with self._session.post(
                    self._url, data=body, headers=signer.headers(target, body), allow_redirects=False
                ) as response:
                    status, answer = response.status, await response.read()
            except (TimeoutError, aiohttp.ClientError, OSError) as error:
                problem = f"{type(error).__name__} {error}".strip()
                continue
            if status == 200:
                try:
                    found: dict[str, Any] = msgspec.json.decode(answer)
                except msgspec.DecodeError as error:
                    problem = f"an answer that is no JSON: {error}"
                    continue
                return found
            repeat = _refusal(action, status, answer)
            if not isinstance(repeat, str):
                raise repeat
            problem = repeat
        raise StoreUnavailableError(f"{action}: {problem}")


def _endpoint(region: str) -> str:
    return (
        os.environ.get("AWS_ENDPOINT_URL_DYNAMODB")
        or os.environ.get("AWS_ENDPOINT_URL")
        or f"https://dynamodb.{region}.amazonaws.com"
    )


def _refusal(action: str, status: int, answer: bytes) -> StoreError | str:
    """The error that an answer means, or what happened where another attempt may help."""
    try:
        document: dict[str, Any] = msgspec.json.decode(answer)
        code = str(document["__type"]).rsplit("#", 1)[-1]
    except (msgspec.DecodeError, KeyError, TypeError):
        return f"status {status}"
    message = f"{action}: {code}: {document.get('message') or document.get('Message') or ''}"
    if status >= 500 or code in _THROTTLED:
        return message
    if code == "TransactionCanceledException":
        reasons = document.get("CancellationReasons", [])
        codes = {reason.get("Code") for reason in reasons} - {"None", None}
        repeat = bool(codes) and codes <= _WORTH_REPEATING
        return message if repeat else TransactionCancelledError(message, reasons)
    if code == "ConditionalCheckFailedException":
        return ConditionFailedError(message, document.get("Item"))
    return _REFUSALS.get(code, StoreError)(message)

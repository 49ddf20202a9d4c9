"""The government's register of official grades, over HTTPS: send a batch, ask for receipts.

Certificates are verified, always; redirects are not followed (a payload with students' names on
it goes where the settings say and nowhere else). The token comes from Secrets Manager.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from adapters.aws import client
from adapters.expiring import ExpiringCache
from adapters.settings import setting
from transforms.sync_batches import Batch, encode
from transforms.sync_reconciliation import HeldReceipt
from transforms.sync_responses import (
    Answer,
    NoAnswer,
    Receipt,
    UnreadableReceiptError,
    read_receipt,
)

ANSWER_WITHIN = 30.0  # seconds that the government may stay silent; the function has 60 in all
LONGEST_ANSWER = 4 * 1024 * 1024  # bytes
CREDENTIALS_TTL = 300  # seconds
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class InsecureEndpointError(ValueError):
    """The government's address is not HTTPS."""


class GovernmentUnavailableError(RuntimeError):
    """The government does not say what it holds."""


class Credentials(msgspec.Struct, frozen=True):
    """What the secret holds, as JSON.

    Attributes:
        token: Bearer token that the government gave to the platform.
        ca_certificate: PEM of the government's own certificate authority, where it has one that
            no operating system knows.
    """

    token: str
    ca_certificate: str | None = None

    def __repr__(self) -> str:
        return "Credentials(…)"


@dataclass(frozen=True, slots=True)
class _Response:
    status: int
    body: bytes
    retry_after: str | None


_credentials: ExpiringCache[str, Credentials] = ExpiringCache(CREDENTIALS_TTL, 4)


def send(batch: Batch, correlation_id: str) -> Answer | NoAnswer:
    """Sends a batch once.

    Args:
        batch: Validated against its schema before anything leaves.
        correlation_id: Told to the government, to be found in both logs.

    Returns:
        Its answer, whatever it says, or why there is none.

    Raises:
        InvalidBatchError: The batch must not be sent.
        InsecureEndpointError: The endpoint is not HTTPS.
        ClientError, BotoCoreError: The credentials cannot be read.
    """
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": batch.sync_batch_id,
        "X-Correlation-Id": correlation_id,
    }
    try:
        response = _authorised("POST", "/v1/grade-batches", encode(batch), headers)
    except ssl.SSLCertVerificationError as untrusted:
        return NoAnswer(
            "untrusted", f"the government's certificate is not trusted: {untrusted.verify_message}"
        )
    except TimeoutError:
        return NoAnswer("timeout", f"the government did not answer within {ANSWER_WITHIN:.0f} s")
    except (OSError, http.client.HTTPException) as broken:
        return NoAnswer("connection", f"the connection broke: {type(broken).__name__}: {broken}")
    return Answer(response.status, response.body, response.retry_after)


def receipt_of(batch: Batch) -> Receipt | None:
    """The government's receipt for a batch that was sent some time; None where it has none.

    Raises:
        GovernmentUnavailableError: It does not say.
    """
    response = _ask(f"/v1/grade-batches/{quote(batch.sync_batch_id)}")
    if response.status == 404:
        return None
    _require_200(response, "the receipt of a batch")
    try:
        return read_receipt(response.body, batch)
    except UnreadableReceiptError as unreadable:
        raise GovernmentUnavailableError(str(unreadable)) from unreadable


class _Listed(msgspec.Struct, frozen=True):
    receipt_id: str
    sync_batch_id: str
    school_id: str
    received_at: str
    accepted: frozenset[str]


class _Page(msgspec.Struct, frozen=True):
    receipts: list[_Listed]
    next: str | None = None


def receipts(since: str) -> Iterator[HeldReceipt]:
    """All receipts that the government says it gave since a moment, of all schools, page by page.

    Args:
        since: UTC text, by the government's clock.

    Raises:
        GovernmentUnavailableError: It does not say, or not in a form that can be read.
    """
    after = ""
    while True:
        query = {"since": since, **({"after": after} if after else {})}
        response = _ask(f"/v1/receipts?{urlencode(query)}")
        _require_200(response, "its receipts")
        try:
            page = msgspec.json.decode(response.body, type=_Page)
        except msgspec.DecodeError as unreadable:
            raise GovernmentUnavailableError(
                f"the government's receipts cannot be read: {unreadable}"
            ) from unreadable
        for each in page.receipts:
            yield HeldReceipt(
                each.school_id, each.sync_batch_id, each.receipt_id, each.received_at, each.accepted
            )
        if page.next is None:
            return
        after = page.next


def _ask(path: str) -> _Response:
    try:
        return _authorised("GET", path, None, {})
    except (OSError, http.client.HTTPException) as broken:
        raise GovernmentUnavailableError(
            f"the government does not answer: {type(broken).__name__}: {broken}; try again later"
        ) from broken


def _require_200(response: _Response, what: str) -> None:
    if response.status != 200:
        raise GovernmentUnavailableError(
            f"the government answered {response.status} when asked for {what}; try again later"
        )


def _authorised(method: str, path: str, body: bytes | None, headers: dict[str, str]) -> _Response:
    secret = setting("GOVERNMENT_CREDENTIALS")
    credentials = _credentials.get(secret, _read_credentials)
    response = _request(method, path, body, headers, credentials)
    if response.status == 401:
        # Perhaps the token was rotated within the cache's five minutes; a 401 applies nothing.
        _credentials.clear()
        fresh = _credentials.get(secret, _read_credentials)
        if fresh != credentials:
            return _request(method, path, body, headers, fresh)
    return response


def _request(
    method: str, path: str, body: bytes | None, headers: dict[str, str], credentials: Credentials
) -> _Response:
    endpoint = setting("GOVERNMENT_ENDPOINT")
    connection, prefix = _connection(endpoint, credentials.ca_certificate)
    try:
        connection.request(
            method, prefix + path, body, {**headers, "Authorization": f"Bearer {credentials.token}"}
        )
        response = connection.getresponse()
        content = response.read(LONGEST_ANSWER + 1)
        if len(content) > LONGEST_ANSWER:
            raise http.client.HTTPException(f"an answer of more than {LONGEST_ANSWER} bytes")
        return _Response(response.status, content, response.getheader("Retry-After"))
    finally:
        connection.close()


def _connection(endpoint: str, ca_certificate: str | None) -> tuple[http.client.HTTPConnection, str]:
    parts = urlsplit(endpoint)
    host, prefix = parts.hostname or "", parts.path.rstrip("/")
    if parts.scheme == "https" and host:
        context = _tls(ca_certificate)
        return http.client.HTTPSConnection(host, parts.port, timeout=ANSWER_WITHIN, context=context), prefix
    if parts.scheme == "http" and host in LOOPBACK:  # one machine's stand-in: nothing leaves it
        return http.client.HTTPConnection(host, parts.port, timeout=ANSWER_WITHIN), prefix
    raise InsecureEndpointError(
        f"LUCA_GOVERNMENT_ENDPOINT is {endpoint!r}: students' records travel over https:// only"
    )


@lru_cache(4)
def _tls(ca_certificate: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=ca_certificate)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _read_credentials(secret: str) -> Credentials:
    value: Any = client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
    return msgspec.json.decode(value, type=Credentials)

"""The HTTP proxy integration: a request goes on to a server as it came, and its answer comes back.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-http.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import aiohttp
from yarl import URL

from infra.local.gateway.mapping import MappingError

TIMEOUT = 30.0  # seconds, API Gateway's own limit
PROXY = "{proxy}"
SAME_PATH = {"overwrite:path": "$request.path"}
# Of one connection, not of the request or the answer (RFC 9110, 7.6.1); and what each side counts itself.
_OF_A_CONNECTION = {
    *(b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"te", b"trailer"),
    *(b"transfer-encoding", b"upgrade", b"host", b"content-length"),
}


class ServerUnavailableError(RuntimeError):
    """The server behind the integration does not answer."""


class Answer(NamedTuple):
    """What the server said.

    Attributes:
        status: HTTP status.
        body: Whole.
        content_type: Of it.
        headers: The others, in the server's order.
    """

    status: int
    body: bytes
    content_type: bytes
    headers: list[tuple[bytes, bytes]]


def check_parameters(parameters: Mapping[str, str]) -> None:
    """Whether an integration's parameter mappings are run here: none, or the request's own path.

    Raises:
        MappingError: They are not.
    """
    if parameters and parameters != SAME_PATH:
        raise MappingError(f"mappings {dict(parameters)} of HTTP_PROXY are not run, only {SAME_PATH}")


class Forwarder:
    """Sends requests on. Must be made inside the event loop that uses it.

    Args:
        timeout: Seconds for an answer.
    """

    def __init__(self, timeout: float = TIMEOUT) -> None:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )

    async def send(
        self, method: str, address: str, headers: Iterable[tuple[bytes, bytes]], body: bytes
    ) -> Answer:
        """One request, sent once, and its answer.

        Args:
            method: HTTP method.
            address: URL with its query, escaped as it was sent.
            headers: Of the request that came.
            body: Of it.

        Raises:
            ServerUnavailableError: There is no answer.
        """
        passed = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in _of_the_message(headers)
        ]
        url = URL(address, encoded=True)
        try:
            async with self._session.request(
                method,
                url,
                headers=passed,
                data=body or None,
                allow_redirects=False,
            ) as answer:
                content = await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ServerUnavailableError(f"{url.origin()}: {type(error).__name__}") from error
        kind = answer.headers.get("Content-Type", "").encode("latin-1")
        kept = [each for each in _of_the_message(answer.raw_headers) if each[0] != b"content-type"]
        return Answer(answer.status, content, kind, kept)

    async def close(self) -> None:
        """Closes all connections."""
        await self._session.close()


def _of_the_message(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(name.lower(), value) for name, value in headers if name.lower() not in _OF_A_CONNECTION]


def address_of(uri: str, parameters: Mapping[str, str], path: str, proxy: str, query: bytes) -> str:
    """Where a request goes.

    Args:
        uri: Of the integration; `{proxy}` stands for the rest of the path.
        parameters: Of the integration.
        path: Of the request, as it was sent.
        proxy: The rest of it.
        query: As it was sent.
    """
    found = uri.replace(PROXY, proxy)
    if parameters == SAME_PATH:
        found = uri.rstrip("/") + path
    return f"{found}?{query.decode('latin-1')}" if query else found

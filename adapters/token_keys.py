"""The public keys of the issuer of tokens: fetched once, renewed in the background, kept through outages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import jwt
import msgspec

from adapters.telemetry import logger

FRESH = 600.0  # seconds: a key that the issuer withdrew is refused after this at the latest
USABLE = 86_400.0  # seconds: how long keys hold while the issuer does not answer
BETWEEN_FETCHES = 5.0  # seconds: tokens with invented key ids must not become requests to the issuer
TIMEOUT = 3.0  # seconds
MOST_BYTES = 262_144
ALGORITHMS = ("RS256", "ES256")
SMALLEST_RSA = 2048  # bits, RFC 7518 section 3.3


class KeysUnavailableError(RuntimeError):
    """The issuer's keys cannot be fetched, and none is known that is young enough."""


class TokenKeys:
    """The keys of one issuer, found by OpenID discovery.

    Must be made inside the event loop that uses it, and closed.

    Args:
        issuer: URL of the issuer, as in the claim `iss`.
        clock: Seconds of a clock that never goes back.

    Attributes:
        on_change: Called when the set of keys is another one: whatever was judged by the old keys is void.
    """

    def __init__(self, issuer: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._issuer = issuer.rstrip("/")
        self._clock = clock
        self.on_change: Callable[[], None] = lambda: None
        self._keys: dict[str, jwt.PyJWK] = {}
        self._document: object = None
        self._fetched_at = self._tried_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=TIMEOUT), cookie_jar=aiohttp.DummyCookieJar()
        )

    async def get(self, key_id: str) -> jwt.PyJWK | None:
        """The key of that id; None where the issuer has none.

        Raises:
            KeysUnavailableError: No keys are known, or they are too old, and the issuer does not answer.
        """
        age = self._clock() - self._fetched_at
        known = self._keys.get(key_id)
        if known is not None and age < FRESH:
            return known
        if known is not None and age < USABLE:
            if self._may_try():
                self._fetch()  # in the background; the key at hand still holds
            return known
        # No keys, too old ones, or a key id never seen: the issuer may have rotated.
        if self._may_try() or self._running():
            await asyncio.shield(self._fetch())
        if self._clock() - self._fetched_at >= USABLE:
            raise KeysUnavailableError(f"the keys of issuer {self._issuer} cannot be fetched")
        return self._keys.get(key_id)

    async def ready(self) -> bool:
        """Whether tokens can be judged; tries to fetch the keys if there are none."""
        if self._clock() - self._fetched_at >= USABLE and (self._may_try() or self._running()):
            await asyncio.shield(self._fetch())
        return self._clock() - self._fetched_at < USABLE

    async def close(self) -> None:
        """Ends what is under way."""
        if self._fetching is not None and not self._fetching.done():
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)
        await self._session.close()

    def _may_try(self) -> bool:
        return self._clock() - self._tried_at >= BETWEEN_FETCHES

    def _running(self) -> bool:
        return self._fetching is not None and not self._fetching.done()

    def _fetch(self) -> asyncio.Task[None]:
        """The one fetch under way, begun if there is none."""
        if self._fetching is None or self._fetching.done():
            self._tried_at = self._clock()
            self._fetching = asyncio.create_task(self._read())
        return self._fetching

    async def _read(self) -> None:
        try:
            discovery = await self._json(f"{self._issuer}/.well-known/openid-configuration")
            document = await self._json(discovery["jwks_uri"])
            keys = {str(each["kid"]): key for each in document["keys"] if (key := _key(each)) is not None}
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, KeyError, TypeError) as error:
            logger.warning(
                "token keys not fetched", issuer=self._issuer, error=f"{type(error).__name__} {error}"[:300]
            )
            return
        changed = document != self._document
        self._keys, self._document, self._fetched_at = keys, document, self._clock()
        if changed:
            self.on_change()

    async def _json(self, url: str) -> Any:
        async with self._session.get(url, allow_redirects=False) as response:
            if response.status != 200:
                raise ValueError(f"{url} answers with status {response.status}")
            content = await response.content.read(MOST_BYTES + 1)
            while len(content) <= MOST_BYTES and (more := await response.content.read(MOST_BYTES)):
                content += more
        if len(content) > MOST_BYTES:
            raise ValueError(f"{url} answers with more than {MOST_BYTES:,} bytes")
        return msgspec.json.decode(content)


def _key(document: dict[str, Any]) -> jwt.PyJWK | None:
    """A key that may sign tokens; None for any other (encryption, other algorithms, too short)."""
    if "kid" not in document or document.get("use", "sig") != "sig":
        return None
    algorithm = document.get("alg") or {"RSA": "RS256", "EC": "ES256"}.get(document.get("kty", ""))
    if algorithm not in ALGORITHMS:
        return None
    try:
        key = jwt.PyJWK(document, algorithm)
    except jwt.PyJWTError:
        return None
    if algorithm == "RS256" and key.key.key_size < SMALLEST_RSA:
        return None
    return key

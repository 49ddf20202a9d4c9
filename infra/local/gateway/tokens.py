"""The JWT authorizer: keys by OpenID discovery, verified tokens remembered until they expire.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
"""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from typing import Any

import jwt

ALGORITHMS = ["RS256", "ES256"]
CACHED_TOKENS = 10_000
KEYS_AGE = 300.0  # seconds between fetches of keys that an unknown key id may cause
LEEWAY = 0


class UnauthorizedError(Exception):
    """A token is missing, or does not hold."""


class TokenVerifier:
    """Verifies the tokens of one issuer.

    Args:
        issuer: URL; its discovery document names the keys.
        audience: Of which a token must name one.
    """

    def __init__(self, issuer: str, audience: tuple[str, ...]) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = -KEYS_AGE
        self._verified: dict[str, tuple[float, dict[str, Any]]] = {}

    async def claims(self, header: str | None) -> dict[str, Any]:
        """The claims of the token in an Authorization header, with or without `Bearer`.

        Raises:
            UnauthorizedError: There is none, or it does not hold.
        """
        if not header:
            raise UnauthorizedError("no token")
        token = header[7:] if header[:7].lower() == "bearer " else header
        now = time.time()
        known = self._verified.get(token)
        if known is not None and now < known[0]:
            return known[1]
        claims = await self._verify(token)
        if len(self._verified) >= CACHED_TOKENS:
            self._verified.clear()
        self._verified[token] = (float(claims["exp"]), claims)
        return claims

    async def _verify(self, token: str) -> dict[str, Any]:
        try:
            key_id = jwt.get_unverified_header(token).get("kid")
            key = await self._key(key_id)
            return jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY,
                options={"require": ["exp", "iss"]},
            )
        except jwt.InvalidTokenError as invalid:
            raise UnauthorizedError(str(invalid)) from invalid

    async def _key(self, key_id: Any) -> jwt.PyJWK:
        if key_id not in self._keys and time.monotonic() - self._fetched_at >= (
            KEYS_AGE if self._keys else 0
        ):
            self._fetched_at = time.monotonic()
            try:
                self._keys = await asyncio.to_thread(self._fetch)
            except OSError as unreachable:
                raise UnauthorizedError(f"the issuer's keys cannot be read: {unreachable}") from unreachable
        if key_id not in self._keys:
            raise UnauthorizedError(f"the issuer has no key {key_id!r}")
        return self._keys[key_id]

    def _fetch(self) -> dict[str, jwt.PyJWK]:
        discovery = _document(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        keys = _document(discovery["jwks_uri"])["keys"]
        return {key["kid"]: jwt.PyJWK.from_dict(key) for key in keys}


def _document(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  # the template names it
        document: dict[str, Any] = json.load(answer)
        return document

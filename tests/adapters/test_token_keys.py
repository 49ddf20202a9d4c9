from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from adapters.token_keys import BETWEEN_FETCHES, FRESH, USABLE, KeysUnavailableError, TokenKeys


def rsa_key(kid: str, size: int = 2048, **more: Any) -> dict[str, Any]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=size).public_key()
    return {**RSAAlgorithm.to_jwk(key, as_dict=True), "kid": kid, **more}


def ec_key(kid: str) -> dict[str, Any]:
    return {
        **ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key(), as_dict=True),
        "kid": kid,
    }


class Issuer:
    """An issuer over HTTP."""

    def __init__(self, *keys: dict[str, Any]) -> None:
        self.keys, self.up, self.asked = list(keys), True, 0
        self.raw: bytes | None = None
        self.url = ""
        self.now = 0.0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked += b"jwks" in head
        document: Any = {"keys": self.keys} if b"jwks" in head else {"jwks_uri": f"{self.url}/jwks"}
        body = self.raw if self.raw is not None else json.dumps(document).encode()
        if self.up:
            writer.write(
                f"HTTP/1.1 200 X\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
            )
            await writer.drain()
        writer.close()


def run(issuer: Issuer, scenario: Callable[[TokenKeys], Awaitable[None]]) -> None:
    async def play() -> None:
        server = await asyncio.start_server(issuer.serve, "127.0.0.1", 0)
        issuer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        keys = TokenKeys(issuer.url, clock=lambda: issuer.now)
        try:
            await scenario(keys)
        finally:
            await keys.close()
            server.close()

    asyncio.run(play())


def test_keys_are_fetched_once_for_all_who_wait() -> None:
    issuer = Issuer(rsa_key("a"), ec_key("b"))

    async def scenario(keys: TokenKeys) -> None:
        found = await asyncio.gather(*(keys.get("a") for _ in range(20)))
        assert {key.algorithm_name for key in found if key} == {"RS256"}
        second = await keys.get("b")
        assert second is not None
        assert second.algorithm_name == "ES256"
        assert issuer.asked == 1

    run(issuer, scenario)


def test_a_rotation_is_seen_with_the_first_token_of_the_new_key() -> None:
    issuer = Issuer(rsa_key("old"))
    changes = []

    async def scenario(keys: TokenKeys) -> None:
        keys.on_change = lambda: changes.append(True)
        assert await keys.get("old")
        issuer.keys = [rsa_key("new")]
        issuer.now += BETWEEN_FETCHES
        assert await keys.get("new")
        assert await keys.get("old") is None
        assert len(changes) == 2

    run(issuer, scenario)


def test_invented_key_ids_do_not_become_requests_to_the_issuer() -> None:
    issuer = Issuer(rsa_key("a"))

    async def scenario(keys: TokenKeys) -> None:
        for number in range(50):
            assert await keys.get(f"invented-{number}") is None
        assert issuer.asked == 1
        issuer.now += BETWEEN_FETCHES
        await keys.get("invented")
        assert issuer.asked == 2

    run(issuer, scenario)


def test_a_withdrawn_key_is_refused_after_ten_minutes() -> None:
    issuer = Issuer(rsa_key("a"), rsa_key("b"))

    async def scenario(keys: TokenKeys) -> None:
        assert await keys.get("a")
        issuer.keys = issuer.keys[1:]
        issuer.now += FRESH
        assert await keys.get("a")  # the last one: behind it the keys are fetched
        await keys._fetching
        assert await keys.get("a") is None

    run(issuer, scenario)


@pytest.mark.fault
def test_an_issuer_that_is_down_at_the_start_is_asked_again() -> None:
    issuer = Issuer(rsa_key("a"))
    issuer.up = False

    async def scenario(keys: TokenKeys) -> None:
        assert not await keys.ready()
        with pytest.raises(KeysUnavailableError):
            await keys.get("a")
        issuer.up = True
        issuer.now += BETWEEN_FETCHES
        assert await keys.ready()
        assert await keys.get("a")

    run(issuer, scenario)


@pytest.mark.fault
def test_known_keys_hold_for_a_day_while_the_issuer_is_down() -> None:
    issuer = Issuer(rsa_key("a"))

    async def scenario(keys: TokenKeys) -> None:
        assert await keys.get("a")
        issuer.up = False
        issuer.now += USABLE - 1
        assert await keys.get("a")
        await keys._fetching
        issuer.now += BETWEEN_FETCHES
        with pytest.raises(KeysUnavailableError):
            await keys.get("a")

    run(issuer, scenario)


@pytest.mark.parametrize("raw", [b"{", b"[]", b'{"jwks_uri": 7}', b'"x"', b"x" * 300_000, b"null"])
@pytest.mark.fault
def test_an_issuer_that_talks_nonsense_has_no_keys(raw: bytes) -> None:
    issuer = Issuer()
    issuer.raw = raw

    async def scenario(keys: TokenKeys) -> None:
        assert not await keys.ready()

    run(issuer, scenario)


def test_keys_that_may_not_sign_tokens_are_left_out() -> None:
    issuer = Issuer(
        rsa_key("short", 1024),
        rsa_key("encrypts", use="enc"),
        rsa_key("other", alg="RS512"),
        {"kty": "oct", "k": "c2VjcmV0", "kid": "shared", "alg": "HS256"},
        {"kty": "RSA", "kid": "broken"},
        {"kty": "RSA"},
        rsa_key("good"),
    )

    async def scenario(keys: TokenKeys) -> None:
        await keys.ready()
        assert list(keys._keys) == ["good"]

    run(issuer, scenario)

from __future__ import annotations

import asyncio
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from infra.local.gateway.tokens import TokenVerifier, UnauthorizedError
from infra.local.identity import Issuer

URL = "http://127.0.0.1:1/issuer"


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer(URL, "luca")


class Offline(TokenVerifier):
    """A verifier whose issuer's keys need no network; counts how often they are fetched."""

    def __init__(self, keys: list[dict[str, Any]]) -> None:
        super().__init__(URL, ("luca",))
        self.served = keys
        self.fetched = 0

    def _fetch(self) -> dict[str, jwt.PyJWK]:
        self.fetched += 1
        return {key["kid"]: jwt.PyJWK.from_dict(key) for key in self.served}


def claims(verifier: TokenVerifier, header: str | None) -> dict[str, Any]:
    return asyncio.run(verifier.claims(header))


@pytest.fixture
def verifier(issuer: Issuer) -> Offline:
    return Offline(issuer.keys()["keys"])


@pytest.mark.parametrize("prefix", ["Bearer ", "bearer ", ""])
def test_a_token_of_the_issuer_holds(issuer: Issuer, verifier: Offline, prefix: str) -> None:
    found = claims(verifier, prefix + issuer.token("school_1", role="teacher"))
    assert (found["school_id"], found["role"]) == ("school_1", "teacher")


@pytest.mark.parametrize(
    "wrong",
    [
        {"exp": int(time.time()) - 1},
        {"exp": None},
        {"nbf": int(time.time()) + 86_400},
        {"aud": "somebody else"},
        {"aud": None},
        {"iss": "http://127.0.0.1:2/other"},
    ],
)
def test_a_token_for_another_time_reader_or_issuer_does_not_hold(
    issuer: Issuer, verifier: Offline, wrong: dict[str, Any]
) -> None:
    with pytest.raises(UnauthorizedError):
        claims(verifier, f"Bearer {issuer.token('school_1', **wrong)}")


@pytest.mark.parametrize("header", [None, "", "Bearer ", "Bearer x", "Basic dTpw", "Bearer a.b.c"])
def test_what_is_no_token_does_not_hold(verifier: Offline, header: str | None) -> None:
    with pytest.raises(UnauthorizedError):
        claims(verifier, header)


def test_a_changed_unsigned_or_foreign_token_does_not_hold(issuer: Issuer, verifier: Offline) -> None:
    head, payload, signature = issuer.token("school_1").split(".")
    other = Issuer(URL, "luca").token("school_2")
    unsigned = jwt.encode(
        {"iss": URL, "aud": "luca", "exp": time.time() + 60}, None, "none", {"kid": "local"}
    )
    symmetric = jwt.encode(
        {"iss": URL, "aud": "luca", "exp": time.time() + 60}, "x" * 32, "HS256", {"kid": "local"}
    )
    for token in (f"{head}.{payload}.{signature[::-1]}", f"{head}.{other.split('.')[1]}.{signature}", other):
        with pytest.raises(UnauthorizedError):
            claims(verifier, token)
    for token in (unsigned, symmetric):
        with pytest.raises(UnauthorizedError):
            claims(verifier, token)


def test_elliptic_keys_work_as_well() -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    key = {
        **jwt.algorithms.ECAlgorithm.to_jwk(private.public_key(), as_dict=True),
        "kid": "e1",
        "alg": "ES256",
    }
    payload = {"iss": URL, "aud": ["other", "luca"], "exp": time.time() + 60, "school_id": "school_9"}
    token = jwt.encode(payload, private, "ES256", {"kid": "e1"})
    assert claims(Offline([key]), token)["school_id"] == "school_9"


def test_a_remembered_token_stops_to_hold_when_it_expires(issuer: Issuer, verifier: Offline) -> None:
    expires = int(time.time()) + 2
    token = issuer.token("school_1", exp=expires)
    assert claims(verifier, token)["school_id"] == "school_1"
    time.sleep(expires - time.time() + 0.05)
    with pytest.raises(UnauthorizedError):
        claims(verifier, token)


def test_keys_are_fetched_once_and_not_for_every_unknown_key(issuer: Issuer, verifier: Offline) -> None:
    for school in ("school_1", "school_2"):
        claims(verifier, issuer.token(school))
    stranger = jwt.encode({"iss": URL}, "x" * 32, "HS256", {"kid": "unknown"})
    for _ in range(3):
        with pytest.raises(UnauthorizedError, match="no key 'unknown'"):
            claims(verifier, stranger)
    assert verifier.fetched == 1

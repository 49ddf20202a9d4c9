from __future__ import annotations

import asyncio
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from api.identity import MOST_REMEMBERED, Identity, Role, TokenVerifier, UnauthenticatedError, identity_of


class Keys:
    """The keys of an issuer that signs with ES256; counts how often it is asked."""

    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        public = ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        self.key = jwt.PyJWK({**public, "kid": "ec"}, "ES256")
        self.asked = 0
        self.on_change: Any = None

    async def get(self, key_id: str) -> jwt.PyJWK | None:
        self.asked += 1
        return self.key if key_id == "ec" else None

    def token(self, **claims: Any) -> str:
        given = {
            "iss": "https://issuer",
            "aud": ["other", "luca"],
            "exp": time.time() + 60,
            "school_id": "school_1",
            "role": "teacher",
            "sub": "auth0|7",
            **claims,
        }
        return jwt.encode(given, self.private, algorithm="ES256", headers={"kid": "ec"})


@pytest.fixture
def keys() -> Keys:
    return Keys()


def judged(verifier: TokenVerifier, token: str) -> Identity:
    return asyncio.run(verifier.identity(f"Bearer {token}"))


def test_a_token_on_an_elliptic_curve_holds(keys: Keys) -> None:
    verifier = TokenVerifier(keys, "https://issuer", "luca")  # type: ignore[arg-type]
    found = judged(verifier, keys.token())
    assert (found.school_id, found.role, found.student_id) == ("school_1", Role.TEACHER, None)


def test_a_token_is_judged_once_and_anew_when_the_keys_change(keys: Keys) -> None:
    verifier = TokenVerifier(keys, "https://issuer", "luca")  # type: ignore[arg-type]
    token = keys.token()
    judged(verifier, token)
    judged(verifier, token)
    assert keys.asked == 1
    keys.on_change()
    judged(verifier, token)
    assert keys.asked == 2


def test_a_remembered_token_still_expires(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    verifier = TokenVerifier(keys, "https://issuer", "luca")  # type: ignore[arg-type]
    token = keys.token(exp=time.time() + 10)
    judged(verifier, token)
    (until, _), *_ = verifier._judged.values()
    assert until < time.time() + 41  # its own end and the leeway, not the five minutes of memory
    real = time.time
    monkeypatch.setattr("api.identity.time.time", lambda: real() + 41)
    judged(verifier, token)
    assert keys.asked == 2  # judged anew, by a clock that is not moved here


def test_the_memory_of_tokens_has_a_bound(keys: Keys) -> None:
    verifier = TokenVerifier(keys, "https://issuer", "luca")  # type: ignore[arg-type]
    nobody = Identity("a", Role.ADMIN, "", None, "t")
    verifier._judged.update({str(number).encode(): (1e12, nobody) for number in range(MOST_REMEMBERED)})
    judged(verifier, keys.token())
    assert len(verifier._judged) == MOST_REMEMBERED


def test_a_teacher_is_named_by_the_token_and_by_nothing_else() -> None:
    claims = {"school_id": "a", "role": "teacher"}
    assert identity_of({**claims, "teacher_id": "teacher_9", "sub": "x"}).teacher_id == "teacher_9"
    assert identity_of({**claims, "sub": "teacher_7"}).teacher_id == "teacher_7"
    derived = identity_of({**claims, "sub": "auth0|ana@example.org"}).teacher_id
    assert derived.startswith("t-")
    assert derived == identity_of({**claims, "sub": "auth0|ana@example.org"}).teacher_id
    assert derived != identity_of({**claims, "sub": "auth0|leo@example.org"}).teacher_id


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"school_id": "a"},
        {"school_id": "a", "role": {}},
        {"school_id": "a", "role": "student", "student_id": 7},
    ],
)
def test_claims_that_are_missing_or_none_are_named(claims: dict[str, Any]) -> None:
    with pytest.raises(UnauthenticatedError, match="claim"):
        identity_of(claims)

"""Who asks: the claims of a token, judged by the issuer's keys.

The HTTP API's own authorizer has judged the token before; the container judges it again, because a
wall that stands only at the edge is one misconfigured route away from none.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import jwt
from msgspec import Struct

from adapters.token_keys import ALGORITHMS, TokenKeys
from transforms import keys

LEEWAY = 30  # seconds that clocks may differ by
LONGEST_TOKEN = 8_192  # characters
JUDGED_AGAIN_AFTER = 300.0  # seconds
MOST_REMEMBERED = 20_000  # tokens; 200 bytes each


class Role(StrEnum):
    """What a token's bearer is to their school."""

    STUDENT = "student"
    TEACHER = "teacher"
    ADMIN = "admin"


class Identity(Struct, frozen=True, gc=False):
    """The bearer of a token.

    Attributes:
        school_id: The tenant; the only source of it.
        role: To that school.
        subject: The issuer's name for the bearer.
        student_id: Of a student.
        teacher_id: Under which evaluations are recorded.
    """

    school_id: str
    role: Role
    subject: str
    student_id: str | None
    teacher_id: str


class UnauthenticatedError(Exception):
    """There is no token, or it does not hold; the message says why and names no secret."""


class TokenVerifier:
    """Judges tokens, each once in five minutes at most.

    Args:
        keys: Of the issuer.
        issuer: What `iss` must be.
        audience: What `aud` must contain.
    """

    def __init__(self, keys: TokenKeys, issuer: str, audience: str) -> None:
        self._keys, self._issuer, self._audience = keys, issuer, audience
        self._judged: OrderedDict[bytes, tuple[float, Identity]] = OrderedDict()
        keys.on_change = self.forget

    async def identity(self, authorization: str) -> Identity:
        """The bearer of the token in an `Authorization` header.

        Raises:
            UnauthenticatedError: The token does not hold.
            KeysUnavailableError: It cannot be judged.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise UnauthenticatedError("send Authorization: Bearer and a token")
        if len(token) > LONGEST_TOKEN:
            raise UnauthenticatedError(f"the token has more than {LONGEST_TOKEN:,} characters")
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self._judged.get(digest)
        now = time.time()
        if known is not None and now < known[0]:
            return known[1]
        claims = await self._claims(token)
        found = identity_of(claims)
        self._judged[digest] = (min(float(claims["exp"]) + LEEWAY, now + JUDGED_AGAIN_AFTER), found)
        if len(self._judged) > MOST_REMEMBERED:
            self._judged.popitem(last=False)
        return found

    def forget(self) -> None:
        """Judges every token anew: the issuer's keys are others."""
        self._judged.clear()

    async def _claims(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError as error:
            raise UnauthenticatedError("the token is no JWT") from error
        key_id, algorithm = header.get("kid"), header.get("alg")
        if algorithm not in ALGORITHMS:
            raise UnauthenticatedError(f"the token is not signed with one of {', '.join(ALGORITHMS)}")
        if not isinstance(key_id, str):
            raise UnauthenticatedError("the token names no key (kid)")
        key = await self._keys.get(key_id)
        if key is None:
            raise UnauthenticatedError("the token is signed with a key that its issuer does not have")
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                # The key's own algorithm, not the token's word for it.
                algorithms=[str(key.algorithm_name)],
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY,
                options={"require": ["exp", "iss", "aud"]},
            )
        except jwt.PyJWTError as error:
            raise UnauthenticatedError(f"the token does not hold: {error}") from error
        return claims


def identity_of(claims: Mapping[str, Any]) -> Identity:
    """Reads the claims of a token whose signature holds.

    Raises:
        UnauthenticatedError: A claim is missing, or is no identifier.
    """
    try:
        school_id = keys.identifier("claim school_id", claims.get("school_id"))
        role = Role(claims.get("role", ""))
        student_id = None
        if role is Role.STUDENT:
            student_id = keys.identifier("claim student_id", claims.get("student_id"))
    except keys.InvalidIdentifierError as invalid:
        raise UnauthenticatedError(str(invalid)) from invalid
    except (ValueError, TypeError) as invalid:
        roles = ", ".join(Role)
        raise UnauthenticatedError(f"claim role {claims.get('role')!r:.40}: use one of {roles}") from invalid
    subject = str(claims.get("sub", ""))
    return Identity(school_id, role, subject, student_id, _teacher_id(claims.get("teacher_id"), subject))


def _teacher_id(claim: object, subject: str) -> str:
    """The claim, else the subject, where they may be kept; else a stable name made of the subject."""
    for candidate in (claim, subject):
        try:
            return keys.identifier("teacher_id", candidate)
        except keys.InvalidIdentifierError:
            continue
    return f"t-{hashlib.sha256(subject.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"

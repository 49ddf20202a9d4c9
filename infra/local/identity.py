"""The local issuer of tokens: what Cognito or a school's own identity provider is in AWS."""

from __future__ import annotations

import time
import uuid
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

KEY_ID = "local"
LIFETIME = 12 * 3600  # seconds


class Issuer:
    """Signs tokens with a key that lives as long as the local cloud.

    Args:
        url: The issuer's name, under which discovery and keys are served.
        audience: Whom its tokens are for.
    """

    def __init__(self, url: str, audience: str) -> None:
        self.url = url
        self.audience = audience
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def discovery(self) -> dict[str, Any]:
        """The document at `/.well-known/openid-configuration`."""
        return {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/.well-known/jwks.json",
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["token"],
            "subject_types_supported": ["public"],
        }

    def keys(self) -> dict[str, Any]:
        """The JSON Web Key Set."""
        key = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [{**key, "kid": KEY_ID, "alg": "RS256", "use": "sig"}]}

    def token(self, school_id: str | None, role: str = "teacher", **claims: Any) -> str:
        """A signed token.

        Args:
            school_id: The school that it speaks for; None leaves the claim out.
            role: `teacher`, `student`, …
            claims: Others, or replacements such as `exp=…`; None leaves a claim out.
        """
        now = int(time.time())
        payload = {
            "iss": self.url,
            "aud": self.audience,
            "sub": f"local|{school_id}|{role}",
            "iat": now,
            "nbf": now - 1,
            "exp": now + LIFETIME,
            "jti": str(uuid.uuid4()),
            "school_id": school_id,
            "role": role,
            **claims,
        }
        present = {name: value for name, value in payload.items() if value is not None}
        return jwt.encode(present, self._key, algorithm="RS256", headers={"kid": KEY_ID})

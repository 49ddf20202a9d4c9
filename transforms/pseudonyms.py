"""Pseudonyms: the only form in which a person appears in the lake.

A pseudonym is HMAC-SHA256 under a key that belongs to one school. Equal student ids of
two schools are therefore unrelated, and without the key no guess can be tested: student
ids are few enough that any unkeyed hash, salted or not, falls to a dictionary
(snowplow/snowplow#3648).
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from functools import lru_cache

KEY_BYTES = 32
PSEUDONYM_BYTES = 16  # 128 bits: a collision among 10^9 students has odds of 10^-21
CACHED_STUDENTS = 65_536  # a school's morning fits; a smaller cache is slower than none


@dataclass(frozen=True, slots=True)
class PseudonymKey:
    """The secret of one school for one span of years.

    Attributes:
        school_id: The school that the key belongs to.
        version: Stands beside every pseudonym, so that a key can be rotated.
        secret: Exactly 32 random bytes. Never printed, logged or compared in plain.

    Raises:
        ValueError: The secret has another length.
    """

    school_id: str
    version: int
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != KEY_BYTES:
            raise ValueError(
                f"pseudonym key of school {self.school_id!r} has {len(self.secret)} bytes: "
                f"it needs {KEY_BYTES}; create one with `luca keys create`"
            )


class Pseudonymizer:
    """Turns the identifiers of one school into pseudonyms.

    Not safe to share between schools by design: it holds one key.
    """

    def __init__(self, key: PseudonymKey) -> None:
        self.version = key.version
        # Copying a keyed prototype skips the key schedule: 1.6 times hmac.digest.
        self._prototype = hmac.new(key.secret, digestmod="sha256")
        self.student = lru_cache(CACHED_STUDENTS)(self._student)
        self.teacher = lru_cache(CACHED_STUDENTS)(self._teacher)
        self.evaluation = lru_cache(CACHED_STUDENTS)(self._evaluation)

    def _student(self, student_id: str) -> str:
        return self._pseudonym(b"student", student_id)

    def _teacher(self, teacher_id: str) -> str:
        return self._pseudonym(b"teacher", teacher_id)

    def _evaluation(self, evaluation_id: str) -> str:
        return self._pseudonym(b"evaluation", evaluation_id)

    def _pseudonym(self, kind: bytes, identifier: str) -> str:
        # The kind separates domains: student 7 and teacher 7 must not share a pseudonym.
        mac = self._prototype.copy()
        mac.update(kind + b"\x1f" + identifier.encode())
        return mac.digest()[:PSEUDONYM_BYTES].hex()

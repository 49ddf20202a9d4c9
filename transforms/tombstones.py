"""What is left of an erased student: a keyed hash, by which the next event of that student is known.

The hash is no pseudonym: its key is another one, for this alone, and does not rotate. Without the key no
list of students can be tried against it.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field

KEY_BYTES = 32
HASH_BYTES = 16
# A school's hashes stand in one item of 400 KB, 34 bytes each.
MOST_A_SCHOOL = 10_000


@dataclass(frozen=True, slots=True)
class Tombstones:
    """The erased students of a school.

    Attributes:
        hashes: Of the erased students; 32 hex digits each.
        key: Of the school, 32 bytes; empty where nobody was erased.
    """

    hashes: frozenset[str] = frozenset()
    key: bytes = field(default=b"", repr=False)

    def erased(self, student_id: str) -> bool:
        """Whether a student was erased."""
        return bool(self.hashes) and tombstone(self.key, student_id) in self.hashes


NOBODY = Tombstones()


def tombstone(key: bytes, student_id: str) -> str:
    """The hash that stands for an erased student: 128 bits of HMAC-SHA256, as hex.

    Raises:
        ValueError: The key has another length than 32 bytes.
    """
    if len(key) != KEY_BYTES:
        raise ValueError(f"a tombstone key has {KEY_BYTES} bytes, this one {len(key)}")
    return hmac.digest(key, b"tombstone\x1f" + student_id.encode(), "sha256")[:HASH_BYTES].hex()

"""Identifiers and the keys of the single table, built and parsed here and nowhere else.

An identifier becomes part of a partition key, of an IAM condition, of an S3 path and of a
parameter's name. What would have a meaning in any of these (`#`, `*`, `?`, `$`, `{`, `/`,
control characters) is refused once, here.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

# The look-ahead: `$` alone also matches before a newline at the end.
IDENTIFIER = r"^[A-Za-z0-9_-]{1,64}$(?!\n)"
UUID = r"^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$(?!\n)"
PERIODS, SCHOOL, PROFILE = "PERIODS", "SCHOOL", "PROFILE"

_is_identifier = re.compile(IDENTIFIER).match
_is_uuid = re.compile(UUID).match


class InvalidIdentifierError(ValueError):
    """An identifier that cannot become a key."""


class StudentKey(NamedTuple):
    """Who an item belongs to.

    Attributes:
        school_id: The tenant.
        student_id: The student's raw identifier; never leaves the operational side.
    """

    school_id: str
    student_id: str


def identifier(name: str, value: object) -> str:
    """Returns `value` if it may stand in a key.

    Args:
        name: What the value is, for the error: `school_id`, `subject`, …
        value: The candidate.

    Raises:
        InvalidIdentifierError: It is no string of 1 to 64 letters, digits, `_` and `-`.
    """
    if isinstance(value, str) and _is_identifier(value):
        return value
    raise InvalidIdentifierError(f"{name} {describe(value)}: use letters, digits, '_' and '-' (1–64)")


def describe(value: object) -> str:
    """Shows a refused value with what is wrong with it, short enough for a log line."""
    if not isinstance(value, str):
        return f"{value!r:.80} is no string"
    if not value:
        return "'' is empty"
    if len(value) > 64:
        return f"{value[:20]!r}… has {len(value)} characters"
    odd = next((c for c in value if not (c.isascii() and (c.isalnum() or c in "_-"))), None)
    return repr(value) if odd is None else f"{value!r} contains {odd!r}"


def is_uuid(value: str) -> bool:
    """Whether a string is a UUID in its usual form, of any version, in any case."""
    return _is_uuid(value) is not None


def config_pk(school_id: str) -> str:
    """Partition key of a school's configuration."""
    return f"TENANT#{identifier('school_id', school_id)}#CONFIG"


def student_pk(student: StudentKey) -> str:
    """Partition key of all that belongs to one student."""
    school_id = identifier("school_id", student.school_id)
    return f"TENANT#{school_id}#STUDENT#{identifier('student_id', student.student_id)}"


@lru_cache(65_536)  # a school's morning fits; the enricher parses each key several times
def parse_student_pk(pk: str) -> StudentKey:
    """The inverse of `student_pk`.

    Raises:
        InvalidIdentifierError: The key is not one of a student.
    """
    parts = pk.split("#")
    if len(parts) != 4 or parts[0] != "TENANT" or parts[2] != "STUDENT":
        raise InvalidIdentifierError(
            f"partition key {pk!r} is not a student's: it reads TENANT#{{school}}#STUDENT#{{student}}"
        )
    return StudentKey(parts[1], parts[3])


def event_sk(occurred_at: str, event_id: str) -> str:
    """Sort key of a behaviour event.

    Args:
        occurred_at: UTC in the form of `transforms.calendar.utc_text`, so that keys sort by time.
        event_id: A UUID in lower case.
    """
    return f"EVENT#{occurred_at}#{event_id}"

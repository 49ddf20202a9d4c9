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
SCHOOLS_PK = "PLATFORM#SCHOOLS"  # the register of schools: no tenant's prefix, so no tenant reads it

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


class GroupKey(NamedTuple):
    """What one consolidated grade is made of: one student's evaluations in a subject and a period."""

    student: StudentKey
    subject: str
    period: str


class PendingKey(NamedTuple):
    """What an entry of the index `pending` says: a whole grade, or one evaluation of its group."""

    group: GroupKey
    evaluation_id: str | None = None


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


def periods_history_sk(version: int) -> str:
    """Sort key under which a version of a school's periods and rules stays: `PERIODS#v000007`."""
    return f"{PERIODS}#v{version:06d}"


def register_sk(school_id: str) -> str:
    """Sort key of a school in the register of schools."""
    return f"SCHOOL#{identifier('school_id', school_id)}"


def group_prefix(subject: str, period: str) -> str:
    """What the sort keys of a student's evaluations in a subject and a period begin with."""
    return f"EVAL#{identifier('subject', subject)}#{identifier('period', period)}#"


def eval_sk(subject: str, period: str, evaluation_id: str) -> str:
    """Sort key of an evaluation."""
    return group_prefix(subject, period) + identifier("evaluation_id", evaluation_id)


def grade_sk(subject: str, period: str) -> str:
    """Sort key of a consolidated grade."""
    return f"GRADE#{identifier('subject', subject)}#{identifier('period', period)}"


def parse_eval_sk(sk: str) -> tuple[str, str, str]:
    """The inverse of `eval_sk`: subject, period, evaluation id.

    Raises:
        InvalidIdentifierError: The key is not one of an evaluation.
    """
    parts = sk.split("#")
    if len(parts) != 4 or parts[0] != "EVAL":
        raise InvalidIdentifierError(
            f"sort key {sk!r} is not an evaluation's: it reads EVAL#{{subject}}#{{period}}#{{evaluation}}"
        )
    return parts[1], parts[2], parts[3]


def parse_grade_sk(sk: str) -> tuple[str, str]:
    """The inverse of `grade_sk`: subject, period.

    Raises:
        InvalidIdentifierError: The key is not one of a grade.
    """
    parts = sk.split("#")
    if len(parts) != 3 or parts[0] != "GRADE":
        raise InvalidIdentifierError(
            f"sort key {sk!r} is not a grade's: it reads GRADE#{{subject}}#{{period}}"
        )
    return parts[1], parts[2]


def trend_sk(iso_week: str) -> str:
    """Sort key of a student's week as the lake's analysis judges it: `TREND#2026-W06`."""
    return f"TREND#{iso_week}"


def pending_consolidation_pk(school_id: str) -> str:
    """Partition of the index `pending` where a school's evaluations wait for the nightly job."""
    return f"TENANT#{identifier('school_id', school_id)}#PENDING#CONSOLIDATION"


def pending_sync_pk(school_id: str) -> str:
    """Partition of the index `pending` where a school's grades wait for the government."""
    return f"TENANT#{identifier('school_id', school_id)}#PENDING#SYNC"


def pending_sk(group: GroupKey, evaluation_id: str | None = None) -> str:
    """Sort key in the index `pending`: `{student}#{subject}#{period}`, and `#{evaluation}` if it is one.

    No identifier contains `#`, so the entries of one group stand together.
    """
    parts = [
        identifier("student_id", group.student.student_id),
        identifier("subject", group.subject),
        identifier("period", group.period),
    ]
    if evaluation_id is not None:
        parts.append(identifier("evaluation_id", evaluation_id))
    return "#".join(parts)


def parse_pending_sk(school_id: str, sk: str) -> PendingKey:
    """The inverse of `pending_sk`.

    Args:
        school_id: The school in whose partition the entry stands.
        sk: As `pending_sk` built it.

    Raises:
        InvalidIdentifierError: The key has neither three nor four parts.
    """
    parts = sk.split("#")
    if len(parts) not in {3, 4}:
        raise InvalidIdentifierError(
            f"pending key {sk!r} of school {school_id!r} reads neither {{student}}#{{subject}}#{{period}} "
            "nor the same with #{evaluation}"
        )
    group = GroupKey(StudentKey(school_id, parts[0]), parts[1], parts[2])
    return PendingKey(group, parts[3] if len(parts) == 4 else None)


SYNC_LEASE = "LEASE"  # sort key: who may prepare and send a school's batches now


def sync_pk(school_id: str) -> str:
    """Partition key of what the synchronisation remembers of a school, in its own two tables."""
    return f"TENANT#{identifier('school_id', school_id)}#SYNC"


def sync_batch_sk(sync_batch_id: str) -> str:
    """Sort key of a batch that was prepared for the government."""
    return f"BATCH#{identifier('sync_batch_id', sync_batch_id)}"


def sync_open_sk(sync_batch_id: str = "") -> str:
    """Sort key that marks a batch as begun and not ended; without an id, what all those begin with."""
    return f"OPEN#{identifier('sync_batch_id', sync_batch_id) if sync_batch_id else ''}"


def sync_failure_sk(sync_batch_id: str = "") -> str:
    """Sort key of a failed batch; without an id, what all those begin with."""
    return f"FAILURE#{identifier('sync_batch_id', sync_batch_id) if sync_batch_id else ''}"


def parse_sync_pk(pk: str) -> str:
    """The inverse of `sync_pk`: the school.

    Raises:
        InvalidIdentifierError: The key is not one of the synchronisation.
    """
    parts = pk.split("#")
    if len(parts) != 3 or parts[0] != "TENANT" or parts[2] != "SYNC":
        raise InvalidIdentifierError(f"partition key {pk!r} is not a sync's: it reads TENANT#{{school}}#SYNC")
    return parts[1]


def roster_pk(school_id: str) -> str:
    """Partition key of a school's roster; the sort keys are its students' identifiers."""
    return f"TENANT#{identifier('school_id', school_id)}#ROSTER"


def parse_roster_pk(pk: str) -> str:
    """The inverse of `roster_pk`: the school.

    Raises:
        InvalidIdentifierError: The key is not one of a roster.
    """
    parts = pk.split("#")
    if len(parts) != 3 or parts[0] != "TENANT" or parts[2] != "ROSTER":
        raise InvalidIdentifierError(
            f"partition key {pk!r} is not a roster's: it reads TENANT#{{school}}#ROSTER"
        )
    return parts[1]


def school_history_sk(version: int) -> str:
    """Sort key under which a version of a school's configuration stays: `SCHOOL#v000003`."""
    return f"{SCHOOL}#v{version:06d}"

"""Batches of consolidated grades for the government: what is sent, and under which id.

The official record needs the student's raw identifier: a pseudonym names nobody to the
government. It leaves the operational side in these batches, over TLS, and nowhere else; logs,
reports and execution histories carry line ids and batch ids only.

A batch's id is a digest of its content, and so are its lines': the same grades in the same
versions have the same ids after any crash, and the government applies an id once (mission
text, section 4.2). That is why a payload holds no time of its own.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from transforms import keys
from transforms.academic_items import Grade
from transforms.keys import GroupKey, StudentKey

SCHEMA: Final = "luca.official-grades/1"
MAX_LINES = 100  # mission text, section 4.2
SCORE = r"^(?:100(?:\.0{1,3})?|[0-9]{1,2}(?:\.[0-9]{1,3})?)$(?!\n)"
BATCH_ID = r"^[0-9a-f]{32}$(?!\n)"
LINE_ID = r"^[0-9a-f]{32}-[1-9][0-9]{0,8}$(?!\n)"

Identifier = Annotated[str, Meta(pattern=keys.IDENTIFIER)]


class InvalidBatchError(ValueError):
    """A batch that must not be sent: it breaks its own schema or its ids are not its content's."""


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One grade of a batch.

    Attributes:
        line_id: Digest of school, student, subject and period, and the grade's version.
        student_id: The raw identifier, which the official record needs.
        subject: As in the school's records.
        period: Id of the school's academic period.
        score: 0 to 100 as decimal text, exactly as consolidated; None withdraws the grade.
        passed: Whether the score reaches the school's minimum; None when withdrawn.
        evaluations_count: Of how many evaluations the grade is made.
        version: The grade's; a correction has a higher one.
    """

    line_id: Annotated[str, Meta(pattern=LINE_ID)]
    student_id: Identifier
    subject: Identifier
    period: Identifier
    score: Annotated[str, Meta(pattern=SCORE)] | None
    passed: bool | None
    evaluations_count: Annotated[int, Meta(ge=0)]
    version: Annotated[int, Meta(ge=1)]

    def group(self, school_id: str) -> GroupKey:
        """Whose grade it is."""
        return GroupKey(StudentKey(school_id, self.student_id), self.subject, self.period)


class Batch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one request carries; its JSON is the payload, in this order of fields.

    Attributes:
        schema: Name and version of this shape.
        sync_batch_id: Digest of everything below: the idempotency key.
        school_id: Whose grades these are.
        resubmission: 0, or how often lines of this content were refused or lost before: a repeated
            content needs a new id, or the government would repeat its old answer.
        lines: 1 to 100, by student, subject and period.
    """

    schema: Literal["luca.official-grades/1"]
    sync_batch_id: Annotated[str, Meta(pattern=BATCH_ID)]
    school_id: Identifier
    resubmission: Annotated[int, Meta(ge=0)]
    lines: Annotated[tuple[Line, ...], Meta(min_length=1, max_length=MAX_LINES)]


_decoder = msgspec.json.Decoder(Batch)


def grade_id(group: GroupKey) -> str:
    """32 hex digits that stand for a grade in line ids, logs and reports.

    Not a pseudonym: it is unkeyed, so that the government can compute it too.
    """
    parts = (group.student.school_id, group.student.student_id, group.subject, group.period)
    return _digest("\x1f".join(parts).encode())


def line_id(group: GroupKey, version: int) -> str:
    """The id of one version of a grade."""
    return f"{grade_id(group)}-{version}"


def parse_line_id(text: str) -> tuple[str, int]:
    """The inverse of `line_id`: grade id and version."""
    grade, _, version = text.partition("-")
    return grade, int(version)


def line_of(grade: Grade) -> Line:
    """A grade as the government is told of it."""
    return Line(
        line_id=line_id(grade.group, grade.version),
        student_id=grade.student.student_id,
        subject=grade.subject,
        period=grade.period,
        score=None if grade.consolidated_score is None else decimal_text(grade.consolidated_score),
        passed=grade.passed,
        evaluations_count=grade.evaluations_count,
        version=grade.version,
    )


def decimal_text(score: Decimal) -> str:
    """A score without exponent and without trailing zeros: DynamoDB does not keep those either.

    The digest must not depend on whether a grade comes from memory or from the store.
    """
    text = f"{score:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def batch_of(school_id: str, lines: Iterable[Line], resubmission: int = 0) -> Batch:
    """Makes a batch, with its lines in order and its id.

    Args:
        school_id: Whose grades these are.
        lines: 1 to 100 of that school, in any order.
        resubmission: See `Batch`.

    Raises:
        InvalidBatchError: There are none, too many, two of one grade, or lines of another school.
    """
    ordered = tuple(sorted(lines, key=lambda line: (line.student_id, line.subject, line.period)))
    batch = Batch(
        schema=SCHEMA,
        sync_batch_id=batch_id(school_id, ordered, resubmission),
        school_id=school_id,
        resubmission=resubmission,
        lines=ordered,
    )
    decode(msgspec.json.encode(batch))
    return batch


def batch_id(school_id: str, lines: Sequence[Line], resubmission: int) -> str:
    """The digest of a batch's content, 32 hex digits."""
    return _digest(msgspec.json.encode([SCHEMA, school_id, resubmission, *lines]))


def encode(batch: Batch) -> bytes:
    """The payload: JSON, validated against the schema and its own ids before it is sent.

    Raises:
        InvalidBatchError: It must not be sent.
    """
    payload = msgspec.json.encode(batch)
    decode(payload)
    return payload


def decode(payload: bytes) -> Batch:
    """Reads a payload and checks it.

    Raises:
        InvalidBatchError: It breaks the schema, names a grade twice, or an id is not its content's.
    """
    try:
        batch = _decoder.decode(payload)
    except msgspec.ValidationError as invalid:
        raise InvalidBatchError(f"batch breaks {SCHEMA}: {invalid}") from invalid
    groups = [line.group(batch.school_id) for line in batch.lines]
    if len(set(groups)) < len(groups):
        raise InvalidBatchError(f"batch {batch.sync_batch_id} holds a grade twice: each line has its own")
    for line, group in zip(batch.lines, groups, strict=True):
        if line.line_id != line_id(group, line.version):
            raise InvalidBatchError(
                f"line {line.line_id} of batch {batch.sync_batch_id} is not of school {batch.school_id!r}, "
                "or its id is not its grade's: make lines with `line_of`"
            )
    if batch.sync_batch_id != batch_id(batch.school_id, batch.lines, batch.resubmission):
        raise InvalidBatchError(
            f"batch {batch.sync_batch_id} is not the digest of its content: make it with `batch_of`"
        )
    return batch


def json_schema() -> dict[str, Any]:
    """The payload's JSON Schema, which is published as `infra/official-grades.v1.schema.json`."""
    (schema,), definitions = msgspec.json.schema_components([Batch], ref_template="#/$defs/{name}")
    for definition in definitions.values():
        definition["description"] = inspect.cleandoc(definition["description"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA,
        **schema,
        "$defs": definitions,
    }


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]

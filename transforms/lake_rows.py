"""From a record of the table's stream to a row of the lake.

Rows are built by naming what they may hold: an allow-list. Whatever else an item carries, a
name, a comment, a future attribute, does not pass. The columns are `transforms.lake_schema`'s,
which this module does not import: Arrow weighs a hundred megabytes, and this runs in a zip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Protocol

from transforms import keys
from transforms.keys import StudentKey

UNKNOWN_COHORT = 0

Record = Mapping[str, Any]
Row = dict[str, Any]
Cohorts = Mapping[StudentKey, int]


class Pseudonyms(Protocol):
    """What a row needs of `transforms.pseudonyms.Pseudonymizer`."""

    version: int

    @property
    def student(self) -> Callable[[str], str]:
        """Student id to key."""

    @property
    def teacher(self) -> Callable[[str], str]:
        """Teacher id to key."""

    @property
    def evaluation(self) -> Callable[[str], str]:
        """Evaluation id to key."""


PseudonymsOf = Callable[[str], Pseudonyms]


def student_of(record: Record) -> StudentKey:
    """Whose item a stream record is about.

    Raises:
        InvalidIdentifierError: The item is not a student's; the Pipe's filter lets none through.
    """
    return keys.parse_student_pk(record["dynamodb"]["Keys"]["PK"]["S"])


def lake_rows(records: Iterable[Record], pseudonyms_of: PseudonymsOf, cohorts: Cohorts) -> list[Row]:
    """Turns stream records into lake rows.

    Args:
        records: As a Pipe hands them over: `eventName`, `eventID`, and `dynamodb` with `Keys`,
            `NewImage`, `OldImage` in DynamoDB's typed JSON.
        pseudonyms_of: The pseudonymizer of a school.
        cohorts: Graduation year by student; a missing one becomes 0, "unknown".

    Returns:
        Rows ready for Firehose, in order; fewer than records where an item has nothing to say to
        the lake. Times read `2026-02-03 14:15:00.000`, the form that Firehose's deserializer takes.
    """
    pseudonyms_once = cache(pseudonyms_of)  # one look-up a school and batch, not one a record
    rows = [lake_row(record, pseudonyms_once, cohorts) for record in records]
    return [row for row in rows if row is not None]


def lake_row(record: Record, pseudonyms_of: PseudonymsOf, cohorts: Cohorts) -> Row | None:
    """One record's row, or None where the lake does not need to know. See `lake_rows`."""
    change = record["dynamodb"]
    sk: str = change["Keys"]["SK"]["S"]
    if sk.startswith("EVENT#"):
        student = keys.parse_student_pk(change["Keys"]["PK"]["S"])
        return _event_row(change["NewImage"], student, pseudonyms_of(student.school_id), cohorts)
    if sk.startswith("EVAL#"):
        return _evaluation_row(record, pseudonyms_of, cohorts)
    if sk.startswith("GRADE#"):
        return _grade_row(record, pseudonyms_of, cohorts)
    if sk == keys.PROFILE:
        return _cohort_row(record, pseudonyms_of)
    return None


def lake_time(utc: str) -> str:
    """`2026-02-03T14:15:00.000Z` as Firehose's deserializer reads it: `2026-02-03 14:15:00.000`."""
    return utc[:23].replace("T", " ")


def _event_row(
    image: Mapping[str, Any], student: StudentKey, pseudonyms: Pseudonyms, cohorts: Cohorts
) -> Row:
    # Written out by hand: a loop over the columns with a general deserializer is three times slower.
    get = image.get
    teacher = get("teacher_id")
    status, polarity = get("status"), get("polarity")
    subject, class_id = get("subject"), get("class_id")
    return {
        "event_id": image["event_id"]["S"],
        "school_id": student.school_id,
        "student_key": pseudonyms.student(student.student_id),
        "teacher_key": pseudonyms.teacher(teacher["S"]) if teacher else None,
        "pseudonym_version": pseudonyms.version,
        "graduation_year": cohorts.get(student, UNKNOWN_COHORT),
        "event_type": image["event_type"]["S"],
        "status": status["S"] if status else None,
        "polarity": polarity["S"] if polarity else None,
        "subject": subject["S"] if subject else None,
        "class_id": class_id["S"] if class_id else None,
        "points": int(image["points"]["N"]),
        "points_version": int(image["points_version"]["N"]),
        "occurred_at": lake_time(image["occurred_at"]["S"]),
        "received_at": lake_time(image["received_at"]["S"]),
        "local_date": image["local_date"]["S"],
        "utc_offset_minutes": int(image["utc_offset_minutes"]["N"]),
        "correlation_id": image["correlation_id"]["S"],
        "contract_version": int(image["contract_version"]["N"]),
    }


def _academic_row(record: Record, pseudonyms_of: PseudonymsOf, graduation_year: int) -> Row:
    """What every academic change has in common; the other columns are empty."""
    change, student = record["dynamodb"], student_of(record)
    image = change["NewImage"]
    pseudonyms = pseudonyms_of(student.school_id)
    changed_at = datetime.fromtimestamp(float(change["ApproximateCreationDateTime"]), UTC)
    return {
        "change_id": record["eventID"],
        "change_type": None,
        "operation": record["eventName"].lower(),
        "school_id": student.school_id,
        "student_key": pseudonyms.student(student.student_id),
        "teacher_key": pseudonyms.teacher(image["teacher_id"]["S"]) if "teacher_id" in image else None,
        "pseudonym_version": pseudonyms.version,
        "graduation_year": graduation_year,
        "previous_graduation_year": None,
        "subject": None,
        "period": None,
        "evaluation_key": None,
        "evaluation_type": None,
        "score": None,
        "evaluations_count": None,
        "version": _integer(image, "version"),
        "rules_version": None,
        "changed_at": changed_at.replace(tzinfo=None).isoformat(" ", "milliseconds"),
        "local_date": changed_at.date().isoformat(),
        "correlation_id": _text(image, "correlation_id"),
        "contract_version": _integer(image, "contract_version"),
    }


def _evaluation_row(record: Record, pseudonyms_of: PseudonymsOf, cohorts: Cohorts) -> Row | None:
    image, before = record["dynamodb"]["NewImage"], record["dynamodb"].get("OldImage")
    if before and all(before.get(name) == image.get(name) for name in ("score", "type", "date", "version")):
        return None  # the nightly job only marked it consolidated
    student = student_of(record)
    row = _academic_row(record, pseudonyms_of, cohorts.get(student, UNKNOWN_COHORT))
    _, subject, period, evaluation = record["dynamodb"]["Keys"]["SK"]["S"].split("#")
    row.update(
        change_type="evaluation",
        subject=subject,
        period=period,
        # An identifier that a teacher typed may name a student; its pseudonym cannot.
        evaluation_key=pseudonyms_of(student.school_id).evaluation(evaluation),
        evaluation_type=_text(image, "type"),
        score=_number(image, "score"),
        local_date=_text(image, "date") or row["local_date"],
    )
    if image.get("deleted", {}).get("BOOL"):
        row["operation"] = "delete"  # the store keeps a tombstone; the lake learns what was taken back
    return row


def _grade_row(record: Record, pseudonyms_of: PseudonymsOf, cohorts: Cohorts) -> Row | None:
    image, before = record["dynamodb"]["NewImage"], record["dynamodb"].get("OldImage")
    if before and before.get("version") == image.get("version"):
        return None  # the government's receipt was noted; the grade is the same
    withdrawn = "consolidated_score" not in image
    if withdrawn and "consolidated_score" not in (before or {}):
        return None  # nothing that counts was there, and nothing is
    row = _academic_row(record, pseudonyms_of, cohorts.get(student_of(record), UNKNOWN_COHORT))
    _, subject, period = record["dynamodb"]["Keys"]["SK"]["S"].split("#")
    row.update(
        change_type="grade",
        subject=subject,
        period=period,
        rules_version=_integer(image, "rules_version"),
    )
    # A withdrawn grade lands as what was taken back: a row of the lake always has its score.
    graded = before if withdrawn and before else image
    row.update(
        score=_number(graded, "consolidated_score"),
        evaluations_count=_integer(graded, "evaluations_count"),
    )
    if withdrawn:
        row["operation"] = "delete"
    return row


def _cohort_row(record: Record, pseudonyms_of: PseudonymsOf) -> Row | None:
    change = record["dynamodb"]
    year = _integer(change["NewImage"], "graduation_year")
    before = _integer(change.get("OldImage") or {}, "graduation_year")
    if year is None or year == before:
        return None  # a name or a class changed, which the lake must not know
    row = _academic_row(record, pseudonyms_of, year)
    row.update(change_type="cohort", teacher_key=None, previous_graduation_year=before)
    return row


def _text(image: Mapping[str, Any], name: str) -> str | None:
    value = image.get(name)
    return value["S"] if value else None


def _integer(image: Mapping[str, Any], name: str) -> int | None:
    value = image.get(name)
    return int(value["N"]) if value else None


def _number(image: Mapping[str, Any], name: str) -> str | None:
    """A decimal as text: Firehose reads it exactly, a JSON float would not be."""
    value = image.get(name)
    return str(Decimal(value["N"])) if value else None

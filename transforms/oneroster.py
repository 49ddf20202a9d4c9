"""Students from `users.csv` of OneRoster 1.2.

Only what the platform needs is taken: identifier, names, whether the user is enabled, and two
extension columns for what the standard keeps in other files. Passwords, e-mail addresses and
everything else are dropped here and reach nothing.

https://www.imsglobal.org/spec/oneroster/v1p2/bind/csv (the users.csv table; extensions: metadata.*)
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import NamedTuple

from transforms.keys import InvalidIdentifierError, StudentKey, identifier
from transforms.students import InvalidStudentError, Student

REQUIRED = ("sourcedId", "enabledUser", "givenName", "familyName")
CLASS, YEAR = "metadata.classId", "metadata.graduationYear"
MOST_LINES = 5_000
_ENABLED = {"true": True, "false": False}
_STATUSES = {"", "active", "tobedeleted"}


class UnreadableFileError(ValueError):
    """A file that is no users.csv; no line of it can be judged."""


class Line(NamedTuple):
    """One line of the file.

    Attributes:
        number: In the file; the header is 1.
        student_id: As written, for the report; '' where there is none.
        student: None where the line has faults, or is left out.
        faults: What is wrong, each with its column; empty where all is well.
        skipped: Why a good line is left out; '' where it is not.
    """

    number: int
    student_id: str
    student: Student | None
    faults: tuple[str, ...] = ()
    skipped: str = ""


def read_users(content: bytes, school_id: str) -> list[Line]:
    """Reads a users.csv.

    Args:
        content: The file: UTF-8, with or without a byte order mark.
        school_id: The school that the students belong to.

    Returns:
        A verdict for every line, in the file's order.

    Raises:
        UnreadableFileError: It is not UTF-8, has no header of OneRoster, or too many lines.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableFileError(f"byte {error.start} is not UTF-8: save the file as UTF-8") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, None)
        if header is None:
            raise UnreadableFileError("the file is empty: its first line names the columns")
        columns = _columns(header)
        lines = list(_lines(reader, columns, school_id))
    except csv.Error as error:
        raise UnreadableFileError(f"line {reader.line_num} is no CSV: {error}") from error
    if not lines:
        raise UnreadableFileError("the file has a header and no line")
    return lines


def _columns(header: list[str]) -> dict[str, int]:
    columns = {name.strip(): position for position, name in enumerate(header)}
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise UnreadableFileError(
            f"columns {', '.join(missing)} are missing: the header is that of OneRoster 1.2 users.csv, "
            f"with {CLASS} and {YEAR} for class and graduation year"
        )
    return columns


def _lines(rows: Iterator[list[str]], columns: dict[str, int], school_id: str) -> Iterator[Line]:
    seen: dict[str, int] = {}
    number = 1
    for row in rows:
        number += 1
        if not row:
            continue  # an empty line at the end is no student
        if number > MOST_LINES + 1:
            raise UnreadableFileError(f"more than {MOST_LINES:,} lines: cut the file in parts")
        line = _line(number, row, columns, school_id)
        first = seen.setdefault(line.student_id, number)
        if first != number and line.student_id:
            rule = f"sourcedId {line.student_id!r:.80} stands in line {first} too: each student once"
            line = line._replace(student=None, faults=(*line.faults, rule))
        yield line


def _line(number: int, row: list[str], columns: dict[str, int], school_id: str) -> Line:
    if len(row) < len(columns):
        return Line(number, "", None, (f"{len(row)} fields: the header has {len(columns)}",))
    cell = {name: row[position].strip() for name, position in columns.items()}
    student_id = cell["sourcedId"]
    faults = []
    try:
        identifier("sourcedId", student_id)
    except InvalidIdentifierError as invalid:
        faults.append(str(invalid))
    enabled = _ENABLED.get(cell["enabledUser"].lower())
    if enabled is None:
        faults.append(f"enabledUser {cell['enabledUser']!r:.40}: use true or false")
    status = cell.get("status", "").lower()
    if status not in _STATUSES:
        faults.append(f"status {status!r:.40}: use active or tobedeleted, or leave it empty")
    year = cell.get(YEAR, "")
    if year and not (year.isascii() and year.isdigit() and len(year) <= 4):
        faults.append(f"{YEAR} {year!r:.40}: use a year such as 2029")
    if faults:
        return Line(number, student_id, None, tuple(faults))
    try:
        student = Student(
            StudentKey(school_id, student_id),
            int(year) if year else None,
            cell.get(CLASS) or None,
            cell["givenName"] or None,
            cell["familyName"] or None,
        )
    except InvalidStudentError as invalid:
        return Line(number, student_id, None, (str(invalid),))
    if not enabled or status == "tobedeleted":
        return Line(number, student_id, None, (), "not enabled: left out; erase a student with `luca erase`")
    return Line(number, student_id, student)

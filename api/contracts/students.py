"""Students and class lists."""

from __future__ import annotations

from msgspec import Struct

from api.contracts.fields import Identifier, Name, Year


class StudentBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A student, whole: what is left out is taken away.

    Attributes:
        given_name: As on the class list.
        family_name: As on the class list.
        class_id: Code of the class.
        graduation_year: Decides how long everything about the student is kept.
    """

    given_name: Name | None = None
    family_name: Name | None = None
    class_id: Identifier | None = None
    graduation_year: Year | None = None


class StudentLine(Struct, frozen=True, kw_only=True):
    """A student of the school.

    Attributes:
        student_id: Their id.
        given_name: As the school wrote it.
        family_name: As the school wrote it.
        class_id: Code of the class.
        graduation_year: The cohort.
    """

    student_id: str
    given_name: str | None
    family_name: str | None
    class_id: str | None
    graduation_year: int | None


class Students(Struct, frozen=True, kw_only=True):
    """Students of the school.

    Attributes:
        students: By family name, given name, id.
    """

    students: list[StudentLine]


class ImportLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one line of the file.

    Attributes:
        line: Number in the file; the header is 1.
        student_id: As written.
        result: `created`, `updated`, `unchanged`, `skipped`, `faulty`, `not-imported` or `retry`.
        faults: What is wrong with it.
        note: Why it was skipped.
    """

    line: int
    student_id: str
    result: str
    faults: tuple[str, ...] = ()
    note: str = ""


class ImportReport(Struct, frozen=True, kw_only=True):
    """What became of a class list.

    Attributes:
        imported: Whether the file is in: all its good lines.
        created: How many students are new.
        updated: How many were changed.
        unchanged: How many were as they are.
        skipped: How many lines were left out.
        faulty: How many lines break a rule; with one of them nothing is imported.
        lines: Line by line.
    """

    imported: bool
    created: int
    updated: int
    unchanged: int
    skipped: int
    faulty: int
    lines: list[ImportLine]

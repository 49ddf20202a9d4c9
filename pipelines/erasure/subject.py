"""Whom an erasure is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from adapters import student_items
from adapters.pseudonym_keys import KeyUnavailableError, key_versions
from pipelines.keys.linking import linked
from transforms import keys
from transforms.keys import StudentKey


@dataclass(frozen=True, slots=True)
class Subject:
    """One student of one school, or a whole school.

    Attributes:
        school_id: The school.
        student_id: As the school knows the student; None is the whole school.
        pseudonyms: The student's, or those of the school's students, under every version of the school's
            key that is kept.
    """

    school_id: str
    student_id: str | None
    pseudonyms: frozenset[str] = field(default_factory=frozenset)

    @property
    def partition_key(self) -> str:
        """Where the store has the student.

        Raises:
            ValueError: It is a whole school.
        """
        if self.student_id is None:
            raise ValueError(f"school {self.school_id!r} is no student")
        return keys.student_pk(StudentKey(self.school_id, self.student_id))

    def in_item(self, item: Mapping[str, Any]) -> bool:
        """Whether an item of the store, in typed JSON, is the subject's."""
        pk: str = item["PK"]["S"]
        if self.student_id is None:
            return pk.startswith(f"TENANT#{self.school_id}#")
        return pk == self.partition_key or (
            pk == keys.roster_pk(self.school_id) and item["SK"]["S"] == self.student_id
        )

    def in_message(self, school_id: str | None, body: str) -> bool:
        """Whether a message of the edge is the subject's; one that cannot be read counts if it names it."""
        if school_id != self.school_id:
            return False
        if self.student_id is None:
            return True
        try:
            told = msgspec.json.decode(body)
        except msgspec.DecodeError:
            return self.student_id in body
        return isinstance(told, dict) and str(told.get("student_id")) == self.student_id


def student(school_id: str, student_id: str) -> Subject:
    """A student, with every pseudonym that the school's keys give.

    Raises:
        InvalidIdentifierError: School or student cannot be one.
        KeyUnavailableError: The school's key cannot be read; without it no row of the lake can be found.
    """
    keys.identifier("school_id", school_id)
    keys.identifier("student_id", student_id)
    if not key_versions(school_id):
        raise KeyUnavailableError(
            f"school {school_id!r} has no pseudonym key, so no row of its students can be found: "
            "is the school's name right? `luca keys list` names those that have one"
        )
    (found,) = linked(school_id, [student_id])
    return Subject(school_id, student_id, frozenset(found.keys.values()))


def whole_school(school_id: str) -> Subject:
    """All of a school, with the pseudonyms of every student that the store has.

    Raises:
        InvalidIdentifierError: It cannot be a school's identifier.
        KeyUnavailableError: Its key cannot be read.
    """
    keys.identifier("school_id", school_id)
    known: set[str] = set()
    if key_versions(school_id):  # none, where an erasure was killed after it had destroyed them
        students = {pk.split("#")[3] for pk, _ in student_items.of_school(school_id) if "#STUDENT#" in pk}
        known = {key for each in linked(school_id, students) for key in each.keys.values()}
    return Subject(school_id, None, frozenset(known))

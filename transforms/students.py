"""A student's profile, as the store keeps it under the student's key, and the school's roster.

The roster repeats what a list of a class shows, in one partition a school
(`TENANT#{school}#ROSTER`): one query instead of a scan or of a second index.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from transforms import keys
from transforms.keys import StudentKey

LONGEST_NAME = 100
GRADUATION_YEARS = range(1990, 2101)  # two digits or a birth date in this place are typing errors


class InvalidStudentError(ValueError):
    """A profile that cannot be kept."""


@dataclass(frozen=True, slots=True)
class Student:
    """What the platform knows of a student beyond events and grades.

    Attributes:
        key: School and raw identifier.
        graduation_year: The cohort, which decides how long everything is kept; None is unknown.
        class_id: Code of the class (group), if any.
        given_name: As the school writes it; never leaves the operational side.
        family_name: Likewise.

    Raises:
        InvalidStudentError: A name, a year or the class is out of bounds.
    """

    key: StudentKey
    graduation_year: int | None = None
    class_id: str | None = None
    given_name: str | None = None
    family_name: str | None = None

    def __post_init__(self) -> None:
        year = self.graduation_year
        if year is not None and year not in GRADUATION_YEARS:
            raise InvalidStudentError(
                f"graduation_year {year}: use a year from {GRADUATION_YEARS[0]} to {GRADUATION_YEARS[-1]}"
            )
        if self.class_id is not None:
            try:
                keys.identifier("class_id", self.class_id)
            except keys.InvalidIdentifierError as invalid:
                raise InvalidStudentError(str(invalid)) from invalid
        for name, value in (("given_name", self.given_name), ("family_name", self.family_name)):
            if value is not None:
                _check_name(name, value)

    def item(self) -> dict[str, Any]:
        """The profile's item of the single table, as plain Python values.

        Raises:
            InvalidIdentifierError: The school's or the student's identifier cannot be a key.
        """
        return {"PK": keys.student_pk(self.key), "SK": keys.PROFILE, **self._attributes()}

    def roster_item(self) -> dict[str, Any]:
        """The student's line in the school's roster.

        Raises:
            InvalidIdentifierError: The school's or the student's identifier cannot be a key.
        """
        student_id = keys.identifier("student_id", self.key.student_id)
        return {"PK": keys.roster_pk(self.key.school_id), "SK": student_id, **self._attributes()}

    def _attributes(self) -> dict[str, Any]:
        attributes = {
            "graduation_year": self.graduation_year,
            "class_id": self.class_id,
            "given_name": self.given_name,
            "family_name": self.family_name,
        }
        return {name: value for name, value in attributes.items() if value is not None}

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Student:
        """The inverse of `item` and of `roster_item`; numbers may be Decimal."""
        year = item.get("graduation_year")
        return cls(
            keys.parse_student_pk(item["PK"])
            if item["SK"] == keys.PROFILE
            else StudentKey(keys.parse_roster_pk(item["PK"]), item["SK"]),
            None if year is None else int(year),
            item.get("class_id"),
            item.get("given_name"),
            item.get("family_name"),
        )


def _check_name(name: str, value: str) -> None:
    if not value.strip() or len(value) > LONGEST_NAME:
        raise InvalidStudentError(f"{name} has {len(value)} characters: use 1 to {LONGEST_NAME}")
    if any(not character.isprintable() for character in value):
        raise InvalidStudentError(f"{name} contains a control character: write it as on the class list")

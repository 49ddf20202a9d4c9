"""A student's profile, as the store keeps it under the student's key, sort key `PROFILE`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from transforms import keys
from transforms.keys import StudentKey


@dataclass(frozen=True, slots=True)
class Student:
    """What the platform knows of a student beyond events and grades.

    Attributes:
        key: School and raw identifier.
        graduation_year: The cohort, which decides how long everything is kept; None is unknown.
        class_id: Code of the class (group), if any.
    """

    key: StudentKey
    graduation_year: int | None = None
    class_id: str | None = None

    def item(self) -> dict[str, Any]:
        """The profile's item of the single table, as plain Python values.

        Raises:
            InvalidIdentifierError: The school's or the student's identifier cannot be a key.
        """
        item: dict[str, Any] = {"PK": keys.student_pk(self.key), "SK": keys.PROFILE}
        if self.graduation_year is not None:
            item["graduation_year"] = self.graduation_year
        if self.class_id is not None:
            item["class_id"] = self.class_id
        return item

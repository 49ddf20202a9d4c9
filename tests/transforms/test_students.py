from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from transforms.keys import InvalidIdentifierError, StudentKey
from transforms.students import InvalidStudentError, Student

ANA = Student(StudentKey("school_1", "ana"), 2029, "3B", "Ana", "Ruiz")


def test_a_student_is_read_back_from_profile_and_roster() -> None:
    for item in (ANA.item(), ANA.roster_item()):
        assert Student.from_item({**item, "graduation_year": Decimal(2029)}) == ANA


def test_profile_and_roster_say_the_same_under_keys_of_the_school() -> None:
    profile, roster = ANA.item(), ANA.roster_item()
    assert (profile.pop("PK"), profile.pop("SK")) == ("TENANT#school_1#STUDENT#ana", "PROFILE")
    assert (roster.pop("PK"), roster.pop("SK")) == ("TENANT#school_1#ROSTER", "ana")
    assert profile == roster


def test_what_is_not_known_is_not_kept() -> None:
    assert set(Student(StudentKey("school_1", "ana")).item()) == {"PK", "SK"}


@pytest.mark.parametrize(
    "changes",
    [
        {"graduation_year": 29},
        {"graduation_year": 2101},
        {"class_id": "3 B"},
        {"given_name": ""},
        {"given_name": " "},
        {"family_name": "x" * 101},
        {"family_name": "a\nb"},
        {"given_name": "\u202eevil"},
    ],
)
def test_what_is_no_student_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidStudentError):
        Student(StudentKey("school_1", "ana"), **changes)


def test_an_identifier_that_cannot_be_a_key_is_refused() -> None:
    for student in (Student(StudentKey("school_1", "a#b")), Student(StudentKey("s#1", "ana"))):
        with pytest.raises(InvalidIdentifierError):
            student.item()
        with pytest.raises(InvalidIdentifierError):
            student.roster_item()

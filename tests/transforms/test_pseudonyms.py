from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.pseudonyms import Pseudonymizer, PseudonymKey

SCHOOL = PseudonymKey("school_1", version=1, secret=bytes(range(32)))
OTHER_SCHOOL = PseudonymKey("school_2", version=1, secret=bytes(range(1, 33)))

student_ids = st.text(st.characters(codec="utf-8"), min_size=1, max_size=64)


@given(student_ids)
def test_a_pseudonym_is_the_keyed_hash_of_kind_and_identifier(student_id: str) -> None:
    expected = hmac.digest(SCHOOL.secret, b"student\x1f" + student_id.encode(), "sha256")
    assert Pseudonymizer(SCHOOL).student(student_id) == expected.hex()[:32]


@given(student_ids)
def test_the_same_student_is_a_stranger_in_another_school(student_id: str) -> None:
    assert Pseudonymizer(SCHOOL).student(student_id) != Pseudonymizer(OTHER_SCHOOL).student(student_id)


def test_student_teacher_and_evaluation_of_one_number_do_not_meet() -> None:
    pseudonymizer = Pseudonymizer(SCHOOL)
    keys = {pseudonymizer.student("7"), pseudonymizer.teacher("7"), pseudonymizer.evaluation("7")}
    assert len(keys) == 3


def test_a_key_of_the_wrong_length_says_how_to_get_a_right_one() -> None:
    with pytest.raises(ValueError, match=r"school_1.*16 bytes.*needs 32.*luca keys create"):
        PseudonymKey("school_1", version=1, secret=bytes(16))


def test_a_key_does_not_show_its_secret() -> None:
    assert "\\x00" not in repr(SCHOOL)
    assert "secret" not in repr(SCHOOL)

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms import keys
from transforms.keys import InvalidIdentifierError, StudentKey

identifiers = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)


@given(identifiers, identifiers)
def test_a_student_key_parses_back_into_its_student(school: str, student: str) -> None:
    key = StudentKey(school, student)
    assert keys.parse_student_pk(keys.student_pk(key)) == key


@given(st.text(min_size=1, max_size=70))
def test_an_identifier_with_anything_but_letters_digits_and_two_signs_is_refused(text: str) -> None:
    fits = len(text) <= 64 and all(c.isascii() and (c.isalnum() or c in "_-") for c in text)
    if fits:
        assert keys.identifier("student_id", text) == text
    else:
        with pytest.raises(InvalidIdentifierError, match=r"student_id .*use letters, digits"):
            keys.identifier("student_id", text)


@pytest.mark.parametrize("sign", ["#", "*", "?", "$", "{", "/", "\n", "\x00", " ", "é", "."])
def test_the_error_shows_the_sign_that_is_wrong(sign: str) -> None:
    with pytest.raises(InvalidIdentifierError) as refusal:
        keys.identifier("school_id", f"a{sign}b")
    assert f"contains {sign!r}: use letters, digits, '_' and '-' (1–64)" in str(refusal.value)


@pytest.mark.parametrize("value", [None, 7, "", "a" * 65, "school_1\n"])
def test_what_is_no_short_text_is_refused(value: object) -> None:
    with pytest.raises(InvalidIdentifierError):
        keys.identifier("school_id", value)


def test_the_keys_of_one_school_never_begin_as_those_of_another() -> None:
    assert not keys.student_pk(StudentKey("school_12", "7")).startswith(
        keys.config_pk("school_1").removesuffix("CONFIG")
    )


@pytest.mark.parametrize("pk", ["", "TENANT#a#CONFIG", "STUDENT#a#TENANT#b", "TENANT#a#STUDENT#b#c"])
def test_a_key_of_something_else_is_no_student(pk: str) -> None:
    with pytest.raises(InvalidIdentifierError, match="is not a student's"):
        keys.parse_student_pk(pk)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0198c5a4-7f3e-7c11-9d7e-2f6d1c0b7a55", True),
        ("0198C5A4-7F3E-7C11-9D7E-2F6D1C0B7A55", True),
        ("0198c5a47f3e7c119d7e2f6d1c0b7a55", False),
        ("student_456", False),
        ("0198c5a4-7f3e-7c11-9d7e-2f6d1c0b7a55\n", False),
    ],
)
def test_a_uuid_is_known_by_its_usual_form(value: str, expected: bool) -> None:
    assert keys.is_uuid(value) is expected


def test_keys_of_evaluations_and_grades_are_parsed_back() -> None:
    assert keys.eval_sk("matematicas", "Q1_2024", "exam_001") == "EVAL#matematicas#Q1_2024#exam_001"
    assert keys.parse_eval_sk("EVAL#matematicas#Q1_2024#exam_001") == ("matematicas", "Q1_2024", "exam_001")
    assert keys.grade_sk("matematicas", "Q1_2024") == "GRADE#matematicas#Q1_2024"
    assert keys.parse_grade_sk("GRADE#matematicas#Q1_2024") == ("matematicas", "Q1_2024")


def test_what_is_pending_says_of_which_group_it_is() -> None:
    group = keys.GroupKey(StudentKey("school_1", "student_456"), "matematicas", "Q1_2024")
    for evaluation in (None, "exam_001"):
        pending = keys.pending_sk(group, evaluation)
        assert keys.parse_pending_sk("school_1", pending) == keys.PendingKey(group, evaluation)


@pytest.mark.parametrize(
    "parse",
    [
        lambda: keys.parse_eval_sk("GRADE#a#b"),
        lambda: keys.parse_grade_sk("EVAL#a#b#c"),
        lambda: keys.parse_pending_sk("school_1", "a#b"),
        lambda: keys.pending_consolidation_pk("a#b"),
        lambda: keys.pending_sync_pk("*"),
        lambda: keys.eval_sk("a", "b", "c#d"),
        lambda: keys.grade_sk("a", ""),
    ],
)
def test_what_is_no_key_of_an_academic_item_is_refused(parse: Callable[[], object]) -> None:
    with pytest.raises(InvalidIdentifierError):
        parse()


def test_a_schools_register_entry_can_be_no_students_profile() -> None:
    assert keys.register_sk("PROFILE") == "SCHOOL#PROFILE"
    assert not keys.SCHOOLS_PK.startswith("TENANT#")

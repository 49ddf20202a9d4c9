"""What one learns of pseudonyms who knows every student id and not the school's key: nothing."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

import pytest

from transforms.pseudonyms import KEY_BYTES, PSEUDONYM_BYTES, Pseudonymizer, PseudonymKey

SCHOOL = PseudonymKey("school_1", 1, bytes(range(KEY_BYTES)))
EVERY_ID = [f"student_{number}" for number in range(5_000)] + [f"{number:06d}" for number in range(5_000)]
LEAKED = {Pseudonymizer(SCHOOL).student(student) for student in EVERY_ID[::7]}


def found(guess: Callable[[str], str]) -> int:
    """How many leaked pseudonyms a way of guessing reproduces."""
    return len(LEAKED & {guess(student)[: PSEUDONYM_BYTES * 2] for student in EVERY_ID})


def keyed(secret: bytes) -> Callable[[str], str]:
    return Pseudonymizer(PseudonymKey("school_1", 1, secret)).student


def test_with_the_key_the_dictionary_finds_every_student() -> None:
    assert found(keyed(SCHOOL.secret)) == len(LEAKED) > 1_000


@pytest.mark.parametrize(
    "guess",
    [
        lambda student: hashlib.sha256(student.encode()).hexdigest(),
        lambda student: hashlib.md5(student.encode()).hexdigest(),
        lambda student: hashlib.sha256(b"student\x1f" + student.encode()).hexdigest(),
        lambda student: hashlib.sha256(b"school_1" + student.encode()).hexdigest(),
        lambda student: hmac.new(b"school_1", b"student\x1f" + student.encode(), "sha256").hexdigest(),
        lambda student: hmac.new(b"", b"student\x1f" + student.encode(), "sha256").hexdigest(),
        keyed(bytes(KEY_BYTES)),
    ],
)
def test_without_the_key_no_hash_of_a_dictionary_finds_one(guess: Callable[[str], str]) -> None:
    assert found(guess) == 0


def test_another_schools_key_and_another_version_find_none() -> None:
    other = PseudonymKey("school_2", 1, bytes(reversed(range(KEY_BYTES))))
    assert found(Pseudonymizer(other).student) == 0
    assert found(keyed(SCHOOL.secret[:-1] + b"\xff")) == 0


def test_a_students_pseudonym_is_not_the_one_of_a_teacher_of_that_name() -> None:
    assert found(Pseudonymizer(SCHOOL).teacher) == found(Pseudonymizer(SCHOOL).evaluation) == 0

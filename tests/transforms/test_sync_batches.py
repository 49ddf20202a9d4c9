from __future__ import annotations

import json
import random
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from transforms.academic_items import Grade
from transforms.keys import StudentKey
from transforms.sync_batches import (
    MAX_LINES,
    Batch,
    InvalidBatchError,
    batch_of,
    decimal_text,
    decode,
    encode,
    json_schema,
    line_id,
    line_of,
    parse_line_id,
)

SCHEMA_FILE = Path(__file__).resolve().parents[2] / "infra" / "official-grades.v1.schema.json"


def grade(
    number: int = 1, score: str | None = "84.3", version: int = 1, school_id: str = "school_1"
) -> Grade:
    return Grade(
        student=StudentKey(school_id, f"student_{number}"),
        subject="matematicas",
        period="Q1_2026",
        consolidated_score=None if score is None else Decimal(score),
        evaluations_count=0 if score is None else 3,
        parts={},
        passed=None if score is None else Decimal(score) >= 60,
        rules_version=1,
        last_calculated="2026-03-31T08:00:00.000Z",
        correlation_id="5a1f6ad2-6e1f-4a43-a8f8-96d8a0e3e5b1",
        version=version,
    )


def batch(count: int = 3) -> Batch:
    return batch_of("school_1", [line_of(grade(number)) for number in range(count)])


scores = st.none() | st.decimals(0, 100, places=3).map(str)
grades = st.builds(grade, number=st.integers(0, 10**6), score=scores, version=st.integers(1, 999))


@given(st.lists(grades, min_size=1, max_size=MAX_LINES, unique_by=lambda each: each.student), st.randoms())
def test_the_same_grades_in_any_order_are_the_same_batch(found: list[Grade], chance: random.Random) -> None:
    shuffled = list(found)
    chance.shuffle(shuffled)
    first, second = (batch_of("school_1", map(line_of, order)) for order in (found, shuffled))
    assert encode(first) == encode(second)
    assert decode(encode(first)) == first


@given(grades)
def test_when_a_grade_was_last_calculated_does_not_change_its_line(found: Grade) -> None:
    later = replace(found, last_calculated="2027-01-01T00:00:00.000Z", calculation=9, synced=True)
    assert line_of(found) == line_of(later)


def test_another_version_another_score_or_another_submission_is_another_batch() -> None:
    ids = {
        batch_of("school_1", [line_of(grade())]).sync_batch_id,
        batch_of("school_1", [line_of(grade(version=2))]).sync_batch_id,
        batch_of("school_1", [line_of(grade(score="84.4"))]).sync_batch_id,
        batch_of("school_1", [line_of(grade())], resubmission=1).sync_batch_id,
        batch_of("school_2", [line_of(grade(school_id="school_2"))]).sync_batch_id,
    }
    assert len(ids) == 5


@given(st.decimals(0, 100, places=3))
def test_a_score_reads_the_same_from_memory_and_from_the_store(score: Decimal) -> None:
    text = decimal_text(score)
    assert Decimal(text) == score
    assert decimal_text(score.normalize()) == text
    assert "E" not in text


def test_a_withdrawn_grade_is_sent_without_a_score() -> None:
    line = line_of(grade(score=None))
    assert (line.score, line.passed) == (None, None)
    assert decode(encode(batch_of("school_1", [line]))).lines == (line,)


def test_a_line_id_tells_its_version_and_not_its_student() -> None:
    group = grade().group
    text = line_id(group, 7)
    assert parse_line_id(text) == (text.partition("-")[0], 7)
    assert "student" not in text


@pytest.mark.parametrize("count", [0, MAX_LINES + 1])
def test_a_batch_has_1_to_100_lines(count: int) -> None:
    with pytest.raises(InvalidBatchError, match=r"length.* `\$\.lines`"):
        batch(count)


def test_a_batch_of_100_lines_is_far_from_a_requests_limits() -> None:
    assert len(encode(batch(MAX_LINES))) < 32_000


def test_a_grade_stands_once_in_a_batch() -> None:
    with pytest.raises(InvalidBatchError, match="holds a grade twice"):
        batch_of("school_1", [line_of(grade()), line_of(grade(version=2))])


def test_a_line_of_another_school_is_refused() -> None:
    with pytest.raises(InvalidBatchError, match="is not of school 'school_2'"):
        batch_of("school_2", [line_of(grade())])


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"score": "101"}, r"\$\.lines\[0\]\.score"),
        ({"score": "84.3000"}, r"\$\.lines\[0\]\.score"),
        ({"student_id": "a b"}, r"\$\.lines\[0\]\.student_id"),
        ({"version": 0}, r"\$\.lines\[0\]\.version"),
        ({"name": "Ana"}, "unknown field `name`"),
        ({"version": 2}, "its id is not its grade's"),
        ({"passed": False}, "is not the digest of its content"),
    ],
)
def test_what_breaks_the_schema_or_its_own_ids_is_not_sent(change: dict[str, object], complaint: str) -> None:
    payload = json.loads(encode(batch()))
    payload["lines"][0].update(change)
    with pytest.raises(InvalidBatchError, match=complaint):
        decode(msgspec.json.encode(payload))


def test_the_published_schema_is_the_one_that_we_send_by() -> None:
    assert json.loads(SCHEMA_FILE.read_text("utf-8")) == json_schema()


@given(st.lists(grades, min_size=1, max_size=5, unique_by=lambda each: each.student))
def test_every_batch_of_ours_satisfies_the_published_schema(found: list[Grade]) -> None:
    payload = json.loads(encode(batch_of("school_1", map(line_of, found))))
    Draft202012Validator(json_schema()).validate(payload)

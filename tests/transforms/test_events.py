from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.events import Fault, Reason, RejectedEventError, check, decode
from transforms.schools import School

NOW = datetime(2026, 2, 3, 15, 0, tzinfo=UTC)
SCHOOL = School("school_1", "America/Mexico_City")
GOOD: dict[str, Any] = {
    "event_id": "0198c5a4-7f3e-7c11-9d7e-2f6d1c0b7a55",
    "type": "attendance",
    "status": "late",
    "student_id": "student_456",
    "occurred_at": "2026-02-03T08:15:00-06:00",
}


def body(**changes: object) -> str:
    changed = {**GOOD, **changes}
    return json.dumps({name: value for name, value in changed.items() if value is not ...})


def reasons(text: bytes | str) -> list[tuple[str, str]]:
    with pytest.raises(RejectedEventError) as rejection:
        decode(text)
    return [(fault.reason.value, fault.path) for fault in rejection.value.faults]


def test_a_good_event_is_read_whole() -> None:
    event = decode(body(teacher_id="t_1", subject="matematicas", class_id="3B"))
    assert event.outcome == "attendance.late"
    assert event.occurred_at == datetime(2026, 2, 3, 14, 15, tzinfo=UTC)
    assert (event.teacher_id, event.subject, event.class_id) == ("t_1", "matematicas", "3B")


def test_an_event_of_a_plain_type_has_its_type_as_outcome() -> None:
    assert decode(body(type="participation", status=...)).outcome == "participation"


def test_fields_that_the_contract_does_not_name_are_ignored() -> None:
    assert decode(body(comment="Juan was sick")) == decode(body())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", [("malformed_json", "$")]),
        ("", [("malformed_json", "$")]),
        (b"\xff\xfe{}", [("malformed_json", "$")]),
        ("[" * 5_000, [("malformed_json", "$")]),
        ("[]", [("wrong_type", "$")]),
        ('"text"', [("wrong_type", "$")]),
        (body(event_id=...), [("missing_field", "$.event_id")]),
        (body(event_id=7), [("wrong_type", "$.event_id")]),
        (body(event_id="student_456"), [("bad_identifier", "$.event_id")]),
        (body(student_id="a#b"), [("bad_identifier", "$.student_id")]),
        (body(student_id="a*"), [("bad_identifier", "$.student_id")]),
        (body(student_id="a?"), [("bad_identifier", "$.student_id")]),
        (body(student_id="a\u0000"), [("bad_identifier", "$.student_id")]),
        (body(student_id="a\n"), [("bad_identifier", "$.student_id")]),
        (body(student_id=""), [("bad_identifier", "$.student_id")]),
        (body(student_id="x" * 300_000), [("bad_identifier", "$.student_id")]),
        (body(student_id=456), [("wrong_type", "$.student_id")]),
        (body(subject="Juan Pérez"), [("bad_identifier", "$.subject")]),
        (body(type="singing"), [("unknown_type", "$.type")]),
        (body(status="asleep"), [("unknown_value", "$.status")]),
        (body(status=...), [("missing_field", "$.status")]),
        (body(type="participation"), [("unknown_value", "$.status")]),
        (body(type="conduct", status=...), [("missing_field", "$.polarity")]),
        (body(occurred_at="2026-02-03T08:15:00"), [("naive_time", "$.occurred_at")]),
        (body(occurred_at="yesterday"), [("bad_time", "$.occurred_at")]),
        (body(occurred_at=1770128100), [("wrong_type", "$.occurred_at")]),
    ],
)
def test_a_bad_body_is_rejected_with_the_place_of_its_fault(
    text: bytes | str, expected: list[tuple[str, str]]
) -> None:
    assert reasons(text) == expected


def test_all_faults_of_a_body_are_told_at_once() -> None:
    text = body(event_id="7", student_id="a#b", type="singing", occurred_at="2026-02-03T08:15:00")
    assert [path for _, path in reasons(text)] == ["$.event_id", "$.type", "$.student_id", "$.occurred_at"]


@given(st.binary(max_size=200))
def test_any_bytes_are_an_event_or_a_rejection(noise: bytes) -> None:
    with pytest.raises(RejectedEventError) as rejection:
        decode(noise)
    assert rejection.value.faults


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*GOOD, "polarity", "school_id"]), json_values, max_size=4))
def test_any_change_of_a_good_event_leaves_an_event_or_a_rejection_with_a_path(
    changes: dict[str, Any],
) -> None:
    faults: tuple[Fault, ...] = ()
    try:
        decode(body(**changes))
    except RejectedEventError as rejected:
        faults = rejected.faults
        assert faults
    assert all(fault.path.startswith("$") and fault.rule for fault in faults)


def faults_at(occurred_at: datetime, school: School = SCHOOL) -> list[str]:
    event = msgspec.structs.replace(decode(body()), occurred_at=occurred_at)
    try:
        check(event, school, NOW)
    except RejectedEventError as rejected:
        return [fault.reason for fault in rejected.faults]
    return []


def test_the_clock_of_a_sender_may_be_five_minutes_ahead_and_no_more() -> None:
    assert faults_at(NOW + timedelta(minutes=5)) == []
    assert faults_at(NOW + timedelta(minutes=5, seconds=1)) == [Reason.IN_THE_FUTURE]
    assert faults_at(NOW + timedelta(days=10)) == [Reason.IN_THE_FUTURE]


def test_an_event_may_be_as_old_as_the_schools_records() -> None:
    assert faults_at(datetime(1970, 1, 1, tzinfo=UTC)) == [Reason.TOO_OLD]
    since_2013 = School("school_1", "UTC", records_since=datetime(2013, 1, 1, tzinfo=UTC).date())
    assert faults_at(datetime(2013, 1, 1, tzinfo=UTC), since_2013) == []
    assert faults_at(datetime(2012, 12, 31, 23, 59, tzinfo=UTC), since_2013) == [Reason.TOO_OLD]


def test_a_body_may_name_its_own_school_but_no_other() -> None:
    check(decode(body(school_id="school_1")), SCHOOL, NOW)
    with pytest.raises(
        RejectedEventError, match=r"'school_12' is not the school of the token \('school_1'\)"
    ):
        check(decode(body(school_id="school_12")), SCHOOL, NOW)

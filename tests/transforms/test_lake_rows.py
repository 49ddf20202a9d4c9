from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.json
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.typed_json import to_typed
from transforms.event_items import event_item
from transforms.events import decode
from transforms.keys import StudentKey
from transforms.lake_rows import lake_rows
from transforms.lake_schema import ACADEMIC_CHANGES, BEHAVIOR_EVENTS, LakeTable
from transforms.pseudonyms import Pseudonymizer, PseudonymKey
from transforms.schools import School

ANA = StudentKey("school_1", "student_456")
PSEUDONYMS = Pseudonymizer(PseudonymKey("school_1", 2, bytes(32)))
CHANGED_AT = datetime(2026, 2, 3, 23, 30, 5, tzinfo=UTC)


def record(item: dict[str, Any], before: dict[str, Any] | None = None) -> dict[str, Any]:
    """A stream record as a Pipe hands it over."""
    change: dict[str, Any] = {
        "Keys": to_typed({"PK": item["PK"], "SK": item["SK"]}),
        "NewImage": to_typed(item),
        "ApproximateCreationDateTime": CHANGED_AT.timestamp(),
    }
    if before is not None:
        change["OldImage"] = to_typed(before)
    return {"eventID": "e1", "eventName": "MODIFY" if before else "INSERT", "dynamodb": change}


def rows(*records: dict[str, Any]) -> list[dict[str, Any]]:
    return lake_rows(records, lambda _school: PSEUDONYMS, {ANA: 2029})


def landed(contract: LakeTable, row: dict[str, Any]) -> dict[str, Any]:
    """The row as a Parquet file of the landing would hold it, read by the Glue table's types."""
    schema = contract.landing_schema
    # pyarrow reads no dates from JSON: they come as text, as in Firehose, and are cast.
    text = [(field.name, pa.string() if pa.types.is_date(field.type) else field.type) for field in schema]
    options = pyarrow.json.ParseOptions(explicit_schema=pa.schema(text))
    table = pyarrow.json.read_json(io.BytesIO(json.dumps(row).encode()), parse_options=options)
    (read,) = table.cast(schema).to_pylist()
    return dict(read)


def event(**changes: object) -> dict[str, Any]:
    body = {
        "event_id": "0198c5a4-7f3e-7c11-9d7e-2f6d1c0b7a55",
        "type": "attendance",
        "status": "late",
        "student_id": ANA.student_id,
        "teacher_id": "t_1",
        "subject": "matematicas",
        "class_id": "3B",
        "occurred_at": "2026-02-03T21:15:00.123-06:00",
        **changes,
    }
    received_at = datetime(2026, 2, 4, 3, 16, tzinfo=UTC)
    school = School("school_1", "America/Mexico_City")
    return event_item(decode(json.dumps(body)), school, received_at, "c0ffee00-0000-4000-8000-000000000000")


EVALUATION = {
    "PK": "TENANT#school_1#STUDENT#student_456",
    "SK": "EVAL#matematicas#Q1_2026#exam_juan",
    "score": Decimal("85.5"),
    "type": "exam",
    "date": "2026-02-02",
    "teacher_id": "t_1",
    "version": 1,
    "consolidated": False,
    "comment": "Juan Pérez did well",
}
GRADE = {
    "PK": EVALUATION["PK"],
    "SK": "GRADE#matematicas#Q1_2026",
    "consolidated_score": Decimal("84.3"),
    "evaluations_count": 5,
    "version": 3,
    "rules_version": 2,
}
PROFILE = {"PK": EVALUATION["PK"], "SK": "PROFILE", "graduation_year": 2029, "name": "Juan Pérez"}


def test_an_event_lands_with_every_column_of_the_contract() -> None:
    (row,) = rows(record(event()))
    assert list(row) == BEHAVIOR_EVENTS.landing_schema.names
    assert landed(BEHAVIOR_EVENTS, row) == {
        "event_id": "0198c5a4-7f3e-7c11-9d7e-2f6d1c0b7a55",
        "school_id": "school_1",
        "student_key": PSEUDONYMS.student("student_456"),
        "teacher_key": PSEUDONYMS.teacher("t_1"),
        "pseudonym_version": 2,
        "graduation_year": 2029,
        "event_type": "attendance",
        "status": "late",
        "polarity": None,
        "subject": "matematicas",
        "class_id": "3B",
        "points": -1,
        "points_version": 1,
        "occurred_at": datetime(2026, 2, 4, 3, 15, 0, 123_000),
        "received_at": datetime(2026, 2, 4, 3, 16),
        "local_date": date(2026, 2, 3),
        "utc_offset_minutes": -360,
        "correlation_id": "c0ffee00-0000-4000-8000-000000000000",
        "contract_version": 1,
    }


def test_a_student_without_a_profile_lands_in_the_unknown_cohort() -> None:
    (row,) = rows(record(event(student_id="stranger")))
    assert row["graduation_year"] == 0


def test_an_evaluation_lands_with_its_score_exact_and_its_identifier_hidden() -> None:
    (row,) = rows(record(EVALUATION))
    assert list(row) == ACADEMIC_CHANGES.landing_schema.names
    read = landed(ACADEMIC_CHANGES, row)
    assert read["score"] == Decimal("85.500")
    assert read["local_date"] == date(2026, 2, 2)
    assert read["evaluation_key"] == PSEUDONYMS.evaluation("exam_juan")
    assert (read["change_type"], read["operation"]) == ("evaluation", "insert")
    assert read["changed_at"] == datetime(2026, 2, 3, 23, 30, 5)


def test_a_corrected_score_lands_and_a_mark_of_consolidation_does_not() -> None:
    marked = {**EVALUATION, "consolidated": True}
    corrected = {**EVALUATION, "score": Decimal(90), "version": 2}
    assert rows(record(marked, before=EVALUATION)) == []
    (row,) = rows(record(corrected, before=EVALUATION))
    assert (row["operation"], row["score"], row["version"]) == ("modify", "90", 2)


def test_a_grade_lands_once_a_version() -> None:
    (row,) = rows(record(GRADE))
    assert (row["change_type"], row["score"], row["evaluations_count"]) == ("grade", "84.3", 5)
    assert rows(record({**GRADE, "synced": True}, before=GRADE)) == []


def test_a_deleted_evaluation_and_a_withdrawn_grade_land_as_what_was_taken_back() -> None:
    tombstone = {**EVALUATION, "deleted": True, "version": 2, "consolidated": False}
    (row,) = rows(record(tombstone, before=EVALUATION))
    assert (row["operation"], row["score"], row["version"]) == ("delete", "85.5", 2)
    withdrawn = {name: value for name, value in GRADE.items() if name != "consolidated_score"}
    withdrawn |= {"version": 4, "evaluations_count": 0}
    (row,) = rows(record(withdrawn, before=GRADE))
    assert (row["operation"], row["score"], row["evaluations_count"]) == ("delete", "84.3", 5)
    assert row["version"] == 4


def test_a_grade_that_never_was_does_not_land() -> None:
    empty = {name: value for name, value in GRADE.items() if name != "consolidated_score"}
    assert rows(record(empty)) == []
    assert rows(record({**empty, "version": 4}, before=empty)) == []
    (row,) = rows(record({**GRADE, "version": 4}, before=empty))
    assert (row["operation"], row["score"]) == ("modify", "84.3")


def test_only_a_changed_cohort_of_a_profile_lands() -> None:
    (row,) = rows(record({**PROFILE, "graduation_year": 2030}, before=PROFILE))
    assert (row["change_type"], row["graduation_year"], row["previous_graduation_year"]) == (
        "cohort",
        2030,
        2029,
    )
    assert rows(record({**PROFILE, "name": "Juan P."}, before=PROFILE)) == []


def test_an_item_of_another_kind_has_nothing_to_say_to_the_lake() -> None:
    assert rows(record({"PK": PROFILE["PK"], "SK": "TREND#2026-W06"})) == []


secrets = st.text(st.characters(codec="utf-8"), min_size=4, max_size=30)
items = st.sampled_from([event(), EVALUATION, GRADE, PROFILE])


@given(items, st.dictionaries(st.sampled_from(["name", "note", "email", "birth_date", "home"]), secrets))
def test_whatever_an_item_carries_only_the_contracts_columns_land(
    item: dict[str, Any], extra: dict[str, str]
) -> None:
    (row,) = rows(record({**item, **extra}))
    assert row == rows(record(item))[0]
    text = json.dumps(row)
    assert "student_456" not in text
    assert "Juan" not in text
    assert "juan" not in text


@pytest.mark.parametrize("broken", [{"PK": "TENANT#school_1#CONFIG"}, {"PK": "x"}])
def test_a_record_that_is_no_students_is_an_error_and_never_a_row(broken: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="is not a student's"):
        rows(record({**event(), **broken}))

from __future__ import annotations

import json
import time
from typing import Any

import boto3
import pytest

from adapters import tombstones
from adapters.pseudonym_keys import KeyUnavailableError, create_key, read_key
from lambdas.lake_enricher import handler
from transforms.pseudonyms import Pseudonymizer

pytestmark = pytest.mark.service


class Context:
    function_name = "luca-lake-enricher"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:luca-lake-enricher"
    aws_request_id = "r"


def record(student: str, school: str = "school_1") -> dict[str, Any]:
    image = {
        "event_id": {"S": "0198c5a4-7f3e-7c11-9d7e-2f6d1c0b7a55"},
        "event_type": {"S": "participation"},
        "points": {"N": "2"},
        "points_version": {"N": "1"},
        "occurred_at": {"S": "2026-02-03T14:15:00.000Z"},
        "received_at": {"S": "2026-02-03T14:15:01.000Z"},
        "local_date": {"S": "2026-02-03"},
        "utc_offset_minutes": {"N": "-360"},
        "correlation_id": {"S": "c0ffee00-0000-4000-8000-000000000000"},
        "contract_version": {"N": "1"},
        "teacher_id": {"S": "teacher_9"},
    }
    keys = {
        "PK": {"S": f"TENANT#{school}#STUDENT#{student}"},
        "SK": {"S": "EVENT#2026-02-03T14:15:00.000Z#x"},
    }
    return {"eventID": "1", "eventName": "INSERT", "dynamodb": {"Keys": keys, "NewImage": image}}


def profile(student: str, year: int) -> None:
    item = {
        "PK": f"TENANT#school_1#STUDENT#{student}",
        "SK": "PROFILE",
        "graduation_year": year,
        "name": "Ana",
    }
    boto3.resource("dynamodb").Table("luca-platform").put_item(Item=item)


def enrich(*records: dict[str, Any]) -> list[dict[str, Any]]:
    rows = handler(list(records), Context())
    return [dict(row) for row in rows]


def test_a_row_has_the_cohort_of_the_profile_and_the_pseudonym_of_the_schools_key() -> None:
    key = create_key("school_1")
    profile("ana", 2029)
    known, unknown = enrich(record("ana"), record("stranger"))
    assert (known["graduation_year"], unknown["graduation_year"]) == (2029, 0)
    assert known["student_key"] == Pseudonymizer(key).student("ana")
    assert "ana" not in json.dumps(known)
    assert "teacher_9" not in json.dumps(known)


def test_a_batch_may_hold_more_students_than_one_read_takes() -> None:
    create_key("school_1")
    for number in range(250):
        profile(f"s{number}", 2020 + number % 10)
    rows = enrich(*[record(f"s{number}") for number in range(250)])
    assert [row["graduation_year"] for row in rows] == [2020 + number % 10 for number in range(250)]


def test_a_school_without_a_key_lets_nothing_through() -> None:
    with pytest.raises(KeyUnavailableError, match=r"'school_2' has no pseudonym key .* `luca keys create`"):
        enrich(record("ana", school="school_2"))


def test_a_damaged_key_lets_nothing_through() -> None:
    boto3.client("ssm").put_parameter(
        Name="/luca/pseudonym-keys/school_1/v1", Value="not base64!", Type="SecureString"
    )
    with pytest.raises(KeyUnavailableError, match=r"school_1/v1 is damaged"):
        enrich(record("ana"))


def test_a_key_is_never_overwritten_and_the_newest_version_counts() -> None:
    first = create_key("school_1")
    with pytest.raises(FileExistsError, match="rotated, never overwritten"):
        create_key("school_1")
    second = create_key("school_1", version=2)
    assert read_key("school_1") == second != first


def test_logs_name_no_person(capsys: pytest.CaptureFixture[str]) -> None:
    create_key("school_1")
    enrich(record("student_456"))
    printed = capsys.readouterr().out
    assert "RowsToLake" in printed
    assert "student_456" not in printed


def test_records_of_an_erased_student_that_were_on_their_way_go_no_further() -> None:
    create_key("school_1")
    create_key("school_2")
    tombstones.bury("school_1", "ana")
    rows = enrich(record("ana"), record("ben"), record("ana", school="school_2"))
    assert [row["school_id"] for row in rows] == ["school_1", "school_2"]
    assert tombstones.lift("school_1", "ana")
    assert len(enrich(record("ana"))) == 1


def told(output: str, name: str) -> list[float]:
    """Values of a metric in what a handler printed."""
    lines = [json.loads(line) for line in output.splitlines() if line.startswith('{"_aws"')]
    return [value for line in lines for value in line.get(name, [])]


def test_it_tells_how_old_the_oldest_record_is(capsys: pytest.CaptureFixture[str]) -> None:
    create_key("school_1")
    young, old = record("ana"), record("luz")
    young["dynamodb"]["ApproximateCreationDateTime"] = time.time() - 5
    old["dynamodb"]["ApproximateCreationDateTime"] = time.time() - 4000
    enrich(young, old)
    (age,) = told(capsys.readouterr().out, "RecordAge")
    assert 4000 <= age < 4100


def test_records_that_are_sent_again_tell_no_age(capsys: pytest.CaptureFixture[str]) -> None:
    create_key("school_1")
    enrich(record("ana"))
    printed = capsys.readouterr().out
    assert told(printed, "RowsToLake") == [1]
    assert told(printed, "RecordAge") == []

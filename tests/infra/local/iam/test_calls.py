from __future__ import annotations

from pathlib import Path

import pytest

from infra.local.iam.calls import Call, Calls, kind_of_key, kind_of_resource, read_calls
from infra.local.iam.policies import Request

TABLE = "arn:aws:dynamodb:us-east-1:000000000000:table/luca-platform"


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("TENANT#school_1#STUDENT#ana", "TENANT#*#STUDENT#*"),
        ("TENANT#school_1#PENDING#SYNC", "TENANT#*#PENDING#SYNC"),
        ("PLATFORM#SCHOOLS", "PLATFORM#SCHOOLS"),
        ("LEASE#lake/behavior_events", "LEASE#*"),
        ("ERASURES", "ERASURES"),
    ],
)
def test_a_key_is_told_without_its_school_and_its_student(key: str, kind: str) -> None:
    assert kind_of_key(key) == kind


@pytest.mark.parametrize(
    ("arn", "kind"),
    [
        ("arn:aws:s3:::lake/lake/behavior_events/x.parquet", "arn:aws:s3:::lake/lake/*"),
        ("arn:aws:s3:::lake", "arn:aws:s3:::lake"),
        ("arn:aws:ssm:r:1:parameter/luca/keys/school_1/v1", "arn:aws:ssm:r:1:parameter/luca/keys/*"),
        ("arn:aws:ssm:r:1:parameter/luca/keys", "arn:aws:ssm:r:1:parameter/luca/keys"),
        ("arn:aws:kms:r:1:key/0b1c-2d", "arn:aws:kms:r:1:key/*"),
        (TABLE, TABLE),
    ],
)
def test_a_resource_is_told_without_what_differs_from_run_to_run(arn: str, kind: str) -> None:
    assert kind_of_resource(arn) == kind


def test_a_kind_of_call_is_written_once(tmp_path: Path) -> None:
    calls = Calls(tmp_path / "calls.jsonl")
    for student in ("ana", "luz"):
        context = {"dynamodb:leadingkeys": (f"TENANT#school_1#STUDENT#{student}",)}
        calls.note("arn:aws:iam::000000000000:role/luca-x", Request("dynamodb:GetItem", TABLE, context))
    assert read_calls(tmp_path / "calls.jsonl") == {
        Call("luca-x", "dynamodb:GetItem", TABLE, ("TENANT#*#STUDENT#*",))
    }
    assert len((tmp_path / "calls.jsonl").read_bytes().splitlines()) == 1


def test_where_nothing_is_kept_there_is_nothing_to_read(tmp_path: Path) -> None:
    Calls(None).note("arn:aws:iam::000000000000:role/luca-x", Request("s3:GetObject", "arn:aws:s3:::b/k"))
    assert read_calls(tmp_path / "none") == set()

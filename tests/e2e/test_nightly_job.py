"""The nightly job as its template declares it: schedule, dispatcher, queue, consolidator, roles."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from adapters.academic_table import pending_evaluations, put_academic_config, read_grade
from adapters.aws import client
from adapters.table import put_items, put_school
from infra.local.children import REPOSITORY
from infra.local.cloud import LocalCloud
from tests.recorded_calls import local_cloud
from transforms.academic_items import Evaluation
from transforms.keys import GroupKey, StudentKey
from transforms.periods import AcademicConfig, GradingRules, Period
from transforms.schools import School

pytestmark = pytest.mark.local

TEMPLATES = [REPOSITORY / "infra" / name for name in ("store.yaml", "grades.yaml")]
Q1 = Period("Q1_2026", date(2026, 1, 15), date(2026, 4, 15))
RULES = GradingRules({"exam": Decimal("0.7"), "homework": Decimal("0.2"), "quiz": Decimal("0.1")})
TWO_IN_MEXICO = datetime(2026, 2, 16, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    patch = pytest.MonkeyPatch()
    with local_cloud(tmp_path_factory.mktemp("nights"), templates=TEMPLATES) as running:
        for name in [name for name in os.environ if name.startswith(("AWS_", "LUCA_"))]:
            patch.delenv(name)
        for name, value in running.environment.items():
            patch.setenv(name, value)
        client.cache_clear()
        yield running
    patch.undo()
    client.cache_clear()


@pytest.fixture
def as_role(cloud: LocalCloud) -> Callable[[str], Any]:
    """DynamoDB as a role of the template sees it."""

    def of(logical_id: str) -> Any:
        arn = f"arn:aws:iam::000000000000:role/luca-{logical_id}"
        session = client("sts").assume_role(RoleArn=arn, RoleSessionName="probe")["Credentials"]
        return boto3.client(
            "dynamodb",
            aws_access_key_id=session["AccessKeyId"],
            aws_secret_access_key=session["SecretAccessKey"],
            aws_session_token=session["SessionToken"],
        )

    return of


def recorded(school: str, student: str, name: str, score: int) -> Evaluation:
    return Evaluation(
        StudentKey(school, student),
        "matematicas",
        "Q1_2026",
        name,
        Decimal(score),
        name.partition("_")[0],
        date(2026, 2, 15),
        "teacher_789",
        "2026-02-15T18:00:00.000Z",
        "c0ffee00-0000-4000-8000-000000000000",
    )


def test_a_night_falls_on_the_schools_where_it_is_two_and_their_scores_become_grades(
    cloud: LocalCloud,
) -> None:
    for school, zone in {
        "school_1": "America/Mexico_City",
        "school_12": "America/Mexico_City",
        "school_2": "Europe/Madrid",
    }.items():
        put_school(School(school, zone))
        put_academic_config(AcademicConfig(school, 1, [Q1], {"*": RULES}))
        scores = {"exam_1": 85, "exam_2": 80, "homework_1": 90, "quiz_1": 70, "quiz_2": 100}
        assert not put_items(
            recorded(school, student, name, score).item()
            for student in ("ana", "ben")
            for name, score in scores.items()
        )
    cloud.fire("luca-nights", TWO_IN_MEXICO)
    cloud.settle(60)
    for school in ("school_1", "school_12"):
        assert list(pending_evaluations(school)) == []
        for student in ("ana", "ben"):
            grade = read_grade(GroupKey(StudentKey(school, student), "matematicas", "Q1_2026"))
            assert grade is not None
            assert (grade.consolidated_score, grade.version) == (Decimal("84.3"), 1)
    assert len(list(pending_evaluations("school_2"))) == 10, "it is nine in Madrid"


STUDENT = {"PK": {"S": "TENANT#school_1#STUDENT#ana"}, "SK": {"S": "GRADE#matematicas#Q1_2026"}}
CONFIG = {"PK": {"S": "TENANT#school_1#CONFIG"}, "SK": {"S": "PERIODS"}}
REGISTER = {"PK": {"S": "PLATFORM#SCHOOLS"}, "SK": {"S": "SCHOOL#school_1"}}


def query(pk: str, name: str = "PK", **index: str) -> dict[str, Any]:
    return {
        "KeyConditionExpression": f"{name} = :pk",
        "ExpressionAttributeValues": {":pk": {"S": pk}},
        **index,
    }


PENDING = {"name": "pending_pk", "IndexName": "pending"}
CONSOLIDATOR = {
    "query": [query(STUDENT["PK"]["S"]), query("TENANT#school_12#PENDING#CONSOLIDATION", **PENDING)],
    "get_item": [{"Key": STUDENT}, {"Key": CONFIG}],
}
NOT_THE_CONSOLIDATOR = {
    "scan": [{}],
    "query": [query(CONFIG["PK"]["S"]), query("TENANT#school_1#PENDING#SYNC", **PENDING)],
    "get_item": [{"Key": REGISTER}],
    "put_item": [{"Item": STUDENT}],
    "delete_item": [{"Key": STUDENT}],
    "update_item": [{"Key": CONFIG, "UpdateExpression": "REMOVE periods"}],
}
DISPATCHER = {"query": [query("PLATFORM#SCHOOLS")]}
NOT_THE_DISPATCHER = {
    "scan": [{}],
    "query": [query(STUDENT["PK"]["S"]), query("TENANT#school_1#PENDING#CONSOLIDATION", **PENDING)],
    "get_item": [{"Key": STUDENT}, {"Key": CONFIG}],
    "put_item": [{"Item": REGISTER}],
}


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        ("GradeConsolidatorRole", CONSOLIDATOR, NOT_THE_CONSOLIDATOR),
        ("GradeDispatcherRole", DISPATCHER, NOT_THE_DISPATCHER),
    ],
)
def test_a_role_may_do_its_work_and_nothing_else(
    as_role: Callable[[str], Any],
    role: str,
    may: dict[str, list[dict[str, Any]]],
    may_not: dict[str, list[dict[str, Any]]],
) -> None:
    dynamodb = as_role(role)
    for operation, requests in may.items():
        for request in requests:
            getattr(dynamodb, operation)(TableName="luca-platform", **request)
    for operation, requests in may_not.items():
        for request in requests:
            with pytest.raises(ClientError, match="AccessDenied"):
                getattr(dynamodb, operation)(TableName="luca-platform", **request)


def test_the_dispatcher_reads_zones_and_no_student(as_role: Callable[[str], Any]) -> None:
    dynamodb = as_role("GradeDispatcherRole")
    dynamodb.batch_get_item(RequestItems={"luca-platform": {"Keys": [CONFIG]}})
    with pytest.raises(ClientError, match="AccessDenied"):
        dynamodb.batch_get_item(RequestItems={"luca-platform": {"Keys": [CONFIG, STUDENT]}})

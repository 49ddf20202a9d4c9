"""The whole way in one process: what goes in over HTTP, and every byte that it leaves behind."""

from __future__ import annotations

import io
import json
import urllib.error
import urllib.request
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import boto3
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from adapters import athena, weekly_trends
from adapters.rejected import rejections
from adapters.settings import setting
from adapters.table import put_school
from infra.local.cloud import LocalCloud
from pipelines import counts
from pipelines.cli import app, demo_pages
from pipelines.load.run import load
from pipelines.profiles.publishing import publish
from pipelines.simulation.scenario import Scenario, create_schools
from pipelines.trends import run_trends
from tests.assumed_role import assumed, forget_clients
from tests.recorded_calls import local_cloud
from transforms.calendar import iso_week
from transforms.keys import StudentKey
from transforms.lake_schema import BEHAVIOR_EVENTS, LAKE_TABLES
from transforms.retention.registry import BUCKETS, place_of
from transforms.schools import School
from transforms.students import Student

pytestmark = [pytest.mark.e2e, pytest.mark.local]

NOW = datetime.now(UTC)
WEEK_OVER = NOW + timedelta(days=8)  # when the week of the events, which goes on now, is a whole one
STUDENT, TEACHER = "student_zq_4711", "teacher_zq_0815"  # signs that no digest and no other name contains
GIVEN, FAMILY = "Zqriela", "Zqernández"
CORRELATION = str(uuid.uuid4())


def event(**changes: object) -> dict[str, Any]:
    good = {
        "event_id": str(uuid.uuid4()),
        "type": "participation",
        "student_id": STUDENT,
        "teacher_id": TEACHER,
        "occurred_at": (NOW - timedelta(hours=1)).isoformat(),
    }
    return {**good, **changes}


class Way:
    """A local cloud with two schools, and what was sent through its front door."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud

    def post(self, body: object, school: str | None = "school_1", token: str | None = None) -> int:
        """Sends one request; returns its HTTP status."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {
            "Authorization": f"Bearer {token or self.cloud.token(school)}",
            "X-Correlation-Id": CORRELATION,
        }
        address = f"{self.cloud.environment['LUCA_API_ENDPOINT']}/behavior"
        request = urllib.request.Request(address, data, headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return int(response.status)
        except urllib.error.HTTPError as refusal:
            return refusal.code


SENT_TWICE = event(subject="matematicas")
BAD: dict[str, tuple[object, str]] = {
    "malformed_json": (b'{"type": "participation"', "school_1"),
    "wrong_type": (event(student_id=7), "school_1"),
    "unknown_type": (event(type="singing"), "school_1"),
    "bad_identifier": (event(student_id=f"{STUDENT}#*?"), "school_1"),
    "naive_time": (event(occurred_at="2026-02-03T08:15:00"), "school_1"),
    "too_old": (event(occurred_at="1970-01-01T00:00:00Z"), "school_1"),
    "in_the_future": (event(occurred_at=(NOW + timedelta(days=10)).isoformat()), "school_1"),
    "foreign_school": (event(school_id="school_2"), "school_1"),
    "unknown_school": (event(), "school_nobody_made"),
}
UNKNOWN_STUDENT = event(student_id="stranger_zq_1")


@pytest.fixture(scope="module")
def way(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    """Good, bad and repeated events of two schools, carried to the trends."""
    patch = pytest.MonkeyPatch()
    with local_cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        for name, value in cloud.environment.items():
            patch.setenv(name, value)
        forget_clients()
        schools = [School("school_1", "America/Mexico_City"), School("school_2", "Europe/Madrid")]
        put_school(School("school_3", "UTC"))  # of the test that stores an event by hand
        roster = [
            Student(StudentKey(school.school_id, STUDENT), 2030, "3B", GIVEN, FAMILY) for school in schools
        ]
        create_schools(Scenario(schools, roster, [], 0))
        way = Way(cloud)
        for body in (
            event(),
            event(type="attendance", status="late"),
            SENT_TWICE,
            SENT_TWICE,
            UNKNOWN_STUDENT,
        ):
            assert way.post(body) < 300
        assert way.post(event(), "school_2") < 300
        for body, school in BAD.values():
            assert way.post(body, school) < 300
        # A row that Firehose cannot convert ends under the error prefix, pseudonymised as it is.
        boto3.client("firehose").put_record(
            DeliveryStreamName="luca-behavior-events",
            Record={"Data": json.dumps({"event_id": str(uuid.uuid4()), "points": "many"}).encode()},
        )
        cloud.settle(timeout=120)
        docs = tmp_path_factory.mktemp("docs")
        with assumed("luca-jobs"):
            for table in LAKE_TABLES:
                load(table, now=datetime.now(UTC), docs=docs)
        with assumed("luca-dbt"):
            run_trends(work_dir=tmp_path_factory.mktemp("dbt"))
        with assumed("luca-profiles"):
            publish(now=WEEK_OVER)
        yield way
    patch.undo()
    forget_clients()


def stored_bytes(environment: dict[str, str]) -> Iterator[tuple[str, bytes]]:
    """Every object of every bucket; Parquet as the text of its rows."""
    s3 = boto3.client("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket["Name"]):
            for entry in page.get("Contents", []):
                body = s3.get_object(Bucket=bucket["Name"], Key=entry["Key"])["Body"].read()
                name = f"{bucket['Name']}/{entry['Key']}"
                yield name, name.encode()
                yield name, body
                if body[:4] == b"PAR1":
                    yield name, json.dumps(pq.read_table(io.BytesIO(body)).to_pylist(), default=str).encode()


def lake_rows(where: str) -> list[dict[str, Any]]:
    sql = f"SELECT * FROM behavior_events WHERE {where}"
    return athena.query(sql, work_group="luca-jobs", database="luca_lake").to_dict("records")


def test_no_raw_identifier_is_in_any_byte_of_any_bucket(way: Way) -> None:
    seen = 0
    prefixes: set[str] = set()
    for name, body in stored_bytes(way.cloud.environment):
        seen += 1
        prefixes.add(name.split("/")[1])
        for secret in (STUDENT, TEACHER, "stranger_zq_1", GIVEN, FAMILY):
            assert secret.encode() not in body, name
    assert seen > 20
    assert {"behavior_events", "errors", "lake", "marts"} <= prefixes


def test_no_name_is_in_any_log(way: Way) -> None:
    logs = [path for path in (way.cloud.state_dir / "logs").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in logs) > 0
    for path in logs:
        for name in (GIVEN, FAMILY):
            assert name.encode() not in path.read_bytes(), path


def test_every_object_lies_in_a_place_whose_retention_is_known(way: Way) -> None:
    pages = boto3.client("s3").get_paginator("list_objects_v2")
    used = set()
    for bucket in BUCKETS:
        for page in pages.paginate(Bucket=way.cloud.environment[f"LUCA_{bucket.name}_BUCKET"]):
            keys = [entry["Key"] for entry in page.get("Contents", [])]
            assert not [key for key in keys if place_of(bucket.name, key) is None]
            used |= {bucket.name for _ in keys}
    # Nobody exports the store here: only an audit at scale does.
    assert used == {bucket.name for bucket in BUCKETS} - {"EXPORTS"}


def test_bad_events_are_kept_with_the_reason_that_they_deserve(way: Way) -> None:
    found = Counter(rejection["reason"] for rejection in rejections())
    del found["missing_school"], found["not_from_edge"]  # of the tests below, if they ran before
    assert found == Counter(dict.fromkeys(BAD, 1))


def test_a_message_without_a_school_is_rejected_and_not_lost(way: Way) -> None:
    boto3.client("sqs").send_message(
        QueueUrl=way.cloud.environment["LUCA_BEHAVIOR_QUEUE"], MessageBody=json.dumps(event())
    )
    way.cloud.settle(timeout=60)
    assert "missing_school" in {rejection["reason"] for rejection in rejections()}


@pytest.mark.parametrize("size", [70_000, 300_000, 2_000_000])
def test_a_body_that_no_event_needs_is_refused_at_the_door(way: Way, size: int) -> None:
    assert 400 <= way.post(b"x" * size) < 500


def test_a_token_that_is_not_ours_is_refused_at_the_door(way: Way) -> None:
    token = way.cloud.token("school_1")
    head, body, signature = token.split(".")
    assert way.post(event(), token=f"{head}.{body}.{signature[::-1]}") == 401


def test_the_correlation_id_travels_from_the_header_to_the_lake(way: Way) -> None:
    rows = lake_rows("school_id = 'school_2'")
    assert [row["correlation_id"] for row in rows] == [CORRELATION]


def test_an_event_sent_twice_is_one_row(way: Way) -> None:
    assert len(lake_rows(f"event_id = '{SENT_TWICE['event_id']}'")) == 1


def test_an_unknown_student_is_published_in_the_unknown_cohort(way: Way) -> None:
    (row,) = lake_rows(f"event_id = '{UNKNOWN_STUDENT['event_id']}'")
    assert row["graduation_year"] == 0


def test_what_was_stored_landed_was_published_and_is_counted(way: Way) -> None:
    figures = [counts.stored(), counts.landed()[0], counts.in_lake(), counts.in_trends()]
    assert [(figure["school_1"], figure["school_2"]) for figure in figures] == [(4, 1)] * 4


def test_the_profile_says_of_the_week_what_the_marts_say(way: Way, tmp_path: Path) -> None:
    week = iso_week((NOW - timedelta(hours=1)).astimezone(ZoneInfo("America/Mexico_City")).date())
    (row,) = athena.query(
        "SELECT b.points, b.event_count, b.trend, b.points_moving_avg_4w, b.is_final, t.silent_school_weeks "
        "FROM weekly_student_behavior AS b INNER JOIN weekly_student_trends AS t "
        "ON b.school_id = t.school_id AND b.student_key = t.student_key AND b.iso_week = t.iso_week "
        f"WHERE b.school_id = 'school_1' AND b.graduation_year = 2030 AND b.iso_week = '{week}'",
        work_group="luca-jobs",
        database="luca_marts",
    ).to_dict("records")
    with demo_pages.served(tmp_path / "api.log") as address:
        request = urllib.request.Request(
            f"{address}/profile/{STUDENT}", headers={"Authorization": f"Bearer {way.cloud.token('school_1')}"}
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            (trend,) = json.load(response)["trends"]
    shown = {name: trend[name] for name in ("iso_week", "points", "events", "trend", "is_final")}
    assert shown == {
        "iso_week": week,
        "points": row["points"],
        "events": row["event_count"],
        "trend": row["trend"],
        "is_final": row["is_final"],
    }
    assert row["event_count"] == 3
    assert trend["points_mean_4w"] == pytest.approx(row["points_moving_avg_4w"], abs=1e-4)
    assert trend["silent_school_weeks"] == row["silent_school_weeks"]


def test_a_week_is_written_once_and_what_is_written_reaches_no_pipe(way: Way) -> None:
    with assumed("luca-profiles"):
        again = publish(now=WEEK_OVER)
    assert (again.total("weeks"), again.total("written"), again.total("withdrawn")) == (2, 0, 0)
    way.cloud.settle(timeout=60)
    before = landing()
    (week,) = weekly_trends.stored(StudentKey("school_1", STUDENT), "2000-W01")
    weekly_trends.withdraw(StudentKey("school_1", STUDENT), week, NOW)
    with assumed("luca-profiles"):
        assert publish(now=WEEK_OVER).total("written") == 1
    way.cloud.settle(timeout=60)
    assert landing() == before


def landing() -> set[str]:
    pages = boto3.client("s3").get_paginator("list_objects_v2")
    return {
        entry["Key"]
        for page in pages.paginate(Bucket=setting("LANDING_BUCKET"))
        for entry in page.get("Contents", [])
    }


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("put_item", {"Item": {"PK": {"S": "TENANT#school_1#STUDENT#x"}, "SK": {"S": "TREND#2026-W06"}}}),
    ("delete_item", {}),
    ("get_item", {}),
    ("query", {"ProjectionExpression": "given_name"}),
    ("query", {}),
    ("update_item", {"UpdateExpression": "SET points = :value"}),
    ("update_item", {"UpdateExpression": "REMOVE given_name"}),
    ("update_item", {"UpdateExpression": "SET analysis = :value", "ReturnValues": "ALL_OLD"}),
]


@pytest.mark.parametrize(
    ("operation", "changes"), REFUSED, ids=[f"{each[0]} {each[1]}"[:60] for each in REFUSED]
)
def test_who_writes_the_weeks_can_read_and_change_nothing_else(
    way: Way, operation: str, changes: dict[str, Any]
) -> None:
    asked: dict[str, Any] = {"TableName": "luca-platform", **changes}
    student = {"S": f"TENANT#school_1#STUDENT#{STUDENT}"}
    if operation == "query":
        asked |= {"KeyConditionExpression": "PK = :pk", "ExpressionAttributeValues": {":pk": student}}
    elif operation != "put_item":
        asked["Key"] = {"PK": student, "SK": {"S": "PROFILE"}}
    if ":value" in str(changes):
        asked["ExpressionAttributeValues"] = {":value": {"N": "1"}}
    with assumed("luca-profiles"), pytest.raises(ClientError, match="AccessDenied"):
        getattr(boto3.client("dynamodb"), operation)(**asked)


def edge_value(way: Way) -> str:
    """What the gateway adds here as the edge does in AWS."""
    secret = way.cloud.environment["LUCA_EDGE_SECRET_ARN"]
    told = boto3.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
    return str(json.loads(told)["value"])


def test_what_did_not_come_through_the_edge_is_rejected_and_not_lost(way: Way) -> None:
    boto3.client("sqs").send_message(
        QueueUrl=way.cloud.environment["LUCA_BEHAVIOR_QUEUE"],
        MessageBody=json.dumps(event()),
        MessageGroupId="school_1",
        MessageAttributes={"edge": {"DataType": "String", "StringValue": "guessed r"}},
    )
    way.cloud.settle(timeout=60)
    assert "not_from_edge" in {rejection["reason"] for rejection in rejections()}


def test_the_same_message_again_emits_no_stream_record(way: Way) -> None:
    stream = boto3.client("dynamodb").describe_table(TableName="luca-platform")["Table"]["LatestStreamArn"]
    streams = boto3.client("dynamodbstreams")
    (shard,) = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
    position = {"StreamArn": stream, "ShardId": shard["ShardId"], "ShardIteratorType": "LATEST"}
    latest = streams.get_shard_iterator(**position)["ShardIterator"]
    message = {
        "messageId": str(uuid.uuid4()),
        "body": json.dumps(event()),
        "attributes": {"SentTimestamp": str(int(NOW.timestamp() * 1000)), "MessageGroupId": "school_3"},
        "messageAttributes": {"edge": {"stringValue": edge_value(way), "dataType": "String"}},
    }
    for _ in range(3):
        answer = way.cloud.functions.invoke("luca-behavior-writer", {"Records": [message]})
        assert answer == {"batchItemFailures": []}
    records = streams.get_records(ShardIterator=latest)["Records"]
    assert [record["eventName"] for record in records] == ["INSERT"]


def followed(*arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """Exit code and lines of `luca trace`, under the role that is made for it."""
    with assumed("luca-tracer"):
        done = CliRunner().invoke(app, ["trace", *arguments, "--json"], catch_exceptions=False)
    return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()]


def test_an_event_is_followed_from_the_store_to_its_row(way: Way) -> None:
    code, lines = followed(str(SENT_TWICE["event_id"]), "--school", "school_1", "--student", STUDENT)
    assert code == 0
    *places, found = lines
    assert [each["station"] for each in places] == ["store", "landing", "load", "lake"]
    assert [each["at"] for each in places] == sorted(each["at"] for each in places)
    assert found["state"] == "arrived"
    assert "school_id=school_1" in places[-1]["what"]
    code, by_request = followed(CORRELATION, "--school", "school_2")
    assert code == 0
    assert {each["station"] for each in by_request[:-1]} >= {"landing", "load", "lake"}


def test_a_rejected_event_is_found_with_what_is_to_be_done(way: Way) -> None:
    body, _ = BAD["naive_time"]
    assert isinstance(body, dict)
    code, (place, found) = followed(body["event_id"])
    assert code == 3
    assert (place["station"], place["waits"]) == ("rejected queue", True)
    assert place["says"].startswith("naive_time at $.occurred_at")
    assert "rejected-events.md" in found["advice"]


def test_what_never_came_is_said_to_be_unseen(way: Way) -> None:
    code, (found,) = followed(str(uuid.uuid4()))
    assert (code, found["state"]) == (4, "unseen")


def test_the_landed_files_have_the_columns_of_the_contract(way: Way) -> None:
    s3, bucket = boto3.client("s3"), way.cloud.environment["LUCA_LANDING_BUCKET"]
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="behavior_events/")["Contents"]
    for entry in listed:
        assert Path(entry["Key"]).parent.name.startswith("hour=")
        body = s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
        landed = pq.read_table(io.BytesIO(body))
        assert landed.schema.names == BEHAVIOR_EVENTS.landing_schema.names
        assert landed.cast(BEHAVIOR_EVENTS.landing_schema, safe=True).num_rows == landed.num_rows > 0

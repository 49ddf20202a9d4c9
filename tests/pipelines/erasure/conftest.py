"""A platform on which two students of one school, and one of their names in another, are everywhere."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adapters import pseudonym_keys, table, tombstones
from adapters.pseudonym_keys import create_key
from pipelines.erasure import run
from pipelines.erasure.run import Erased
from pipelines.erasure.subject import student
from tests.pipelines.conftest import BUCKETS
from tests.pipelines.platform import EXPORTS, Platform, platform
from transforms.keys import StudentKey
from transforms.pseudonyms import Pseudonymizer
from transforms.schools import School
from transforms.students import Student

__all__ = ["platform"]

NOW = datetime(2026, 2, 4, 9, tzinfo=UTC)
NOON = datetime(2026, 2, 3, 12, tzinfo=UTC)
ANA, BEN = "ana_zq_4711", "ben_zq_0815"
_WEEK = "marts/luca_marts/weekly_student_behavior/graduation_year=2029/iso_week=2026-W06/"
MART = f"{_WEEK}school_id=school_1/x.parquet"
OTHER_MART = MART.replace("school_1", "school_2")
_IN_MART = ("student_key", "week_start", "points")


def readable(body: bytes) -> bytes:
    """What a body says to one who knows its format."""
    if body[:4] == b"PAR1":
        return json.dumps(pq.read_table(io.BytesIO(body)).to_pylist(), default=str).encode()
    if body[:2] == b"\x1f\x8b":
        return gzip.decompress(body)
    if b'"rawData"' in body:
        return b"\n".join(base64.b64decode(json.loads(line)["rawData"]) for line in body.splitlines())
    return b""


def mart(rows: list[dict[str, Any]], **options: Any) -> bytes:
    """A mart's file."""
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink, **{"compression": "snappy", **options})
    return sink.getvalue()


@dataclass
class World:
    """What is kept, and hands to erase and to look."""

    platform: Platform
    dead_letters: str
    pseudonyms: dict[tuple[str, str, int], str] = field(default_factory=dict)

    @property
    def lake(self) -> Any:
        """The lake below."""
        return self.platform.lake

    def key(self, who: str, school: str = "school_1", version: int = 1) -> str:
        """A student's pseudonym."""
        return self.pseudonyms[school, who, version]

    def secrets(self) -> list[str]:
        """Everything that names Ana of school_1."""
        return [ANA, self.key(ANA), self.key(ANA, version=2)]

    def erase(self, school: str = "school_1", who: str = ANA, **options: Any) -> Erased:
        """Erases a student without waiting."""
        named = {"now": NOW, "reason": "request", "settle": 0.0, **options}
        return run.erase(student(school, who), **named)

    def land(self, who: str, school: str = "school_1", version: int = 1, **changes: Any) -> None:
        """Lands one event of a student."""
        key = self.key(who, school, version)
        named = {"school_id": school, "student_key": key, "pseudonym_version": version, **changes}
        self.lake.land([self.lake.event(**named)])

    def everything(self) -> Iterator[tuple[str, bytes]]:
        """Every version of every object as it is and as it reads, and every key."""
        s3 = boto3.client("s3")
        for bucket in (*BUCKETS.values(), EXPORTS):
            for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
                for found in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                    name = f"{bucket}/{found['Key']}"
                    yield name, name.encode()
                for found in page.get("Versions", []):
                    wanted = {"Key": found["Key"], "VersionId": found["VersionId"]}
                    body = s3.get_object(Bucket=bucket, **wanted)["Body"].read()
                    yield found["Key"], body
                    yield found["Key"], readable(body)

    def holding(self, *secrets: str) -> set[str]:
        """The keys of objects that name somebody, in any version."""
        return {key for key, body in self.everything() for secret in secrets if secret.encode() in body}

    def items(self) -> set[tuple[str, str]]:
        """All items of the store."""
        found = boto3.client("dynamodb").scan(TableName="luca-platform")["Items"]
        return {(item["PK"]["S"], item["SK"]["S"]) for item in found}

    def queued(self, queue: str) -> list[str]:
        """The bodies of a queue's messages, which are shown again at once."""
        bodies = []
        sqs = boto3.client("sqs")
        while found := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            bodies += [message["Body"] for message in found]
        return bodies

    def lake_students(self, table_name: str = "behavior_events") -> list[str]:
        """The students of the lake's rows, as a reader sees them."""
        return sorted(row["student_key"] for row in self.lake.published(table_name))


@pytest.fixture
def world(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> World:
    """Ana and Ben of school_1, and another Ana of school_2."""
    for name, value in {
        "LUCA_PSEUDONYM_KEYS": "/luca/pseudonym-keys",
        "LUCA_PSEUDONYM_KEY_ALIAS": "alias/aws/ssm",
        "LUCA_TOMBSTONE_KEYS": "/luca/tombstone-keys",
        "LUCA_TOMBSTONE_KEY_ALIAS": "alias/aws/ssm",
    }.items():
        monkeypatch.setenv(name, value)
    for cache in (
        pseudonym_keys._pseudonymizers,
        tombstones._tombstones,
        tombstones._keys,
        table._schools,
    ):
        cache.clear()
    s3, sqs = boto3.client("s3"), boto3.client("sqs")
    for bucket in (*BUCKETS.values(), EXPORTS):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    dead = sqs.create_queue(QueueName="luca-behavior-dead-letters")["QueueUrl"]
    monkeypatch.setenv("LUCA_BEHAVIOR_DEAD_LETTERS", dead)
    found = World(platform, dead)
    for school in ("school_1", "school_2"):
        table.put_school(School(school, "UTC"))
        for version in (1, 2):
            made = Pseudonymizer(create_key(school, version))
            for who in (ANA, BEN):
                found.pseudonyms[school, who, version] = made.student(who)
    fill(found)
    return found


def fill(world: World) -> None:
    """Puts the students everywhere."""
    people = [("school_1", ANA), ("school_1", BEN), ("school_2", ANA)]
    for school, who in people:
        table.put_students([Student(StudentKey(school, who), 2029)])
        pk = f"TENANT#{school}#STUDENT#{who}"
        others = [{"PK": pk, "SK": sk} for sk in ("EVAL#m#p#e", "GRADE#m#p", "TREND#2026-W06")]
        world.platform.store(*others, world.platform.event(NOON, school, who))
        world.land(who, school)
        change = {"school_id": school, "student_key": world.key(who, school)}
        world.lake.land([world.lake.change(**change)], table="academic_changes")
    world.land(ANA, version=2)
    world.lake.load()
    world.lake.load("academic_changes")
    world.lake.land(
        [world.lake.event(school_id="school_1", student_key=world.key(who), points=500) for who in (ANA, BEN)]
    )
    world.lake.load(now=datetime(2026, 2, 3, 16, tzinfo=UTC))  # into quarantine
    put_objects(world)
    sqs = boto3.client("sqs")
    for school, who in people:
        body = json.dumps({"student_id": who, "type": "singing"})
        rejection = {"message_id": "m", "school_id": school, "reason": "unknown_type", "body": body}
        sqs.send_message(QueueUrl=world.platform.queue, MessageBody=json.dumps(rejection))
        sqs.send_message(QueueUrl=world.dead_letters, MessageBody=body, MessageGroupId=school)


def put_objects(world: World) -> None:
    """A mart, an error of Firehose, an analyst's answer, and two exports."""
    s3 = boto3.client("s3")
    rows = [
        {
            "school_id": school,
            "student_key": world.key(who, school),
            "points": 3,
            "week_start": date(2026, 2, 2),
        }
        for school, who in (("school_1", ANA), ("school_1", BEN), ("school_2", ANA))
    ]
    for key, school in ((MART, "school_1"), (OTHER_MART, "school_2")):
        # A student mart says the school in its path alone.
        body = mart([{name: row[name] for name in _IN_MART} for row in rows if row["school_id"] == school])
        for _ in range(2):  # so that there is an old version, too
            s3.put_object(Bucket=BUCKETS["LAKE"], Key=key, Body=body)
    lines = [
        json.dumps({"rawData": base64.b64encode(json.dumps(row, default=str).encode()).decode()})
        for row in rows
    ]
    key = "errors/behavior_events/format-conversion-failed/hour=2026-02-03-12/x"
    s3.put_object(Bucket=BUCKETS["LANDING"], Key=key, Body="\n".join(lines).encode())
    for name, who in (("ana", ANA), ("ben", BEN)):
        answer = io.StringIO()
        csv.writer(answer, quoting=csv.QUOTE_ALL).writerow([world.key(who)])
        s3.put_object(Bucket=BUCKETS["RESULTS"], Key=f"analysts/{name}.csv", Body=answer.getvalue().encode())
    world.platform.export([world.platform.event(NOON, "school_1", ANA)], "with-ana")
    later = world.platform.event(NOON + timedelta(hours=1), "school_1", BEN)
    world.platform.export([later], "without-ana", incremental=True)

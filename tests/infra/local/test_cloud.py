from __future__ import annotations

import base64
import io
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.local.children import REPOSITORY
from infra.local.cloud import LocalCloud, variable
from infra.local.functions import FunctionError
from infra.local.templates import TemplateError

pytestmark = pytest.mark.local
TEMPLATE = Path(__file__).parent / "templates" / "way.yaml"


def client(cloud: LocalCloud, service: str) -> Any:
    environment = cloud.environment
    return boto3.client(
        service,
        endpoint_url=environment.get(f"AWS_ENDPOINT_URL_{service.upper()}", environment["AWS_ENDPOINT_URL"]),
        region_name=environment["AWS_DEFAULT_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )


def asked(
    url: str, body: bytes | None = None, headers: Mapping[str, str] = {}, method: str | None = None
) -> tuple[int, bytes]:
    request = urllib.request.Request(url, body, dict(headers), method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read()


def send(cloud: LocalCloud, school: str, **body: Any) -> int:
    headers = {"Authorization": f"Bearer {cloud.token(school)}", "X-Correlation-Id": "c1"}
    return asked(f"{cloud.environment['LUCA_API_ENDPOINT']}/events", json.dumps(body).encode(), headers)[0]


def landed(cloud: LocalCloud, school: str) -> list[dict[str, Any]]:
    s3 = client(cloud, "s3")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="way-landing", Prefix="events/")
    keys = [found["Key"] for page in pages for found in page.get("Contents", [])]
    tables = [
        pq.read_table(io.BytesIO(s3.get_object(Bucket="way-landing", Key=key)["Body"].read())) for key in keys
    ]
    rows: list[dict[str, Any]] = pa.concat_tables(tables).to_pylist() if tables else []
    return [row for row in rows if row["school_id"] == school]


def messages(cloud: LocalCloud, queue: str) -> list[dict[str, Any]]:
    """Takes all messages of a queue that can be seen now."""
    sqs, found = client(cloud, "sqs"), []
    while more := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
        found += more
        for message in more:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return found


@pytest.fixture
def school() -> str:
    """A school of this test alone, on the shared cloud."""
    return f"school_{uuid.uuid4().hex[:8]}"


def test_an_event_goes_the_whole_way_from_http_to_parquet(way: LocalCloud, school: str) -> None:
    sent = [f"{school}-{number}" for number in range(120)]
    assert {send(way, school, id=each, student=number % 7) for number, each in enumerate(sent)} == {200}
    way.settle(60)
    rows = landed(way, school)
    assert sorted(row["event_id"] for row in rows) == sorted(sent)
    assert str(rows[0]["occurred_at"]) == "2026-11-24 08:15:00.250000"
    items = client(way, "dynamodb").query(
        TableName="way-events",
        KeyConditionExpression="PK = :pk",
        ExpressionAttributeValues={":pk": {"S": f"TENANT#{school}#STUDENT#3"}},
    )["Items"]
    assert len(items) == 17
    assert items[0]["correlation_id"]["S"].startswith("c1 ")


def test_what_the_filter_stops_does_not_land(way: LocalCloud, school: str) -> None:
    assert send(way, school, id=f"{school}-1", sk="PROFILE") == 200
    assert send(way, school, id=f"{school}-2") == 200
    way.settle(60)
    assert [row["event_id"] for row in landed(way, school)] == [f"{school}-2"]


def test_one_poisoned_record_of_a_hundred_becomes_one_dead_letter(way: LocalCloud, school: str) -> None:
    way.stop_source("way-writer")
    for number in range(100):
        send(way, school, id=f"{school}-{number}", poison=number == 37)
    way.start_source("way-writer")
    way.settle(60)
    assert len(landed(way, school)) == 99
    (letter,) = messages(way, way.environment["LUCA_PIPE_DEAD_LETTERS"])
    position = json.loads(letter["Body"])["DDBStreamBatchInfo"]
    assert position["startSequenceNumber"] == position["endSequenceNumber"]
    assert school not in letter["Body"]
    shown = client(way, "dynamodbstreams").get_shard_iterator(
        StreamArn=position["streamArn"],
        ShardId=position["shardId"],
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        SequenceNumber=position["startSequenceNumber"],
    )
    (record,) = client(way, "dynamodbstreams").get_records(ShardIterator=shown["ShardIterator"], Limit=1)[
        "Records"
    ]
    assert record["dynamodb"]["NewImage"]["event_id"]["S"] == f"{school}-37"


def test_a_message_that_always_fails_goes_to_the_dead_letters_alone(way: LocalCloud, school: str) -> None:
    for number in range(10):
        send(way, school, id=f"{school}-{number}", fail=number == 3)
    way.settle(60)
    assert len(landed(way, school)) == 9
    deadline, found = time.monotonic() + 30, []
    while not found and time.monotonic() < deadline:
        found = [m for m in messages(way, way.environment["LUCA_DEAD_LETTERS"]) if school in m["Body"]]
    assert [json.loads(message["Body"])["id"] for message in found] == [f"{school}-3"]


def test_a_stopped_pipe_loses_nothing(way: LocalCloud, school: str) -> None:
    way.stop_pipe("way-events")
    send(way, school, id=f"{school}-1")
    way.settle(60)
    assert landed(way, school) == []
    way.start_pipe("way-events")
    way.settle(60)
    assert [row["event_id"] for row in landed(way, school)] == [f"{school}-1"]


@pytest.mark.parametrize(
    ("method", "path", "token", "body", "status"),
    [
        ("POST", "/events", "good", b'{"id":"x","sk":"PROFILE"}', 200),
        ("POST", "/events", None, b"{}", 401),
        ("POST", "/events", "bad", b"{}", 401),
        ("POST", "/events", "expired", b"{}", 401),
        ("POST", "/other", "good", b"{}", 404),
        ("GET", "/events", "good", None, 404),
        ("POST", "/events", "good", b"", 400),
        ("POST", "/events", "good", b"\xff", 400),
        ("POST", "/events", "good", b"\x00", 400),
        ("POST", "/events", "good", b"x" * 65_537, 400),
        ("POST", "/events", "good", b"x" * (10 * 1024 * 1024 + 1), 413),
    ],
)
def test_the_gateway_answers_as_api_gateway_does(
    way: LocalCloud, school: str, method: str, path: str, token: str | None, body: bytes | None, status: int
) -> None:
    tokens = {
        "good": way.token(school),
        "bad": "x.y.z",
        "expired": way.token(school, exp=int(time.time()) - 9),
    }
    headers = {} if token is None else {"Authorization": f"Bearer {tokens[token]}"}
    assert asked(f"{way.environment['LUCA_API_ENDPOINT']}{path}", body, headers, method)[0] == status
    way.settle(60)


def test_functions_are_invoked_directly_and_through_boto3(way: LocalCloud) -> None:
    assert way.functions.invoke("way-enricher", []) == []
    record = {"dynamodb": {"NewImage": {"poison": {"BOOL": True}, "event_id": {"S": "e"}}}}
    with pytest.raises(FunctionError, match="way-enricher: ArithmeticError: poisoned e"):
        way.functions.invoke("way-enricher", [record])
    answer = client(way, "lambda").invoke(FunctionName="way-enricher", Payload=json.dumps([record]))
    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"].read())["errorType"] == "ArithmeticError"
    with pytest.raises(client(way, "lambda").exceptions.ClientError, match="ResourceNotFoundException"):
        client(way, "lambda").invoke(FunctionName="nobody")


def test_firehose_answers_boto3(way: LocalCloud, school: str) -> None:
    firehose = client(way, "firehose")
    row = json.dumps({"event_id": "direct", "school_id": school}).encode()
    firehose.put_record(DeliveryStreamName="way-events", Record={"Data": row})
    answer = firehose.put_record_batch(DeliveryStreamName="way-events", Records=[{"Data": row + b"\n"}] * 2)
    assert answer["FailedPutCount"] == 0
    described = firehose.describe_delivery_stream(DeliveryStreamName="way-events")
    assert described["DeliveryStreamDescription"]["DeliveryStreamStatus"] == "ACTIVE"
    with pytest.raises(firehose.exceptions.ResourceNotFoundException):
        firehose.put_record(DeliveryStreamName="nobody", Record={"Data": row})
    way.settle(60)
    assert [found["event_id"] for found in landed(way, school)] == ["direct"] * 3


def test_another_shell_reaches_the_cloud_over_http(way: LocalCloud) -> None:
    here = way.environment["LUCA_LOCAL_CLOUD"]
    status, answer = asked(f"{here}/_local/token?school_id=school_1")
    headers = {"Authorization": answer.decode()}
    assert status == 200
    assert asked(f"{way.environment['LUCA_API_ENDPOINT']}/events", b'{"id":"x","sk":"P"}', headers)[0] == 200
    assert asked(f"{here}/_local/settle?timeout=60", method="POST")[0] == 200
    assert json.loads(asked(f"{here}/_local/environment")[1]) == way.environment
    assert json.loads((way.state_dir / "environment.json").read_text())["environment"] == way.environment
    assert asked(f"{here}/_local/nothing")[0] == 404


def test_what_does_not_settle_is_named(way: LocalCloud, school: str) -> None:
    send(way, school, id="x", fail=True)
    with pytest.raises(TimeoutError, match=r"within 0 s: way-events: \d+ messages wait, \d+ are in flight"):
        way.settle(0.3)
    way.settle(60)


def test_the_banner_says_where_everything_is(way: LocalCloud) -> None:
    banner = way.banner()
    assert way.environment["LUCA_API_ENDPOINT"] in banner
    assert "2 workers at once (declared: 50)" in banner
    assert 'eval "$(luca local env)"' in banner


def test_a_second_cloud_in_one_state_directory_is_refused(way: LocalCloud) -> None:
    with pytest.raises(RuntimeError, match="another local cloud runs"):
        LocalCloud.start(way.state_dir, templates=[TEMPLATE])
    assert way.functions.invoke("way-enricher", []) == []


def test_an_output_becomes_a_variable() -> None:
    assert variable("LakeBucket") == "LUCA_LAKE_BUCKET"
    assert variable("ApiEndpoint") == "LUCA_API_ENDPOINT"


def processes_of(state_dir: Path) -> list[int]:
    """Processes of a cloud other than this one: each holds a file of its state directory open."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
            if b"infra.local" in command and any(
                str(state_dir) in str(link.readlink()) for link in (entry / "fd").iterdir()
            ):
                found.append(int(entry.name))
        except OSError:  # it has just ended
            continue
    return found


SCRIPT = """
import os, pathlib, signal, sys
from infra.local.cloud import LocalCloud
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job inherits it ignored
cloud = LocalCloud.start(pathlib.Path(sys.argv[1]), templates=[pathlib.Path(sys.argv[2])])
cloud.functions.invoke("way-enricher", [])
print("up", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other_cloud(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path), str(TEMPLATE)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        yield process
        process.kill()


@pytest.mark.fault
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_no_process_is_left_when_the_cloud_is_killed(
    other_cloud: subprocess.Popen[str], tmp_path: Path, how: signal.Signals
) -> None:
    assert len(processes_of(tmp_path)) == 5  # itself, store, analytics, gateway, one function
    other_cloud.send_signal(how)
    other_cloud.wait(60)
    deadline = time.monotonic() + 10
    while (left := processes_of(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == []


@pytest.mark.fault
def test_what_firehose_held_when_the_cloud_was_killed_lands_after_the_next_start(
    other_cloud: subprocess.Popen[str], tmp_path: Path
) -> None:
    endpoint = json.loads((tmp_path / "environment.json").read_text())["environment"]["LUCA_LOCAL_CLOUD"]
    rows = [{"event_id": f"e{number}", "school_id": "school_1"} for number in range(300)]
    records = [{"Data": base64.b64encode(json.dumps(row).encode()).decode()} for row in rows]
    body = json.dumps({"DeliveryStreamName": "way-events", "Records": records}).encode()
    target = {"X-Amz-Target": "Firehose_20150804.PutRecordBatch"}
    assert asked(endpoint, body, target)[0] == 200
    other_cloud.kill()
    other_cloud.wait(60)
    with LocalCloud.start(tmp_path, templates=[TEMPLATE]) as cloud:
        cloud.settle(60)
        assert [row["event_id"] for row in landed(cloud, "school_1")] == [row["event_id"] for row in rows]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_process_is_left_after_the_end_nor_after_a_failed_start(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("Resources: {Topic: {Type: AWS::Route53::HostedZone}}")
    with pytest.raises(TemplateError, match=r"AWS::Route53::HostedZone"):
        LocalCloud.start(tmp_path, templates=[broken])
    assert processes_of(tmp_path) == []
    with LocalCloud.start(tmp_path, templates=[TEMPLATE]) as cloud:
        cloud.functions.invoke("way-enricher", [])
        assert len(processes_of(tmp_path)) == 4
    assert processes_of(tmp_path) == []
    assert not (tmp_path / "environment.json").exists()


def test_the_real_templates_start(tmp_path: Path) -> None:
    with LocalCloud.start(tmp_path) as cloud:
        assert cloud.environment["LUCA_TABLE"] == "luca-platform"
        assert cloud.environment["LUCA_LAKE_BUCKET"] == "luca-lake-000000000000"
        assert {"luca-behavior-writer", "luca-lake-enricher"} <= set(cloud.functions.names())
        groups = client(cloud, "athena").list_work_groups()["WorkGroups"]
        assert {group["Name"] for group in groups} >= {"luca-analysts", "luca-dbt", "luca-jobs"}

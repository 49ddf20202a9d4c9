from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from adapters.aws import client
from adapters.lake import ObjectVanishedError
from adapters.store_exports import ExportedStore, ExportFailedError, ExportUnreadableError, awaited, windows

pytestmark = pytest.mark.service

BUCKET = "exports"
START = datetime(2026, 2, 3, tzinfo=UTC)
END = START + timedelta(days=1)
FOLDER = "store/AWSDynamoDB/01770129300000-a1b2c3d4"


@pytest.fixture(autouse=True)
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client.cache_clear()
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        yield boto3.client("s3")
    client.cache_clear()


def put(s3: Any, *lines: dict[str, Any], **manifest: Any) -> ExportedStore:
    """An export of one file, with what its manifests say of it changed."""
    body = gzip.compress("".join(f"{json.dumps(line)}\n" for line in lines).encode())
    listed = {
        "itemCount": len(lines),
        "md5Checksum": base64.b64encode(hashlib.md5(body).digest()).decode(),
        "dataFileS3Key": f"{FOLDER}/data/x.json.gz",
        **manifest,
    }
    s3.put_object(Bucket=BUCKET, Key=f"{FOLDER}/data/x.json.gz", Body=body)
    s3.put_object(Bucket=BUCKET, Key=f"{FOLDER}/manifest-files.json", Body=json.dumps(listed).encode())
    summary = {"outputFormat": "DYNAMODB_JSON", "manifestFilesS3Key": f"{FOLDER}/manifest-files.json"}
    key = f"{FOLDER}/manifest-summary.json"
    s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(summary).encode())
    return ExportedStore(BUCKET, [key])


def item(sk: str = "EVENT#x", received_at: str = "2026-02-03T12:00:00.000Z") -> dict[str, Any]:
    return {"PK": {"S": "TENANT#s#STUDENT#x"}, "SK": {"S": sk}, "received_at": {"S": received_at}}


def test_only_events_of_the_span_are_read(s3: Any) -> None:
    inside = [item(received_at="2026-02-03T00:00:00.000Z"), item(received_at="2026-02-03T23:59:59.999Z")]
    outside = [item(received_at="2026-02-02T23:59:59.999Z"), item(received_at="2026-02-04T00:00:00.000Z")]
    store = put(s3, *({"Item": each} for each in (*inside, *outside, item("PROFILE"))))
    assert list(store.items(START, END)) == inside


def test_an_incremental_export_tells_of_deletions_without_a_new_image(s3: Any) -> None:
    keys = {"PK": {"S": "TENANT#s#STUDENT#x"}, "SK": {"S": "EVENT#x"}}
    store = put(s3, {"Metadata": {}, "Keys": keys, "NewImage": item()}, {"Metadata": {}, "Keys": keys})
    assert list(store.items(START, END)) == [item()]


@pytest.mark.parametrize(
    ("manifest", "told"),
    [({"md5Checksum": "AAAA"}, "another MD5"), ({"itemCount": 2}, "1 items, its manifest says 2")],
)
def test_a_file_that_is_not_as_its_manifest_says_is_refused(s3: Any, manifest: Any, told: str) -> None:
    store = put(s3, {"Item": item()}, **manifest)
    with pytest.raises(ExportUnreadableError, match=told):
        list(store.items(START, END))


def test_a_summary_of_another_format_is_refused(s3: Any) -> None:
    store = put(s3, {"Item": item()})
    s3.put_object(Bucket=BUCKET, Key=store.summaries[0], Body=b'{"outputFormat": "ION"}')
    with pytest.raises(ExportUnreadableError, match="no summary of an export"):
        list(store.items(START, END))


def test_a_lost_file_is_not_an_empty_one(s3: Any) -> None:
    store = put(s3, {"Item": item()})
    s3.delete_object(Bucket=BUCKET, Key=f"{FOLDER}/data/x.json.gz")
    with pytest.raises(ObjectVanishedError):
        list(store.items(START, END))


def test_the_windows_of_two_days_are_two_of_24_hours() -> None:
    middle = START + timedelta(days=1)
    last = START + timedelta(days=2)
    assert windows(START, last, last) == [(START, middle), (middle, last)]


@pytest.mark.parametrize("minutes", [0, 14, 15, 24 * 60, 24 * 60 + 1, 24 * 60 + 14, 24 * 60 + 15, 47 * 60])
def test_windows_cover_the_span_without_a_gap_and_are_such_as_dynamodb_takes(minutes: int) -> None:
    now = START + timedelta(minutes=minutes)
    found = windows(START, START + timedelta(days=2), now)
    assert all(timedelta(minutes=15) <= stop - start <= timedelta(hours=24) for start, stop in found)
    assert [stop for _, stop in found][:-1] == [start for start, _ in found][1:]
    if minutes >= 15:
        assert (found[0][0], found[-1][1]) == (START, now)
    else:
        assert found == []


def test_a_failed_export_is_told_in_dynamodbs_words(monkeypatch: pytest.MonkeyPatch) -> None:
    states = [
        {"ExportStatus": "IN_PROGRESS"},
        {"ExportStatus": "FAILED", "FailureCode": "S3NoSuchBucket", "FailureMessage": "no bucket"},
    ]
    monkeypatch.setattr(
        client("dynamodb"), "describe_export", lambda **_: {"ExportDescription": states.pop(0)}
    )
    waits: list[float] = []
    with pytest.raises(ExportFailedError, match="S3NoSuchBucket: no bucket"):
        awaited("arn:export", waits.append)
    assert len(waits) == 1

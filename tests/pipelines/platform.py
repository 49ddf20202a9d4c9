"""The lake of `tests/pipelines/conftest.py`, with the store, the rejected queue and the edge's log."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from adapters import table
from adapters.typed_json import to_typed
from transforms.calendar import utc_text
from transforms.event_items import event_item
from transforms.events import decode
from transforms.schools import School

EXPORTS = "luca-exports-000000000000"
LOG_GROUP = "/luca/access"


@dataclass
class Platform:
    """A store beside a lake."""

    lake: Any
    queue: str

    def event(self, received_at: datetime, school: str = "school_1", student: str = "ana") -> dict[str, Any]:
        """The item of a new event that the queue took at a moment."""
        body = {
            "event_id": str(uuid.uuid4()),
            "type": "participation",
            "student_id": student,
            "occurred_at": utc_text(received_at - timedelta(minutes=5)),
        }
        return event_item(
            decode(json.dumps(body)), School(school, "America/Mexico_City"), received_at, str(uuid.uuid4())
        )

    def store(self, *items: dict[str, Any]) -> None:
        """Puts items into the store."""
        assert table.put_items(items) == set()

    def land(self, *items: dict[str, Any], hour: str, **changes: Any) -> str:
        """Puts the rows of items into the landing, as one file of an hour."""
        return str(self.lake.land([self.row(item, **changes) for item in items], hour=hour))

    def row(self, item: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """The lake's row of an item."""
        naive = {
            name: datetime.fromisoformat(item[name]).astimezone(UTC).replace(tzinfo=None)
            for name in ("occurred_at", "received_at")
        }
        return dict(
            self.lake.event(
                event_id=item["event_id"],
                school_id=item["PK"].split("#")[1],
                local_date=datetime.fromisoformat(item["local_date"]).date(),
                **{**naive, **changes},
            )
        )

    def edge_took(self, school: str, count: int, at: datetime, status: str = "200") -> None:
        """Writes lines of the access log."""
        line = {"route": "POST /behavior", "status": status, "school_id": school}
        boto3.client("logs").put_log_events(
            logGroupName=LOG_GROUP,
            logStreamName="gateway",
            logEvents=[{"timestamp": int(at.timestamp() * 1000), "message": json.dumps(line)}] * count,
        )

    def export(self, items: Iterable[dict[str, Any]], name: str, *, incremental: bool = False) -> str:
        """Writes an export as DynamoDB does; returns the key of its summary."""
        s3 = boto3.client("s3")
        folder = f"store/AWSDynamoDB/{name}"
        listed = []
        lines = [self._line(item, incremental) for item in items]
        for number, part in enumerate((lines[::2], lines[1::2], [])):  # one file is empty, as one may be
            body = gzip.compress("".join(f"{line}\n" for line in part).encode())
            key = f"{folder}/data/{number}.json.gz"
            etag = s3.put_object(Bucket=EXPORTS, Key=key, Body=body)["ETag"].strip('"')
            md5 = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
            listed.append({"itemCount": len(part), "md5Checksum": md5, "etag": etag, "dataFileS3Key": key})
        manifest = "".join(f"{json.dumps(each)}\n" for each in listed)
        s3.put_object(Bucket=EXPORTS, Key=f"{folder}/manifest-files.json", Body=manifest.encode())
        summary = {
            "version": "2023-08-01" if incremental else "2020-06-30",
            "s3Bucket": EXPORTS,
            "s3Prefix": "store",
            "manifestFilesS3Key": f"{folder}/manifest-files.json",
            "itemCount": len(lines),
            "outputFormat": "DYNAMODB_JSON",
            **({"outputView": "NEW_IMAGE", "exportType": "INCREMENTAL_EXPORT"} if incremental else {}),
        }
        key = f"{folder}/manifest-summary.json"
        s3.put_object(Bucket=EXPORTS, Key=key, Body=json.dumps(summary).encode())
        return key

    def _line(self, item: dict[str, Any], incremental: bool) -> str:
        typed = to_typed(item)
        if not incremental:
            return json.dumps({"Item": typed})
        written = {"WriteTimestampMicros": {"N": "1770129300000000"}}
        keys = {name: typed[name] for name in ("PK", "SK")}
        return json.dumps({"Metadata": written, "Keys": keys, "NewImage": typed})


def create_store() -> None:
    """Makes the single table, empty."""
    boto3.client("dynamodb").create_table(
        TableName="luca-platform",
        KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("PK", "SK")],
        BillingMode="PAY_PER_REQUEST",
    )


@pytest.fixture
def platform(lake: Any, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """An empty platform: asked for through a conftest that imports it."""
    create_store()
    boto3.client("s3").create_bucket(Bucket=EXPORTS)
    logs = boto3.client("logs")
    logs.create_log_group(logGroupName=LOG_GROUP)
    logs.create_log_stream(logGroupName=LOG_GROUP, logStreamName="gateway")
    queue = boto3.client("sqs").create_queue(QueueName="luca-behavior-rejected")["QueueUrl"]
    for name, value in {
        "LUCA_TABLE": "luca-platform",
        "LUCA_REJECTED_QUEUE": queue,
        "LUCA_ACCESS_LOG": LOG_GROUP,
        "LUCA_EXPORTS_BUCKET": EXPORTS,
    }.items():
        monkeypatch.setenv(name, value)
    return Platform(lake, queue)

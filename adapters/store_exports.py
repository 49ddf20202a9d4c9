"""DynamoDB's exports of the store to S3: asked for, awaited, and read as events.

An export is a summary, a list of data files, and the files: gzipped lines of DynamoDB's typed JSON. A full
export has `{"Item": …}`, an incremental one `{"Metadata": …, "Keys": …, "NewImage": …}`, where an item
that was deleted has no new image.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from adapters import lake
from adapters.aws import client
from adapters.settings import setting
from adapters.stored_events import TypedItem
from transforms.calendar import utc_text

LONGEST_WINDOW = timedelta(hours=24)  # of an incremental export
SHORTEST_WINDOW = timedelta(minutes=15)
PREFIX = "store"  # in the bucket of exports
POLL_SECONDS = 20.0


class ExportUnreadableError(RuntimeError):
    """An export is not as AWS documents it, or a file of it is damaged."""


class ExportFailedError(RuntimeError):
    """DynamoDB did not finish an export."""


@dataclass(frozen=True, slots=True)
class ExportedStore:
    """What some exports say of the store.

    Attributes:
        bucket: Where they are.
        summaries: Key of each export's `manifest-summary.json`.
    """

    bucket: str
    summaries: Sequence[str]

    def items(self, start: datetime, end: datetime) -> Iterator[TypedItem]:
        """See `adapters.stored_events.StoredEvents.items`; one file is in memory at a time.

        Raises:
            ExportUnreadableError: A manifest has no list of files or another format than DynamoDB JSON, or a
                file's checksum or number of items is another than the list says.
            ObjectVanishedError: A file of the list is gone.
        """
        first, last = utc_text(start), utc_text(end)
        for summary in self.summaries:
            for listed in self._files(summary):
                for line in self._lines(listed):
                    item = line.get("Item") or line.get("NewImage")
                    is_event = item and item["SK"]["S"].startswith("EVENT#")
                    if item and is_event and first <= item["received_at"]["S"] < last:
                        yield item

    def _files(self, summary: str) -> Iterator[dict[str, Any]]:
        told = json.loads(lake.read(self.bucket, summary))
        if told.get("outputFormat") != "DYNAMODB_JSON" or not told.get("manifestFilesS3Key"):
            raise ExportUnreadableError(
                f"s3://{self.bucket}/{summary} is no summary of an export as DYNAMODB_JSON: "
                "name the manifest-summary.json that the export wrote"
            )
        for line in lake.read(self.bucket, told["manifestFilesS3Key"]).splitlines():
            if line.strip():
                yield json.loads(line)

    def _lines(self, listed: dict[str, Any]) -> Iterator[dict[str, Any]]:
        key = listed["dataFileS3Key"]
        body = lake.read(self.bucket, key)
        digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        if digest != listed["md5Checksum"]:
            raise ExportUnreadableError(
                f"s3://{self.bucket}/{key} has another MD5 than its manifest says: it was damaged or "
                "replaced; make a new export"
            )
        count = 0
        for line in lines_of(body):
            count += 1
            yield line
        if count != listed["itemCount"]:
            raise ExportUnreadableError(
                f"s3://{self.bucket}/{key} has {count:,} items, its manifest says {listed['itemCount']:,}: "
                "make a new export"
            )


def lines_of(body: bytes) -> Iterator[dict[str, Any]]:
    """The lines of an export's data file, each a JSON object."""
    decoder = msgspec.json.Decoder(dict[str, Any])
    with gzip.open(io.BytesIO(body)) as lines:
        for line in lines:
            if line.strip():
                yield decoder.decode(line)


def windows(start: datetime, end: datetime, now: datetime) -> list[tuple[datetime, datetime]]:
    """The incremental exports that cover a span of writes.

    Args:
        start: Aware.
        end: Aware; what lies after `now` is left out.
        now: Aware.

    Returns:
        From and to of each, at most 24 hours and at least 15 minutes long.
    """
    end = min(end, now)
    found = []
    while end - start >= SHORTEST_WINDOW:
        stop = min(start + LONGEST_WINDOW, end)
        if SHORTEST_WINDOW > end - stop > timedelta(0):
            stop = end - SHORTEST_WINDOW  # or the last one would be too short to be asked for
        found.append((start, stop))
        start = stop
    return found


def request(start: datetime, end: datetime) -> str:
    """Asks for an incremental export of what was written in a window; asked again, it is the same export.

    Returns:
        The export's ARN.

    Raises:
        ClientError: The window is not one, or point-in-time recovery is off.
    """
    answer = client("dynamodb").export_table_to_point_in_time(
        TableArn=setting("TABLE_ARN"),
        S3Bucket=setting("EXPORTS_BUCKET"),
        S3Prefix=PREFIX,
        ExportFormat="DYNAMODB_JSON",
        ExportType="INCREMENTAL_EXPORT",
        ClientToken=f"{start:%Y%m%d%H%M%S}-{end:%Y%m%d%H%M%S}",
        IncrementalExportSpecification={
            "ExportFromTime": start,
            "ExportToTime": end,
            "ExportViewType": "NEW_IMAGE",
        },
    )
    return str(answer["ExportDescription"]["ExportArn"])


def awaited(arn: str, sleep: Callable[[float], None] = time.sleep) -> str:
    """Waits for an export, which takes minutes.

    Returns:
        The key of its summary in the bucket of exports.

    Raises:
        ExportFailedError: It failed; the message has DynamoDB's own words.
    """
    while True:
        told = client("dynamodb").describe_export(ExportArn=arn)["ExportDescription"]
        if told["ExportStatus"] == "COMPLETED":
            return str(told["ExportManifest"])
        if told["ExportStatus"] == "FAILED":
            raise ExportFailedError(
                f"export {arn} failed: {told.get('FailureCode')}: {told.get('FailureMessage')}; ask again"
            )
        sleep(POLL_SECONDS)

"""Reports of the daily reconciliation, in the reports bucket: line ids and counts, no student."""

from __future__ import annotations

from typing import Any

import msgspec

from adapters.aws import client
from adapters.settings import setting
from transforms.sync_reconciliation import Discrepancy

PREFIX = "government/reconciliation/"


class SyncReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one comparison of the books found.

    Attributes:
        made_at: UTC text.
        since: How far back it looked, UTC text.
        settled_before: What was younger than this was not judged.
        batches: In our books.
        receipts: In the government's.
        counts: Lines by kind of discrepancy.
        discrepancies: Each, by school, kind and batch.
    """

    made_at: str
    since: str
    settled_before: str
    batches: int
    receipts: int
    counts: dict[str, int]
    discrepancies: tuple[Discrepancy, ...]


def put_report(report: SyncReport) -> str:
    """Writes a report; its key, which begins with its day."""
    key = f"{PREFIX}{report.made_at[:10]}/{report.made_at[11:19].replace(':', '')}.json"
    body = msgspec.json.format(msgspec.json.encode(report), indent=2)
    client("s3").put_object(
        Bucket=setting("REPORTS_BUCKET"), Key=key, Body=body, ContentType="application/json"
    )
    return key


def report(key: str) -> SyncReport:
    """Reads a report by its key."""
    body: Any = client("s3").get_object(Bucket=setting("REPORTS_BUCKET"), Key=key)["Body"].read()
    return msgspec.json.decode(body, type=SyncReport)

"""Every day: our books against the government's receipts, a report, and a number to be alarmed by.

It repairs nothing by itself: a repair sends grades again, and who does that should have read the
report (`luca sync reconcile --repair`).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from aws_lambda_powertools.metrics import MetricUnit

from adapters import government, sync_records
from adapters.sync_reports import SyncReport, put_report
from adapters.telemetry import logger, metrics, tracer
from transforms.calendar import utc_text
from transforms.sync_reconciliation import counts, reconcile

DAYS = 100  # a quarter's cut and its aftermath
SETTLES_IN = timedelta(hours=1)  # what is younger may be on its way into the other's books
MARGIN = timedelta(days=1)  # our clock and theirs, and batches that took a night


class Order(msgspec.Struct, frozen=True):
    """What is asked of one run.

    Attributes:
        days: How far back to look.
        settled_minutes: How old a batch must be to be judged.
    """

    days: int = DAYS
    settled_minutes: int = int(SETTLES_IN.total_seconds() // 60)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Compares the books once.

    Args:
        event: An `Order`; a schedule's own fields are ignored.
        context: Lambda's own.

    Returns:
        `report`: the key of the report in the reports bucket; `batches` and `receipts`: how many
        were compared; `discrepancies`: lines by kind.

    Raises:
        GovernmentUnavailableError: It does not show its books; the schedule tries again.
        ClientError, BotoCoreError: Ours cannot be read, or the report cannot be written.
    """
    order = msgspec.convert(event, Order, strict=False)
    now = _now()
    since = now - timedelta(days=order.days)
    # Theirs first: a batch that comes in between is then in our books only, and too young to count.
    held = list(government.receipts(utc_text(since)))
    sent = list(sync_records.sent_batches(utc_text(since - MARGIN)))
    settled = utc_text(now - timedelta(minutes=order.settled_minutes))
    found = reconcile(sent, held, utc_text(since), settled)
    by_kind = counts(found)
    report = SyncReport(
        made_at=utc_text(now),
        since=utc_text(since),
        settled_before=settled,
        batches=len(sent),
        receipts=len(held),
        counts={kind.value: count for kind, count in by_kind.items()},
        discrepancies=tuple(found),
    )
    key = put_report(report)
    metrics.add_metric("GovernmentDiscrepancies", MetricUnit.Count, sum(by_kind.values()))
    for kind, count in by_kind.items():
        metrics.add_metric(f"GovernmentDiscrepancies_{kind.value}", MetricUnit.Count, count)
    say = logger.error if found else logger.info
    say("books compared", report=key, batches=len(sent), receipts=len(held), discrepancies=report.counts)
    return {"report": key, "batches": len(sent), "receipts": len(held), "discrepancies": report.counts}


def _now() -> datetime:
    return datetime.now(UTC)

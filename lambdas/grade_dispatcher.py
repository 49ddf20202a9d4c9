"""Every quarter of an hour: an order for each school whose night begins.

What must be done of a school follows from what is pending, so that an order sent twice finds
nothing, and a night that was lost is made up for by the next one.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from adapters.grade_queue import nightly_order, send_orders
from adapters.school_register import school_ids, time_zones
from adapters.telemetry import logger, metrics, tracer
from transforms.calendar import UnknownZoneError
from transforms.nights import due_night, tick_of


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics
def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    """Sends the orders of one tick.

    Args:
        event: `scheduled_time`, ISO 8601: the tick that the schedule meant, however late it comes.
        context: Lambda's own.

    Returns:
        `schools`: how many there are; `orders`: how many were sent.

    Raises:
        OrdersNotSentError, StoreBusyError: Some orders were not sent; the schedule tries again.
    """
    tick = tick_of(datetime.fromisoformat(event["scheduled_time"]))
    zones = time_zones(school_ids())
    due = {school: night for school, name in zones.items() if (night := _night(school, name, tick))}
    metrics.add_metric("NightsDue", MetricUnit.Count, len(due))
    sent = send_orders(nightly_order(school, night) for school, night in due.items())
    metrics.add_metric("NightsBegun", MetricUnit.Count, sent)
    logger.info("nights begun", tick=tick.astimezone(UTC).isoformat(), schools=len(zones), orders=sent)
    return {"schools": len(zones), "orders": sent}


def _night(school_id: str, time_zone: str, tick: datetime) -> date | None:
    try:
        return due_night(tick, time_zone)
    except UnknownZoneError as unknown:
        # Its grades wait; the other schools' must not.
        metrics.add_metric("SchoolsWithoutNight", MetricUnit.Count, 1)
        logger.error("school has no night", school_id=school_id, reason=str(unknown))
        return None

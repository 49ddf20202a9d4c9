"""The edge's own count of what it took: the access log of the HTTP API."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from adapters.aws import client
from adapters.settings import setting

EVENTS_A_PAGE = 10_000  # FilterLogEvents' limit
ROUTE = "POST /behavior"


def accepted(start: datetime, end: datetime) -> Counter[str]:
    """Requests with an event that were answered with success, by the school of their token.

    Costs the lines of the span: 10,000 a call.

    Args:
        start: Aware.
        end: Aware; not part of the span.

    Raises:
        ClientError, BotoCoreError: The log group cannot be read.
    """
    counts: Counter[str] = Counter()
    for line in _lines(int(start.timestamp() * 1000), int(end.timestamp() * 1000) - 1):
        told = json.loads(line)
        if told["route"] == ROUTE and told["status"].startswith("2"):
            counts[told["school_id"]] += 1
    return counts


def _lines(first: int, last: int) -> Iterator[str]:
    """The lines from one millisecond to another, both included."""
    pages = client("logs").get_paginator("filter_log_events")
    found = pages.paginate(
        logGroupName=setting("ACCESS_LOG"), startTime=first, endTime=last, filterPattern=f'"{ROUTE}"'
    )
    for number, page in enumerate(found):
        # A service without pages cuts the only one off: two narrower spans hold what it left out.
        full = len(page["events"]) >= EVENTS_A_PAGE and "nextToken" not in page
        if full and number == 0 and first < last:
            middle = (first + last) // 2
            yield from _lines(first, middle)
            yield from _lines(middle + 1, last)
            return
        yield from (event["message"] for event in page["events"])

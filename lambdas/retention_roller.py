"""Every day: the buckets' lifecycle rules as the registry derives them, cohorts that came included.

A template can declare only what no year changes, so the whole set of a bucket is put from here
(decision 0014). It also undoes what a hand or a stack update changed.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import msgspec
from aws_lambda_powertools.metrics import MetricUnit

from adapters import lifecycle
from adapters.telemetry import logger, metrics, tracer
from transforms.retention.lifecycle import difference, places_of, rules
from transforms.retention.registry import BUCKETS


class Order(msgspec.Struct, frozen=True):
    """What is asked of one run.

    Attributes:
        dry_run: Only tell what would change.
        as_of: The day to compute for; today (UTC) by default. Every date in a rule is a cohort's own, so
            a wrong day never removes anything early.
    """

    dry_run: bool = False
    as_of: date | None = None


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Compares each bucket's rules with the registry's, and puts the registry's where they differ.

    Args:
        event: An `Order`; a schedule's own fields are ignored.
        context: Lambda's own.

    Returns:
        By the bucket's name in the settings: `rules`, how many it has now; `missing`, `changed` and
        `foreign`, the ids of rules that were not there, said something else, or are none of ours.

    Raises:
        TooManyRulesError: A bucket would need more rules than S3 takes.
        ClientError, BotoCoreError: S3 cannot be asked, or does not take them.
    """
    order = msgspec.convert(event, Order, strict=False)
    today = order.as_of or _today()
    told = {}
    for bucket in BUCKETS:
        present = {
            place.name: lifecycle.cohorts_present(place) for place in places_of(bucket) if place.by_cohort
        }
        expected = rules(bucket, today, present)
        found = difference(expected, lifecycle.rules_in_force(bucket))
        if found and not order.dry_run:
            lifecycle.put_rules(bucket, expected)
        told[bucket.name] = {"rules": len(expected), **found.ids()}
        metrics.add_metric("LifecycleRulesMended", MetricUnit.Count, 0 if order.dry_run else len(found))
        if found:
            logger.warning(
                "lifecycle rules differ", bucket=bucket.name, dry_run=order.dry_run, differ=found.ids()
            )
    return told


def _today() -> date:
    return datetime.now(UTC).date()

"""The audit: rules, objects, settings and cohorts, each asked of AWS and judged by the registry."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from adapters import lifecycle, object_versions, school_register
from adapters.settings import setting
from adapters.telemetry import NAMESPACE
from pipelines.audits.retention import cohorts, partitions, rules, settings
from pipelines.audits.retention.objects import Stock
from pipelines.audits.retention.result import Audit, Finding, Severity, worst_first
from transforms.calendar import utc_text
from transforms.retention.lifecycle import difference, places_of
from transforms.retention.lifecycle import rules as rules_for
from transforms.retention.places import Bucket
from transforms.retention.registry import BUCKETS

Say = Callable[[str], None]


def audit(
    *,
    now: datetime,
    as_of: date | None = None,
    schools: Sequence[str] | None = None,
    compare_cohorts: bool = True,
    say: Say = lambda text: None,
) -> Audit:
    """Looks at every bucket, log group, queue and table, and at every school's cohorts.

    Buckets are listed page by page: 100,000 versions take 100 calls and the memory of one page.

    Args:
        now: Aware.
        as_of: The day (UTC) to judge by; `now`'s by default.
        schools: Whose cohorts are compared; None is all schools.
        compare_cohorts: Whether any are: it needs the schools' keys, and Athena.
        say: Told what is going on.

    Raises:
        KeyUnavailableError: A school has no pseudonym key.
        QueryFailedError: Athena failed.
        ClientError, BotoCoreError: AWS cannot be asked.
    """
    started, day = time.monotonic(), as_of or now.date()
    found: list[Finding] = []
    say("rules, log groups, queues and tables")
    in_force = {}
    for bucket in BUCKETS:
        present = {p.name: lifecycle.cohorts_present(p) for p in places_of(bucket) if p.by_cohort}
        there = lifecycle.rules_in_force(bucket)
        in_force[bucket.name] = len(there)
        found += rules.findings(bucket, difference(rules_for(bucket, day, present), there))
    found += settings.findings()
    say("objects")
    with ThreadPoolExecutor(len(BUCKETS), thread_name_prefix="list") as pool:
        stocks = list(pool.map(lambda bucket: _stock(bucket, day), BUCKETS))
    for stock in stocks:
        found += stock.findings()
    found += partitions.findings(day)
    compared = None
    if compare_cohorts:
        wanted = list(schools) if schools is not None else list(school_register.school_ids())
        compared = len(wanted)
        for number, school in enumerate(cohorts.compare(wanted), 1):
            found += cohorts.findings(school, day)
            say(f"cohorts of {number} of {compared} schools")
    return Audit(
        made_at=utc_text(now),
        as_of=day,
        findings=worst_first(found),
        piles=tuple(pile for stock in stocks for pile in stock.piles()),
        rules=in_force,
        noncurrent={
            stock.bucket.name: (stock.noncurrent.objects, stock.noncurrent.bytes) for stock in stocks
        },
        schools=compared,
        seconds=time.monotonic() - started,
    )


def _stock(bucket: Bucket, day: date) -> Stock:
    stock = Stock(bucket, day)
    stock.count(object_versions.everything(setting(f"{bucket.name}_BUCKET")))
    return stock


def emit_metrics(done: Audit) -> None:
    """Sends an audit's figures to CloudWatch, as EMF on standard output."""
    metrics = EphemeralMetrics(namespace=NAMESPACE)
    metrics.add_dimension(name="audit", value="retention")
    for severity in (Severity.WARNING, Severity.CRITICAL):
        name = f"Retention{severity.word.title()}Findings"
        metrics.add_metric(name, MetricUnit.Count, done.count(severity))
    overdue = sum(finding.count for finding in done.findings if finding.check == "overdue")
    metrics.add_metric("RetentionObjectsOverdue", MetricUnit.Count, overdue)
    metrics.add_metric("RetentionBytes", MetricUnit.Bytes, done.bytes)
    metrics.add_metric("RetentionAuditTime", MetricUnit.Seconds, done.seconds)
    metrics.flush_metrics()

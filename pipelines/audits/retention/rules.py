"""The lifecycle rules in force against those that the registry derives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipelines.audits.retention.result import EXAMPLES, Finding, Severity
from transforms.retention.lifecycle import Difference, LifecycleRule
from transforms.retention.places import Bucket

WAY_OUT = "`luca retention roll` puts all rules of the registry in place; find who changed them (CloudTrail)"


def findings(bucket: Bucket, differ: Difference) -> Iterator[Finding]:
    """What differs in a bucket."""
    early = [rule for rule in differ.foreign if rule.expires or rule.noncurrent_days is not None]
    idle = [rule for rule in differ.foreign if rule not in early]
    yield from _finding(bucket, differ.missing, "rule-missing", "are missing: what they remove stays")
    yield from _finding(bucket, differ.changed, "rule-changed", "say something else than the registry")
    yield from _finding(bucket, early, "rule-foreign", "are none of ours and may remove what must stay")
    yield from _finding(
        bucket, idle, "rule-foreign", "are none of ours; they remove nothing", Severity.WARNING
    )


def _finding(
    bucket: Bucket,
    rules: Sequence[LifecycleRule],
    check: str,
    what: str,
    severity: Severity = Severity.CRITICAL,
) -> Iterator[Finding]:
    if rules:
        yield Finding(
            check,
            severity,
            bucket.name.lower(),
            f"lifecycle rules {what}",
            WAY_OUT,
            len(rules),
            examples=tuple(rule.id for rule in rules[:EXAMPLES]),
        )

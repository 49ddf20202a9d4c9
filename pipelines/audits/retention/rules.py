"""The lifecycle rules in force against those that the registry derives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipelines.audits.retention.result import EXAMPLES, Finding, Severity
from transforms.bilingual import Words
from transforms.retention.lifecycle import Difference, LifecycleRule
from transforms.retention.places import Bucket

WAY_OUT = Words(
    "`luca retention roll` puts all rules of the registry in place; find who changed them (CloudTrail)",
    "`luca retention roll` pone todas las reglas del registro; averigüe quién las cambió (CloudTrail)",
)
_MISSING = Words(
    "lifecycle rules are missing: what they remove stays",
    "faltan reglas de ciclo de vida: se queda lo que eliminan",
)
_CHANGED = Words(
    "lifecycle rules say something else than the registry",
    "reglas de ciclo de vida que dicen otra cosa que el registro",
)
_EARLY = Words(
    "lifecycle rules are none of ours and may remove what must stay",
    "reglas de ciclo de vida ajenas, que pueden eliminar lo que debe quedarse",
)
_IDLE = Words(
    "lifecycle rules are none of ours; they remove nothing",
    "reglas de ciclo de vida ajenas; no eliminan nada",
)


def findings(bucket: Bucket, differ: Difference) -> Iterator[Finding]:
    """What differs in a bucket."""
    early = [rule for rule in differ.foreign if rule.expires or rule.noncurrent_days is not None]
    idle = [rule for rule in differ.foreign if rule not in early]
    yield from _finding(bucket, differ.missing, "rule-missing", _MISSING)
    yield from _finding(bucket, differ.changed, "rule-changed", _CHANGED)
    yield from _finding(bucket, early, "rule-foreign", _EARLY)
    yield from _finding(bucket, idle, "rule-foreign", _IDLE, Severity.WARNING)


def _finding(
    bucket: Bucket,
    rules: Sequence[LifecycleRule],
    check: str,
    what: Words,
    severity: Severity = Severity.CRITICAL,
) -> Iterator[Finding]:
    if rules:
        yield Finding(
            check,
            severity,
            bucket.name.lower(),
            what,
            WAY_OUT,
            len(rules),
            examples=tuple(rule.id for rule in rules[:EXAMPLES]),
        )

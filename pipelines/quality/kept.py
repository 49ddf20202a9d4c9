"""The results of days that were judged, kept beside the reports of the loads.

One object a table, day and kind, `quality/days/{kind}/{table}/{day}.json` in the reports bucket:
a day that is judged again takes the place of its first result.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from adapters import lake
from adapters.settings import setting
from adapters.telemetry import NAMESPACE
from expectations.history import Finding
from expectations.rules import Severity
from transforms.bilingual import Words
from transforms.calendar import utc_text

PREFIX = "quality/days/"


class Kind(StrEnum):
    """By what a day was judged."""

    HISTORY = "history"  # by the weeks before it
    DEEP = "deep"  # by the table's rules, on what was published


@dataclass(frozen=True, slots=True)
class JudgedDay:
    """What was found of a day of a lake table.

    Attributes:
        kind: By what it was judged.
        table: The lake table.
        day: The local date of its rows.
        judged_at: Aware.
        rules: Names of all rules that it was judged by.
        rows: Rows of the day, by school where the kind counts so, else under `ALL_SCHOOLS`.
        findings: What does not hold.
    """

    kind: Kind
    table: str
    day: date
    judged_at: datetime
    rules: tuple[str, ...]
    rows: Mapping[str, int]
    findings: tuple[Finding, ...]

    @property
    def summary(self) -> str:
        """One line for a person."""
        told = f"{self.day}: {sum(self.rows.values()):,} rows, {len(self.rules)} rules"
        for severity in Severity:
            count = sum(found.severity is severity for found in self.findings)
            told += f", {count} {severity}" if count else ""
        return told if self.findings else f"{told}, nothing found"


def keep(judged: JudgedDay) -> None:
    """Writes a result, in place of the day's earlier one of this kind, and tells CloudWatch of it."""
    plain = {
        **asdict(judged),
        "day": judged.day.isoformat(),
        "judged_at": utc_text(judged.judged_at),
        "rows": dict(judged.rows),
    }
    body = json.dumps(plain, ensure_ascii=False).encode()
    lake.write(
        setting("REPORTS_BUCKET"), _key(judged.kind, judged.table, judged.day), body, "application/json"
    )
    _emit_metrics(judged)


def _emit_metrics(judged: JudgedDay) -> None:
    """Sends how many findings ask for somebody, as EMF on standard output, unless a person reads that."""
    if sys.stdout.isatty():
        return
    metrics = EphemeralMetrics(namespace=NAMESPACE)
    warned = sum(found.severity is not Severity.INFO for found in judged.findings)
    metrics.add_metric("QualityWarnings", MetricUnit.Count, warned)
    metrics.add_metadata(key="judged", value=f"{judged.kind}/{judged.table}/{judged.day}")
    metrics.flush_metrics()


def since(kind: Kind, table: str, first: date) -> Iterator[JudgedDay]:
    """The results of a table from a day on, by day."""
    bucket = setting("REPORTS_BUCKET")
    for key in lake.keys_under(bucket, f"{PREFIX}{kind}/{table}/"):
        if key >= _key(kind, table, first):
            yield _judged(json.loads(lake.read(bucket, key)))


def _key(kind: Kind, table: str, day: date) -> str:
    return f"{PREFIX}{kind}/{table}/{day}.json"


def _judged(plain: Mapping[str, Any]) -> JudgedDay:
    findings = tuple(
        Finding(**{**found, "severity": Severity(found["severity"]), "words": Words.of(found["words"])})
        for found in plain["findings"]
    )
    return JudgedDay(
        kind=Kind(plain["kind"]),
        table=plain["table"],
        day=date.fromisoformat(plain["day"]),
        judged_at=datetime.fromisoformat(plain["judged_at"]),
        rules=tuple(plain["rules"]),
        rows=plain["rows"],
        findings=findings,
    )

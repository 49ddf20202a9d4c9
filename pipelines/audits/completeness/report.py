"""What a day's audit says: to a person, as JSON, as metrics."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from adapters.telemetry import NAMESPACE
from transforms.bilingual import Words
from transforms.completeness import DayAccount, Place

MISSING_NAMED = 1_000  # in a report; the repair finds all of them again


class Event(NamedTuple):
    """An event as the audit names it: no person is in it."""

    school_id: str
    event_id: str


@dataclass(frozen=True, slots=True)
class DayReport:
    """What a day's audit found.

    Attributes:
        day: Of receipt, UTC.
        accounts: By school.
        missing: Every event that was stored and never landed.
        audited_at: When the audit looked, aware.
    """

    day: date
    accounts: tuple[DayAccount, ...]
    missing: frozenset[Event]
    audited_at: datetime

    @property
    def faults(self) -> list[Words]:
        """What is wrong, by school; empty on a complete day."""
        return [fault for account in self.accounts for fault in account.faults()]

    @property
    def verdict(self) -> str:
        """One line for a person."""
        stored = sum(account.stored for account in self.accounts)
        parts = ", ".join(f"{self.total(place):,} {place.value.replace('_', ' ')}" for place in Place)
        word = "does not add up" if self.faults else "adds up"
        return f"{self.day} {word}: {stored:,} stored = {parts}"

    def total(self, place: Place) -> int:
        """Stored events in a place, over all schools."""
        return sum(account.count(place) for account in self.accounts)

    def as_dict(self) -> dict[str, Any]:
        """For `--json`: at most `MISSING_NAMED` missing events are named."""
        named = sorted(self.missing)[:MISSING_NAMED]
        return {
            "day": self.day.isoformat(),
            "audited_at": self.audited_at.isoformat(),
            "complete": not self.faults,
            "verdict": self.verdict,
            "faults": [fault.en for fault in self.faults],
            "schools": [account.as_dict() for account in self.accounts],
            "missing_events": [event._asdict() for event in named],
        }


def emit_metrics(report: DayReport) -> None:
    """Sends a day's figures to CloudWatch as EMF on standard output, unless a person is reading that."""
    if sys.stdout.isatty():
        return
    metrics = EphemeralMetrics(namespace=NAMESPACE)
    metrics.add_dimension(name="audit", value="completeness")
    for place in (Place.MISSING, Place.HELD, Place.IN_FLIGHT):
        name = "".join(word.title() for word in place.value.split("_"))
        metrics.add_metric(f"Events{name}", MetricUnit.Count, report.total(place))
    metrics.add_metric("SchoolsIncomplete", MetricUnit.Count, sum(bool(a.faults()) for a in report.accounts))
    metrics.add_metadata(key="day", value=report.day.isoformat())
    metrics.flush_metrics()

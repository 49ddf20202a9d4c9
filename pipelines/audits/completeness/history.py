"""Earlier accounts of days, in the reports bucket: for the platform's report, which runs no audit itself."""

from __future__ import annotations

from dataclasses import replace

from adapters import kept_records
from pipelines.audits.completeness.report import DayReport

PREFIX = "completeness/"


def keep(report: DayReport) -> str:
    """Writes a day's account, without the names of missing events; returns its key.

    Keys sort by day, and those of a day by when it was looked at.
    """
    key = f"{PREFIX}{report.day}/{report.audited_at:%Y-%m-%dT%H%M%S}.json"
    kept_records.keep(key, replace(report, missing=frozenset()))
    return key


def newest() -> DayReport | None:
    """The latest account of the newest day that was audited, naming no event; None where none was."""
    return next(iter(kept_records.latest(PREFIX, DayReport, 1)), None)

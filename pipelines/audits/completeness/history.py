"""Earlier accounts of days, in the reports bucket: for the platform's report, which runs no audit itself."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from adapters import lake
from adapters.settings import setting
from pipelines.audits.completeness.report import DayReport

PREFIX = "completeness/"


def keep(report: DayReport) -> str:
    """Writes a day's account, without the names of missing events; returns its key.

    Keys sort by day, and those of a day by when it was looked at.
    """
    key = f"{PREFIX}{report.day}/{report.audited_at:%Y-%m-%dT%H%M%S}.json"
    body = msgspec.json.encode(replace(report, missing=frozenset()))
    lake.write(setting("REPORTS_BUCKET"), key, body, "application/json")
    return key


def newest() -> DayReport | None:
    """The latest account of the newest day that was audited, naming no event; None where none was.

    The bucket keeps them for 400 days, which bounds the listing.
    """
    bucket = setting("REPORTS_BUCKET")
    keys = list(lake.keys_under(bucket, PREFIX))
    return msgspec.json.decode(lake.read(bucket, keys[-1]), type=DayReport) if keys else None

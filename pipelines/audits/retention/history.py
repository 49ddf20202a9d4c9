"""Earlier audits, in the reports bucket: so that a number is seen to grow before it is a scandal."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from adapters import lake
from adapters.settings import setting
from pipelines.audits.retention.result import Audit
from pipelines.reports.pages import file_name
from pipelines.reports.words import Language

PREFIX = "retention/"
INDEX = "index"
SHOWN = 60


def page_key(language: Language) -> str:
    """Where the page of the latest audit is."""
    return f"{PREFIX}{file_name(INDEX, language)}"


def keep(audit: Audit, pages: Mapping[Language, str]) -> str:
    """Writes an audit and its pages; returns the audit's key, which sorts by time.

    Args:
        audit: Of everything, by today.
        pages: Of files that are called `INDEX`.
    """
    bucket = setting("REPORTS_BUCKET")
    key = f"{PREFIX}audits/{audit.made_at[:19].replace(':', '')}.json"
    lake.write(bucket, key, msgspec.json.encode(audit), "application/json")
    for language, page in pages.items():
        lake.write(bucket, page_key(language), page.encode(), "text/html")
    return key


def newest() -> Audit | None:
    """The latest audit; None where none was run."""
    bucket = setting("REPORTS_BUCKET")
    keys = list(lake.keys_under(bucket, f"{PREFIX}audits/"))
    return msgspec.json.decode(lake.read(bucket, keys[-1]), type=Audit) if keys else None


def earlier() -> list[Audit]:
    """The latest audits, oldest first. The bucket keeps them for 400 days, which bounds the listing."""
    bucket = setting("REPORTS_BUCKET")
    keys = list(lake.keys_under(bucket, f"{PREFIX}audits/"))[-SHOWN:]
    return [msgspec.json.decode(lake.read(bucket, key), type=Audit) for key in keys]

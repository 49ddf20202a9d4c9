"""Earlier audits, in the reports bucket: so that a number is seen to grow before it is a scandal."""

from __future__ import annotations

from collections.abc import Mapping

from adapters import kept_records, lake
from adapters.settings import setting
from pipelines.audits.retention.result import Audit
from pipelines.reports.pages import file_name
from pipelines.reports.words import Language

PREFIX = "retention/"
AUDITS = f"{PREFIX}audits/"
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
    key = f"{AUDITS}{audit.made_at[:19].replace(':', '')}.json"
    kept_records.keep(key, audit)
    for language, page in pages.items():
        lake.write(setting("REPORTS_BUCKET"), page_key(language), page.encode(), "text/html")
    return key


def newest() -> Audit | None:
    """The latest audit; None where none was run."""
    return next(iter(kept_records.latest(AUDITS, Audit, 1)), None)


def earlier() -> list[Audit]:
    """The latest audits, oldest first."""
    return kept_records.latest(AUDITS, Audit, SHOWN)

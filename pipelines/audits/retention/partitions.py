"""Partitions that Glue still lists of cohorts whose time is over: S3 removes objects, and nobody the entry.

They are empty and name nobody; they cost every query a listing, and the catalog grows by them for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from adapters import catalog
from adapters.settings import setting
from pipelines.audits.retention.objects import GRACE_DAYS
from pipelines.audits.retention.result import EXAMPLES, Finding, Severity
from transforms.bilingual import Words
from transforms.retention.cohorts import UNKNOWN, expires_on
from transforms.retention.registry import PLACES


def findings(as_of: date) -> Iterator[Finding]:
    """A finding for each table that has some.

    Args:
        as_of: The day to judge by, UTC.

    Raises:
        ClientError, BotoCoreError: Glue cannot be asked.
    """
    newest = last_year_over(as_of - timedelta(days=GRACE_DAYS))
    over = f"graduation_year > {UNKNOWN} AND graduation_year <= {newest}"
    databases = {"lake": setting("LAKE_DATABASE"), "marts": setting("MARTS_DATABASE")}
    known = {root: catalog.table_names(database) for root, database in databases.items()}
    for place in PLACES:
        root, _, table = place.keys.rstrip("/").rpartition("/")
        root = root.partition("/")[0]
        if not place.by_cohort or table not in known.get(root, ()):
            continue
        found = ["/".join(each.values) for each in catalog.partitions(databases[root], table, over)]
        if found:
            yield Finding(
                "partition-over",
                Severity.INFO,
                place.name,
                Words(
                    f"partitions of cohorts up to {newest}, whose time is over, are still in the catalog",
                    f"particiones de generaciones hasta {newest}, ya terminadas, que siguen en el catálogo",
                ),
                Words(
                    f"aws glue get-partitions with --expression {over!r}, then batch-delete-partition",
                    f"aws glue get-partitions con --expression {over!r}, luego batch-delete-partition",
                ),
                count=len(found),
                examples=tuple(found[:EXAMPLES]),
            )


def last_year_over(day: date) -> int:
    """The newest cohort of which nothing may be left on a day."""
    year = day.year
    while expires_on(year) > day:
        year -= 1
    return year

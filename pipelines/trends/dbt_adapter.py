"""dbt's adapter of Athena, which can publish a mart too: `dbt/macros/incremental.sql` calls it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dbt.adapters import athena
from dbt.adapters.base import available

from pipelines.trends import publishing


class AthenaAdapter(athena.AthenaAdapter):  # type: ignore[misc]  # dbt has no types, and goes by this name
    """Athena computes a mart into a table without partitions; from there on it is ours."""

    @available  # type: ignore[untyped-decorator]
    def publish_mart(
        self,
        target: Any,
        staging: Any,
        partitioned_by: Sequence[str],
        span: str,
        first_week: str | None,
        compression: publishing.Compression,
    ) -> publishing.Published:
        """Publishes the rows of a staging table as a mart.

        Args:
            target: The mart's relation.
            staging: The relation that holds the rows which were built.
            partitioned_by: Names of the partition keys.
            span: See `publishing.Span`.
            first_week: The first ISO week that was built again; None where only the rows say it.
            compression: Of the files.
        """
        mart = publishing.Mart(
            target.identifier,
            tuple(partitioned_by),
            staging.identifier,
            publishing.Span(span),
            first_week or "",
            compression,
        )
        return publishing.publish(mart)


def install() -> None:
    """Makes dbt use it in this process."""
    athena.Plugin.adapter = AthenaAdapter

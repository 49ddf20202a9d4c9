"""Athena on one machine: its API on DuckDB and sqlglot, with the catalog in Glue and data in S3."""

from __future__ import annotations

from infra.local.athena.server import AthenaServer
from infra.local.athena.workgroups import WorkGroup

__all__ = ["AthenaServer", "WorkGroup"]

"""What Glue's catalog knows, for jobs that must not ask Athena for a table that is not there yet."""

from __future__ import annotations

from adapters.aws import client


def table_names(database: str) -> set[str]:
    """The tables of a Glue database.

    Raises:
        ClientError, BotoCoreError: Glue cannot be asked, or has no such database.
    """
    pages = client("glue").get_paginator("get_tables")
    return {table["Name"] for page in pages.paginate(DatabaseName=database) for table in page["TableList"]}

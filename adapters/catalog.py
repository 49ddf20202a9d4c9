"""What Glue's catalog knows, for jobs that must not ask Athena for a table that is not there yet."""

from __future__ import annotations

from collections.abc import Iterator

from adapters.aws import client


def table_names(database: str) -> set[str]:
    """The tables of a Glue database.

    Raises:
        ClientError, BotoCoreError: Glue cannot be asked, or has no such database.
    """
    pages = client("glue").get_paginator("get_tables")
    return {table["Name"] for page in pages.paginate(DatabaseName=database) for table in page["TableList"]}


def partitions(database: str, table: str, expression: str) -> Iterator[tuple[str, ...]]:
    """The values of a table's partitions for which an expression is true; 1,000 a call.

    Args:
        database: Of Glue.
        table: In it; one with partitions.
        expression: On the partition columns, such as `graduation_year < 2020`.

    Raises:
        ClientError, BotoCoreError: Glue cannot be asked.
    """
    pages = client("glue").get_paginator("get_partitions")
    wanted = {"DatabaseName": database, "TableName": table, "Expression": expression}
    for page in pages.paginate(**wanted, ExcludeColumnSchema=True):
        yield from (tuple(found["Values"]) for found in page["Partitions"])

"""What Glue's catalog knows of any table, and the changes of many partitions that its calls take at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from adapters.aws import client
from adapters.batches import batches

PARTITIONS_A_WRITE = 100  # of BatchCreatePartition and BatchUpdatePartition
PARTITIONS_A_DROP = 25  # of BatchDeletePartition

PartitionValues = tuple[str, ...]
"""Values of the partition keys, in the keys' order, as Glue holds them: text."""


class PartitionRefusedError(RuntimeError):
    """Glue did not take a partition, for another reason than that it has it, or did not drop one."""


class PlacedPartition(NamedTuple):
    """A partition that Glue knows.

    Attributes:
        values: Of its keys.
        location: Where its files are: `s3://…`, as Glue has it.
    """

    values: PartitionValues
    location: str


def table_names(database: str) -> set[str]:
    """The tables of a Glue database.

    Raises:
        ClientError, BotoCoreError: Glue cannot be asked, or has no such database.
    """
    pages = client("glue").get_paginator("get_tables")
    return {table["Name"] for page in pages.paginate(DatabaseName=database) for table in page["TableList"]}


def partitions(database: str, table: str, expression: str = "") -> Iterator[PlacedPartition]:
    """A table's partitions for which an expression is true; 1,000 a call.

    Args:
        database: Of Glue.
        table: In it; one with partitions.
        expression: On the partition columns, such as `graduation_year < 2020`; all partitions without one.

    Raises:
        ClientError, BotoCoreError: Glue cannot be asked.
    """
    pages = client("glue").get_paginator("get_partitions")
    wanted = {"DatabaseName": database, "TableName": table}
    if expression:
        wanted["Expression"] = expression
    # Without their columns, which are most of each answer.
    for page in pages.paginate(**wanted, ExcludeColumnSchema=True):
        for found in page["Partitions"]:
            yield PlacedPartition(tuple(found["Values"]), found["StorageDescriptor"].get("Location", ""))


def table(database: str, name: str) -> dict[str, Any] | None:
    """A table as Glue describes it; None where there is none."""
    glue = client("glue")
    try:
        found = glue.get_table(DatabaseName=database, Name=name)
    except glue.exceptions.EntityNotFoundException:
        return None
    return dict(found["Table"])


def create_partitions(
    database: str, table: str, places: Mapping[PartitionValues, str], described: Mapping[str, Any]
) -> set[PartitionValues]:
    """Makes partitions; one that Glue knows stays as it is.

    Args:
        database: Of Glue.
        table: In it.
        places: By partition, its location.
        described: The table's storage descriptor: the partitions get its columns and format.

    Returns:
        Those that were there.

    Raises:
        PartitionRefusedError: Glue did not take one.
    """
    name = {"DatabaseName": database, "TableName": table}
    there: set[PartitionValues] = set()
    for batch in batches(sorted(places.items()), PARTITIONS_A_WRITE):
        inputs = [_input(values, location, described) for values, location in batch]
        answer = client("glue").batch_create_partition(**name, PartitionInputList=inputs)
        there |= _refused(table, answer, "PartitionValues", but="AlreadyExistsException")
    return there


def move_partitions(
    database: str, table: str, places: Mapping[PartitionValues, str], described: Mapping[str, Any]
) -> set[PartitionValues]:
    """Names the new places of partitions. Args as of `create_partitions`.

    Returns:
        Those that Glue does not know.

    Raises:
        PartitionRefusedError: Glue did not move one.
    """
    name = {"DatabaseName": database, "TableName": table}
    unknown: set[PartitionValues] = set()
    for batch in batches(sorted(places.items()), PARTITIONS_A_WRITE):
        entries = [
            {"PartitionValueList": list(values), "PartitionInput": _input(values, location, described)}
            for values, location in batch
        ]
        answer = client("glue").batch_update_partition(**name, Entries=entries)
        unknown |= _refused(table, answer, "PartitionValueList", but="EntityNotFoundException")
    return unknown


def drop_partitions(database: str, table: str, partitions: Iterable[PartitionValues]) -> None:
    """Takes partitions out of the catalog, those that are in it; their objects stay.

    Raises:
        PartitionRefusedError: Glue kept one.
    """
    name = {"DatabaseName": database, "TableName": table}
    for batch in batches(partitions, PARTITIONS_A_DROP):
        answer = client("glue").batch_delete_partition(
            **name, PartitionsToDelete=[{"Values": list(values)} for values in batch]
        )
        _refused(table, answer, "PartitionValues", but="EntityNotFoundException")


def _input(values: PartitionValues, location: str, described: Mapping[str, Any]) -> dict[str, Any]:
    return {"Values": list(values), "StorageDescriptor": {**described, "Location": location}}


def _refused(table: str, answer: Mapping[str, Any], values: str, *, but: str) -> set[PartitionValues]:
    """The partitions that Glue refused for a reason that is none; any other one is an error."""
    expected = set()
    for error in answer.get("Errors", []):
        detail = error["ErrorDetail"]
        if detail["ErrorCode"] != but:
            raise PartitionRefusedError(
                f"partition {error[values]} of {table}: {detail['ErrorCode']}: "
                f"{detail.get('ErrorMessage', '')}; run it again"
            )
        expected.add(tuple(error[values]))
    return expected

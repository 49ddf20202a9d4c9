"""The Glue catalog as Athena sees it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from infra.local.athena.errors import NotSupportedError, QueryError
from infra.local.athena.information_schema import CATALOG, INFORMATION_SCHEMA, information_schema_columns
from infra.local.athena.sql import dialect
from infra.local.athena.sql.plan import TableColumn
from infra.local.athena.sql.relations import ResolvedTable, ResolvedView
from infra.local.athena.sql.types import parse_type

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient

_OWN_FIELDS = (
    "Name", "Description", "Owner", "Retention", "StorageDescriptor", "PartitionKeys",
    "ViewOriginalText", "ViewExpandedText", "TableType", "Parameters",
)  # fmt: skip
PARTITIONS = "$partitions"  # ends the name of the table that lists a table's partitions
_BATCH = 100  # Glue's limit for partitions in one call


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition of a table: what its keys are, and where its files lie."""

    values: tuple[str, ...]
    location: str


class Catalog:
    """Databases, tables and partitions.

    Args:
        client: boto3's Glue client.
    """

    def __init__(self, client: GlueClient) -> None:
        self._glue = client

    # --- reading

    def databases(self) -> list[str]:
        """Names of all databases."""
        return [
            d["Name"]
            for page in self._glue.get_paginator("get_databases").paginate()
            for d in page["DatabaseList"]
        ]

    def has_database(self, name: str) -> bool:
        """Whether the database exists."""
        try:
            self._glue.get_database(Name=name)
        except ClientError as error:
            if error.response["Error"]["Code"] == "EntityNotFoundException":
                return False
            raise
        return True

    def tables(self, database: str) -> list[dict[str, Any]]:
        """All tables and views of a database.

        Raises:
            QueryError: There is no such database.
        """
        try:
            pages = self._glue.get_paginator("get_tables").paginate(DatabaseName=database)
            return [cast(dict[str, Any], t) for page in pages for t in page["TableList"]]
        except ClientError as error:
            if error.response["Error"]["Code"] == "EntityNotFoundException":
                raise QueryError(
                    "SCHEMA_NOT_FOUND", f"line 1:1: Schema '{database}' does not exist"
                ) from error
            raise

    def find(self, database: str, name: str) -> dict[str, Any] | None:
        """A table's Glue record, or None."""
        try:
            return cast(dict[str, Any], self._glue.get_table(DatabaseName=database, Name=name)["Table"])
        except ClientError as error:
            if error.response["Error"]["Code"] == "EntityNotFoundException":
                return None
            raise

    def table(self, database: str, name: str) -> dict[str, Any]:
        """A table's Glue record.

        Raises:
            QueryError: It does not exist.
        """
        found = self.find(database, name)
        if found is None:
            if not self.has_database(database):
                raise QueryError("SCHEMA_NOT_FOUND", f"line 1:1: Schema '{database}' does not exist")
            raise QueryError(
                "TABLE_NOT_FOUND", f"line 1:1: Table '{CATALOG}.{database}.{name}' does not exist"
            )
        return found

    def resolve(self, catalog: str, database: str, name: str) -> ResolvedTable | ResolvedView:
        """A table or view for the compiler.

        Raises:
            QueryError: It does not exist.
            NotSupportedError: It is an Iceberg table, or a view that another engine wrote.
        """
        if catalog not in ("", CATALOG):
            raise QueryError("CATALOG_NOT_FOUND", f"line 1:1: Catalog '{catalog}' does not exist")
        if database == INFORMATION_SCHEMA:
            columns = information_schema_columns(name)
            if columns is None:
                raise QueryError(
                    "TABLE_NOT_FOUND", f"line 1:1: Table '{CATALOG}.{database}.{name}' does not exist"
                )
            return ResolvedTable(database, name, columns, [], {})
        owner = name.removesuffix(PARTITIONS)
        record = self.table(database, owner)
        if owner != name:
            # https://docs.aws.amazon.com/athena/latest/ug/show-partitions.html
            if not record.get("PartitionKeys"):
                raise QueryError(
                    "TABLE_NOT_FOUND", f"line 1:1: Table '{CATALOG}.{database}.{name}' does not exist"
                )
            return ResolvedTable(database, name, keys_of(record), [], record)
        if record.get("TableType") == "VIRTUAL_VIEW":
            return _view(database, name, record)
        refuse_iceberg(record)
        return ResolvedTable(database, name, columns_of(record), keys_of(record), record)

    def partitions(self, database: str, name: str) -> Iterator[Partition]:
        """Every partition that Glue knows."""
        pages = self._glue.get_paginator("get_partitions").paginate(
            DatabaseName=database, TableName=name, ExcludeColumnSchema=True
        )
        for page in pages:
            for item in page["Partitions"]:
                yield Partition(tuple(item["Values"]), item.get("StorageDescriptor", {}).get("Location", ""))

    # --- writing

    def create_database(
        self, name: str, *, if_not_exists: bool, comment: str = "", location: str = ""
    ) -> None:
        """Creates a database."""
        definition: dict[str, Any] = {"Name": name}
        if comment:
            definition["Description"] = comment
        if location:
            definition["LocationUri"] = location
        try:
            self._glue.create_database(DatabaseInput=cast(Any, definition))
        except self._glue.exceptions.AlreadyExistsException as error:
            if not if_not_exists:
                raise QueryError("SCHEMA_ALREADY_EXISTS", f"Database {name} already exists") from error

    def drop_database(self, name: str) -> None:
        """Drops a database with what is in it."""
        self._glue.delete_database(Name=name)

    def put_table(self, database: str, table: dict[str, Any], *, replace: bool = False) -> None:
        """Creates a table or view; `replace` updates the one that is there.

        Raises:
            QueryError: The database is missing, or the table is there already.
        """
        definition = {k: table[k] for k in _OWN_FIELDS if table.get(k) is not None}
        call = self._glue.update_table if replace else self._glue.create_table
        try:
            call(DatabaseName=database, TableInput=cast(Any, definition))
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "EntityNotFoundException":
                raise QueryError(
                    "SCHEMA_NOT_FOUND", f"line 1:1: Schema '{database}' does not exist"
                ) from error
            if code == "AlreadyExistsException":
                raise QueryError(
                    "TABLE_ALREADY_EXISTS",
                    f"line 1:1: Table '{CATALOG}.{database}.{table['Name']}' already exists",
                ) from error
            raise

    def drop_table(self, database: str, name: str) -> None:
        """Drops a table or view; its files stay."""
        self._glue.delete_table(DatabaseName=database, Name=name)

    def add_partitions(self, table: dict[str, Any], partitions: Sequence[Partition]) -> list[Partition]:
        """Adds partitions.

        Returns:
            Those that were there already, and were left as they are.
        """
        existing = []
        for start in range(0, len(partitions), _BATCH):
            batch = partitions[start : start + _BATCH]
            inputs = [
                {
                    "Values": list(p.values),
                    "StorageDescriptor": {**table["StorageDescriptor"], "Location": p.location},
                }
                for p in batch
            ]
            reply = self._glue.batch_create_partition(
                DatabaseName=table["DatabaseName"],
                TableName=table["Name"],
                PartitionInputList=cast(Any, inputs),
            )
            for failure in reply.get("Errors", []):
                detail = failure.get("ErrorDetail", {})
                if detail.get("ErrorCode") != "AlreadyExistsException":
                    raise QueryError(
                        "HIVE_METASTORE_ERROR", f"partition {failure.get('PartitionValues')}: {detail}"
                    )
                existing += [p for p in batch if list(p.values) == failure.get("PartitionValues")]
        return existing

    def drop_partition(self, table: dict[str, Any], values: Sequence[str]) -> bool:
        """Drops a partition; whether it was there."""
        try:
            self._glue.delete_partition(
                DatabaseName=table["DatabaseName"], TableName=table["Name"], PartitionValues=list(values)
            )
        except self._glue.exceptions.EntityNotFoundException:
            return False
        return True

    def move_partition(self, table: dict[str, Any], values: Sequence[str], location: str) -> None:
        """Points a partition at another location."""
        descriptor = {**table["StorageDescriptor"], "Location": location}
        self._glue.update_partition(
            DatabaseName=table["DatabaseName"],
            TableName=table["Name"],
            PartitionValueList=list(values),
            PartitionInput=cast(Any, {"Values": list(values), "StorageDescriptor": descriptor}),
        )


def columns_of(record: dict[str, Any]) -> list[TableColumn]:
    """The data columns of a Glue record."""
    return [
        TableColumn(c["Name"].lower(), parse_type(c["Type"]))
        for c in record.get("StorageDescriptor", {}).get("Columns", [])
    ]


def keys_of(record: dict[str, Any]) -> list[TableColumn]:
    """The partition keys of a Glue record."""
    return [TableColumn(c["Name"].lower(), parse_type(c["Type"])) for c in record.get("PartitionKeys") or []]


def refuse_iceberg(record: dict[str, Any]) -> None:
    """Refuses a table that only Iceberg's metadata can read.

    Raises:
        NotSupportedError: It is one.
    """
    if record.get("Parameters", {}).get("table_type", "").upper() == "ICEBERG":
        raise NotSupportedError(
            f"Iceberg table {record['DatabaseName']}.{record['Name']}: this server reads Hive tables only"
        )
    if any(
        key.startswith("projection.enabled") and value == "true"
        for key, value in record.get("Parameters", {}).items()
    ):
        raise NotSupportedError(f"partition projection of table {record['DatabaseName']}.{record['Name']}")


def _view(database: str, name: str, record: dict[str, Any]) -> ResolvedView:
    match = re.search(r"/\* Presto View: (\S+) \*/", record.get("ViewOriginalText", ""))
    if match is None:
        raise NotSupportedError(f"view {database}.{name} was not written by Athena")
    view = json.loads(base64.b64decode(match[1]))
    return ResolvedView(database, name, dialect.parse(view["originalSql"]), view.get("schema") or database)


def view_record(name: str, sql: str, home: str, columns: Sequence[TableColumn]) -> dict[str, Any]:
    """The Glue record of a view, as Athena writes it."""
    definition = {
        "originalSql": sql,
        "catalog": CATALOG,
        "schema": home,
        "columns": [{"name": c.name, "type": str(c.type)} for c in columns],
    }
    encoded = base64.b64encode(json.dumps(definition).encode()).decode()
    glue_columns = []
    for column in columns:
        try:
            glue_columns.append({"Name": column.name, "Type": column.type.glue})
        except QueryError:  # a view may show what no table can store
            glue_columns.append({"Name": column.name, "Type": "string"})
    return {
        "Name": name,
        "TableType": "VIRTUAL_VIEW",
        "Parameters": {"presto_view": "true", "comment": "Presto View"},
        "ViewOriginalText": f"/* Presto View: {encoded} */",
        "ViewExpandedText": "/* Presto View */",
        "StorageDescriptor": {"Columns": glue_columns, "Location": "", "SerdeInfo": {}},
        "PartitionKeys": [],
    }

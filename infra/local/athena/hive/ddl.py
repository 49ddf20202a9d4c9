"""Runs DDL on the Glue catalog: databases, external tables, partitions, properties."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import unquote

from infra.local.athena.catalog import Catalog, Partition
from infra.local.athena.errors import NotSupportedError, QueryError
from infra.local.athena.hive.reader import HiveReader
from infra.local.athena.objects import ObjectStore, split_uri
from infra.local.athena.results import ResultSet, lines

_PARQUET_IO = (
    "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
)
_TEXT_IO = (
    "org.apache.hadoop.mapred.TextInputFormat",
    "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
)
PARQUET_SERDE = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
LAZY_SERDE = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
_SERDES = (
    PARQUET_SERDE,
    LAZY_SERDE,
    "org.openx.data.jsonserde.JsonSerDe",
    "org.apache.hive.hcatalog.data.JsonSerDe",
    "org.apache.hadoop.hive.serde2.OpenCSVSerde",
)
NOTHING = lines("result", [])


def table_record(
    name: str, columns: Sequence[dict[str, str]], keys: Sequence[dict[str, str]], location: str
) -> dict[str, Any]:
    """The Glue record of a Parquet table."""
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE"},
        "PartitionKeys": list(keys),
        "StorageDescriptor": {
            "Columns": list(columns),
            "Location": location,
            "InputFormat": _PARQUET_IO[0],
            "OutputFormat": _PARQUET_IO[1],
            "SerdeInfo": {"SerializationLibrary": PARQUET_SERDE, "Parameters": {"serialization.format": "1"}},
        },
    }


class DdlRunner:
    """The DDL statements of one query.

    Args:
        catalog: Glue.
        store: S3, for MSCK REPAIR.
        database: The one that unqualified names belong to.
    """

    def __init__(self, catalog: Catalog, store: ObjectStore, database: str) -> None:
        self._catalog = catalog
        self._store = store
        self._database = database
        self._statements: Sequence[tuple[tuple[str, ...], Callable[[HiveReader], ResultSet]]] = (
            (("CREATE", "EXTERNAL", "TABLE"), self._create_table),
            (("CREATE", "TABLE"), self._create_managed),
            (("CREATE", "DATABASE"), self._create_database),
            (("CREATE", "SCHEMA"), self._create_database),
            (("DROP", "DATABASE"), self._drop_database),
            (("DROP", "SCHEMA"), self._drop_database),
            (("DROP", "TABLE"), self._drop_table),
            (("DROP", "VIEW"), self._drop_view),
            (("ALTER", "TABLE"), self._alter_table),
            (("MSCK", "REPAIR", "TABLE"), self._repair),
        )

    def run(self, sql: str) -> ResultSet | None:
        """Runs a statement; None when it is not DDL.

        Raises:
            QueryError: As Athena's DDL engine would.
        """
        reader = HiveReader(sql)
        for words, run in self._statements:
            if reader.accept(*words):
                return run(reader)
        return None

    def _create_database(self, reader: HiveReader) -> ResultSet:
        exists = reader.accept("IF", "NOT", "EXISTS")
        name = reader.name()
        comment = reader.string() if reader.accept("COMMENT") else ""
        location = reader.string() if reader.accept("LOCATION") else ""
        if reader.accept("WITH", "DBPROPERTIES"):
            reader.properties()
        reader.end()
        self._catalog.create_database(name, if_not_exists=exists, comment=comment, location=location)
        return NOTHING

    def _drop_database(self, reader: HiveReader) -> ResultSet:
        exists = reader.accept("IF", "EXISTS")
        name = reader.name()
        cascade = reader.accept("CASCADE")
        reader.accept("RESTRICT")
        reader.end()
        if not self._catalog.has_database(name):
            if exists:
                return NOTHING
            raise QueryError("FAILED", f"SemanticException [Error 10072]: Database does not exist: {name}")
        if not cascade and self._catalog.tables(name):
            raise QueryError("FAILED", f"Database {name} is not empty: drop its tables, or add CASCADE")
        self._catalog.drop_database(name)
        return NOTHING

    # --- tables

    def _create_managed(self, reader: HiveReader) -> ResultSet:
        raise NotSupportedError(
            "CREATE TABLE without EXTERNAL makes an Iceberg table: write CREATE EXTERNAL TABLE"
        )

    def _create_table(self, reader: HiveReader) -> ResultSet:
        exists = reader.accept("IF", "NOT", "EXISTS")
        database, name = reader.qualified(self._database)
        table = table_record(name, reader.columns(), [], "")
        descriptor = table["StorageDescriptor"]
        serde, parameters = "", {}
        descriptor["InputFormat"], descriptor["OutputFormat"] = _TEXT_IO
        while not reader.done:
            if reader.accept("COMMENT"):
                table["Description"] = table["Parameters"]["comment"] = reader.string()
            elif reader.accept("PARTITIONED", "BY"):
                table["PartitionKeys"] = reader.columns()
            elif reader.accept("ROW", "FORMAT", "SERDE"):
                serde = reader.string()
                if reader.accept("WITH", "SERDEPROPERTIES"):
                    parameters = reader.properties()
            elif reader.accept("ROW", "FORMAT", "DELIMITED"):
                serde, parameters = LAZY_SERDE, self._delimited(reader)
            elif reader.accept("STORED", "AS", "INPUTFORMAT"):
                descriptor["InputFormat"] = reader.string()
                reader.expect("OUTPUTFORMAT")
                descriptor["OutputFormat"] = reader.string()
            elif reader.accept("STORED", "AS"):
                serde = self._stored_as(reader.name(), descriptor) or serde
            elif reader.accept("LOCATION"):
                descriptor["Location"] = reader.string()
            elif reader.accept("TBLPROPERTIES"):
                table["Parameters"] |= reader.properties()
            else:
                raise reader.fail("COMMENT, PARTITIONED BY, ROW FORMAT, STORED AS, LOCATION or TBLPROPERTIES")
        descriptor["SerdeInfo"] = {
            "SerializationLibrary": serde or LAZY_SERDE,
            "Parameters": {"serialization.format": "1", **parameters},
        }
        self._check(table)
        if exists and self._catalog.find(database, name):
            return NOTHING
        self._catalog.put_table(database, table)
        return NOTHING

    @staticmethod
    def _check(table: dict[str, Any]) -> None:
        descriptor = table["StorageDescriptor"]
        if not descriptor["Location"]:
            raise QueryError("FAILED", f"no LOCATION for external table {table['Name']}")
        if not descriptor["Location"].endswith("/"):
            descriptor["Location"] += "/"
        split_uri(descriptor["Location"])
        names = [c["Name"] for c in [*descriptor["Columns"], *table["PartitionKeys"]]]
        twice = {n for n in names if names.count(n) > 1}
        if twice:
            raise QueryError(
                "FAILED",
                f"SemanticException [Error 10036]: Duplicate column name: {', '.join(sorted(twice))}",
            )
        library = descriptor["SerdeInfo"]["SerializationLibrary"]
        if library not in _SERDES:
            raise NotSupportedError(f"SerDe {library}: Parquet, JSON and CSV tables are read here")

    @staticmethod
    def _delimited(reader: HiveReader) -> dict[str, str]:
        parameters = {}
        clauses = {
            ("FIELDS", "TERMINATED", "BY"): "field.delim",
            ("ESCAPED", "BY"): "escape.delim",
            ("COLLECTION", "ITEMS", "TERMINATED", "BY"): "colelction.delim",  # spelled so by Hive
            ("MAP", "KEYS", "TERMINATED", "BY"): "mapkey.delim",
            ("LINES", "TERMINATED", "BY"): "line.delim",
            ("NULL", "DEFINED", "AS"): "serialization.null.format",
        }
        found = True
        while found:
            found = False
            for words, key in clauses.items():
                if reader.accept(*words):
                    parameters[key] = reader.string()
                    found = True
        return parameters

    @staticmethod
    def _stored_as(name: str, descriptor: dict[str, Any]) -> str:
        if name == "parquet":
            descriptor["InputFormat"], descriptor["OutputFormat"] = _PARQUET_IO
            return PARQUET_SERDE
        if name in ("textfile", "jsonfile"):
            return "org.apache.hive.hcatalog.data.JsonSerDe" if name == "jsonfile" else ""
        raise NotSupportedError(f"STORED AS {name}: PARQUET and TEXTFILE are read here")

    def _drop_table(self, reader: HiveReader) -> ResultSet:
        return self._drop(reader, view=False)

    def _drop_view(self, reader: HiveReader) -> ResultSet:
        return self._drop(reader, view=True)

    def _drop(self, reader: HiveReader, *, view: bool) -> ResultSet:
        exists = reader.accept("IF", "EXISTS")
        database, name = reader.qualified(self._database)
        reader.end()
        table = self._catalog.find(database, name)
        if table is None:
            if exists:
                return NOTHING
            raise QueryError(
                "TABLE_NOT_FOUND",
                f"line 1:1: {'View' if view else 'Table'} 'awsdatacatalog.{database}.{name}' does not exist",
            )
        if (table.get("TableType") == "VIRTUAL_VIEW") != view:
            raise QueryError(
                "FAILED",
                f"{database}.{name} is a {'table' if view else 'view'}: use DROP"
                f" {'TABLE' if view else 'VIEW'}",
            )
        self._catalog.drop_table(database, name)
        return NOTHING

    def _alter_table(self, reader: HiveReader) -> ResultSet:
        database, name = reader.qualified(self._database)
        table = self._catalog.table(database, name)
        if reader.accept("ADD", "COLUMNS") or reader.accept("REPLACE", "COLUMNS"):
            return self._columns(reader, table)
        if reader.accept("ADD"):
            return self._add_partitions(reader, table)
        if reader.accept("DROP"):
            return self._drop_partitions(reader, table)
        if reader.accept("SET", "TBLPROPERTIES"):
            table["Parameters"] = {**table.get("Parameters", {}), **reader.properties()}
        elif reader.accept("SET", "LOCATION"):
            table["StorageDescriptor"]["Location"] = reader.string()
        elif reader.accept("PARTITION"):
            values = self._values(reader, table)
            reader.expect("SET", "LOCATION")
            self._catalog.move_partition(table, values, reader.string())
            return NOTHING
        else:
            raise NotSupportedError(
                "ALTER TABLE knows ADD/REPLACE COLUMNS, ADD/DROP PARTITION, SET TBLPROPERTIES and SET"
                " LOCATION"
            )
        reader.end()
        self._catalog.put_table(database, table, replace=True)
        return NOTHING

    def _columns(self, reader: HiveReader, table: dict[str, Any]) -> ResultSet:
        adding = reader.words[-1] and any(w.text.upper() == "ADD" for w in reader.words[:8])
        new = reader.columns()
        reader.end()
        have = table["StorageDescriptor"]["Columns"]
        known = {c["Name"] for c in [*have, *(table.get("PartitionKeys") or [])]}
        twice = [c["Name"] for c in new if c["Name"] in known]
        if adding and twice:
            raise QueryError(
                "FAILED", f"SemanticException [Error 10036]: Duplicate column name: {', '.join(twice)}"
            )
        table["StorageDescriptor"]["Columns"] = [*have, *new] if adding else new
        self._catalog.put_table(table["DatabaseName"], table, replace=True)
        return NOTHING

    # --- partitions

    def _values(self, reader: HiveReader, table: dict[str, Any]) -> tuple[str, ...]:
        given = reader.partition()
        keys = [k["Name"].lower() for k in table.get("PartitionKeys") or []]
        if set(given) != set(keys):
            raise QueryError(
                "FAILED",
                f"SemanticException: partition spec {given} does not match the keys {keys} of"
                f" {table['Name']}",
            )
        return tuple(given[k] for k in keys)

    def _add_partitions(self, reader: HiveReader, table: dict[str, Any]) -> ResultSet:
        if_not_exists = reader.accept("IF", "NOT", "EXISTS")
        partitions = []
        while reader.accept("PARTITION"):
            values = self._values(reader, table)
            location = reader.string() if reader.accept("LOCATION") else partition_location(table, values)
            partitions.append(Partition(values, location))
        reader.end()
        if not partitions:
            raise reader.fail("PARTITION")
        existing = self._catalog.add_partitions(table, partitions)
        if existing and not if_not_exists:
            raise QueryError(
                "FAILED", f"AlreadyExistsException: Partition already exists: {existing[0].values}"
            )
        return NOTHING

    def _drop_partitions(self, reader: HiveReader, table: dict[str, Any]) -> ResultSet:
        if_exists = reader.accept("IF", "EXISTS")
        while reader.accept("PARTITION"):
            values = self._values(reader, table)
            if not self._catalog.drop_partition(table, values) and not if_exists:
                raise QueryError("FAILED", f"SemanticException [Error 10006]: Partition not found {values}")
            reader.accept(",")
        reader.end()
        return NOTHING

    def _repair(self, reader: HiveReader) -> ResultSet:
        database, name = reader.qualified(self._database)
        reader.end()
        table = self._catalog.table(database, name)
        keys = [k["Name"].lower() for k in table.get("PartitionKeys") or []]
        location = table["StorageDescriptor"]["Location"].rstrip("/") + "/"
        _, root = split_uri(location)
        known = {p.values for p in self._catalog.partitions(database, name)}
        found: dict[tuple[str, ...], str] = {}
        for item in self._store.data_files(location):
            folders = item.key[len(root) :].split("/")[:-1][: len(keys)]
            pairs = [f.partition("=") for f in folders]
            if keys and [p[0].lower() for p in pairs] == keys:
                values = tuple(unquote(p[2]) for p in pairs)
                if values not in known:
                    found.setdefault(values, location + "/".join(folders) + "/")
        self._catalog.add_partitions(table, [Partition(v, where) for v, where in found.items()])
        shown = ["/".join(f"{k}={x}" for k, x in zip(keys, v, strict=True)) for v in found]
        if not shown:
            return NOTHING
        return lines(
            "result",
            [
                "Partitions not in metastore:\t" + "\t".join(f"{name}:{s}" for s in shown),
                *(f"Repair: Added partition to metastore {name}:{s}" for s in shown),
            ],
        )


def partition_folder(keys: Sequence[str], values: Sequence[str]) -> str:
    """`year=2026/month=02/`, with the characters escaped that Hive escapes."""
    return "".join(f"{k}={_escaped(v)}/" for k, v in zip(keys, values, strict=True))


def partition_location(table: dict[str, Any], values: Sequence[str]) -> str:
    """Where a partition lies by convention."""
    keys = [k["Name"] for k in table.get("PartitionKeys") or []]
    return f"{table['StorageDescriptor']['Location'].rstrip('/')}/{partition_folder(keys, values)}"


def _escaped(value: str) -> str:
    return "".join(
        f"%{ord(c):02X}" if c in "\"#%'*/:=?\\{[]^" or ord(c) < 32 or ord(c) == 127 else c for c in value
    )

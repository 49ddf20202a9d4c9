"""The marts' files and tables: what Athena computed of one, and the partitions that readers see of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from botocore.exceptions import ClientError

from adapters import athena, catalog, lake, objects
from adapters.aws import client
from adapters.catalog import PartitionValues
from adapters.settings import setting

FILE = "rows.parquet"  # a partition's only one
ROWS_A_BATCH = 131_072
_GENERATION = re.compile(rf"gen=[^/]+/{re.escape(FILE)}$")
_DIGEST = "digest"  # of an object's bytes, beside them; what rewrites the object does not carry it over


class MartLayoutError(RuntimeError):
    """A mart's files do not lie where a run could put others beside them unseen."""


def file_key(folder: str, keys: Sequence[str], values: PartitionValues, run: str) -> str:
    """The only file of a generation of a partition: `{folder}iso_week=2026-W06/school_id=s/gen={run}/…`.

    Args:
        folder: The mart's, in the lake bucket; ends with `/`.
        keys: Names of the partition keys.
        values: Theirs.
        run: Names the generation.
    """
    place = "".join(f"{key}={value}/" for key, value in zip(keys, values, strict=True))
    return f"{folder}{place}gen={run}/{FILE}"


def partition_files(database: str, mart: str, expression: str) -> dict[PartitionValues, str]:
    """The key of the file of each partition that readers see.

    Args:
        database: The marts'.
        mart: One that there is.
        expression: See `catalog.partitions`.

    Raises:
        MartLayoutError: A partition is no generation.
    """
    bucket, files = f"s3://{setting('LAKE_BUCKET')}/", {}
    for found in catalog.partitions(database, mart, expression):
        key = f"{found.location.removeprefix(bucket).rstrip('/')}/{FILE}"
        if not _GENERATION.search(key):
            raise MartLayoutError(
                f"partition {'/'.join(found.values)} of mart {mart} is at {found.location}, which is no "
                "generation (…/gen=…/): `luca trends --full-refresh` builds the mart anew"
            )
        files[found.values] = key
    return files


def staged(table: Mapping[str, Any]) -> Iterator[pa.Table]:
    """The rows that Athena left in a table without partitions, some at a time, in the types of its columns.

    Args:
        table: As Glue describes it.
    """
    described = table["StorageDescriptor"]
    schema = pa.schema(
        [(column["Name"], athena.arrow_type(column["Type"])) for column in described["Columns"]]
    )
    bucket, _, prefix = described["Location"].removeprefix("s3://").partition("/")
    for found in objects.under(bucket, f"{prefix.rstrip('/')}/"):
        if not found.size:
            continue
        body = pa.BufferReader(lake.read(bucket, found.key, found.etag))
        # Athena writes timestamps of 96 bits, of which it reads milliseconds.
        with pq.ParquetFile(body, coerce_int96_timestamp_unit="ms") as file:
            for batch in file.iter_batches(ROWS_A_BATCH):
                yield pa.Table.from_batches([batch]).select(schema.names).cast(schema)


def holds(key: str, digest: str) -> bool:
    """Whether an object is there that was written with this digest, and not rewritten since."""
    try:
        found = client("s3").head_object(Bucket=setting("LAKE_BUCKET"), Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"NoSuchKey", "404"}:
            raise
        return False
    return bool(found["Metadata"].get(_DIGEST) == digest)


def write_file(key: str, body: bytes | memoryview, digest: str) -> None:
    """Writes a partition's file with the digest of its bytes."""
    client("s3").put_object(
        Bucket=setting("LAKE_BUCKET"),
        Key=key,
        Body=body,
        ContentType=lake.BINARY,
        Metadata={_DIGEST: digest},
    )


def table_of(staging: Mapping[str, Any], name: str, folder: str, keys: Sequence[str]) -> dict[str, Any]:
    """The table of a mart, of the columns of one that holds its rows.

    Args:
        staging: As Glue describes it.
        name: Of the mart.
        folder: Of its files in the lake bucket.
        keys: Which columns are its partition keys, in their order.

    Returns:
        Glue's `TableInput`.
    """
    described = staging["StorageDescriptor"]
    columns = {column["Name"]: column for column in described["Columns"]}
    return {
        "Name": name,
        "TableType": staging["TableType"],
        "Parameters": staging["Parameters"],
        "PartitionKeys": [columns[key] for key in keys],
        "StorageDescriptor": {
            **described,
            "Columns": [column for name, column in columns.items() if name not in keys],
            "Location": f"s3://{setting('LAKE_BUCKET')}/{folder}",
        },
    }


def check_keys(known: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Checks that two tables have the same partition keys.

    Raises:
        MartLayoutError: They have not.
    """
    if known["PartitionKeys"] != wanted["PartitionKeys"]:
        there, here = ([key["Name"] for key in table["PartitionKeys"]] for table in (known, wanted))
        raise MartLayoutError(
            f"mart {wanted['Name']} is partitioned by {there} and its model by {here}: "
            "`luca trends --full-refresh` builds the mart anew"
        )


def same_columns(known: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether two tables have the same columns, of the same types."""
    return bool(known["StorageDescriptor"]["Columns"] == wanted["StorageDescriptor"]["Columns"])


def create_table(database: str, table: Mapping[str, Any]) -> None:
    """Makes a mart's table, without partitions."""
    client("glue").create_table(DatabaseName=database, TableInput=dict(table))


def update_table(database: str, table: Mapping[str, Any]) -> None:
    """Gives a mart's table other columns; Glue keeps no version of before."""
    client("glue").update_table(DatabaseName=database, TableInput=dict(table), SkipArchive=True)


def drop_table(database: str, mart: str) -> None:
    """Takes a mart with its partitions out of the catalog; its files stay."""
    client("glue").delete_table(DatabaseName=database, Name=mart)

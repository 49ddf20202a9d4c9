"""The lake's objects and its catalog: the only module that speaks to S3 and Glue for the loads.

A partition's place is what Glue says, not what its values spell: compaction moves it. Who writes
into a partition asks `partition_locations` first.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from botocore.exceptions import ClientError

from adapters import catalog
from adapters.aws import client
from adapters.batches import batches
from adapters.settings import setting
from transforms.lake_schema import PARTITION_KEYS, Column

PartitionValues = catalog.PartitionValues

PARTITIONS_A_READ = 1000  # BatchGetPartition's limit
BINARY = "application/octet-stream"
SHARD = "shard"  # the partition key of a load's own table

_PARQUET = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
# A table whose files are named one by one: Athena reads the manifests at its location.
# https://docs.aws.amazon.com/athena/latest/ug/querying-glue-catalog.html
_MANIFEST_FORMAT = "org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat"
_NO_OUTPUT_FORMAT = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"


class ObjectVanishedError(RuntimeError):
    """An object that was there is there no more."""


class ObjectChangedError(RuntimeError):
    """An object is no longer the one whose ETag was noted."""


@dataclass(frozen=True, slots=True)
class LandingFile:
    """An object that Firehose delivered.

    Attributes:
        key: In the landing bucket: `{table}/hour=YYYY-MM-DD-HH/…`.
        etag: Without quotes.
        size: Bytes.
    """

    key: str
    etag: str
    size: int

    @property
    def hour(self) -> str:
        """The hour of delivery in its path, `YYYY-MM-DD-HH`, UTC."""
        return self.key.split("/hour=", 1)[1].split("/", 1)[0]


def landing_files(table: str) -> Iterator[LandingFile]:
    """What lies in the landing area of a table, in the order of its keys, so the oldest hour first.

    The bucket keeps it for 30 days, which bounds what there is to list.
    """
    pages = client("s3").get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=setting("LANDING_BUCKET"), Prefix=f"{table}/hour="):
        for found in page.get("Contents", []):
            if not found["Key"].endswith("/"):  # a console makes such "folders"
                yield LandingFile(found["Key"], found["ETag"].strip('"'), found["Size"])


def read(bucket: str, key: str, etag: str | None = None, span: tuple[int, int] | None = None) -> bytes:
    """An object, whole or a part of it.

    Args:
        bucket: Its bucket.
        key: Its key.
        etag: What it must be; None takes any.
        span: First byte and the one after the last; None is the whole.

    Raises:
        ObjectVanishedError: It is gone.
        ObjectChangedError: Its ETag is another.
    """
    wanted = {} if etag is None else {"IfMatch": f'"{etag}"'}
    if span is not None:
        wanted["Range"] = f"bytes={span[0]}-{span[1] - 1}"
    try:
        body = client("s3").get_object(Bucket=bucket, Key=key, **wanted)["Body"].read()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in {"NoSuchKey", "404"}:
            raise ObjectVanishedError(
                f"s3://{bucket}/{key} is gone; a versioned bucket can restore it"
            ) from error
        if code in {"PreconditionFailed", "412"}:
            raise ObjectChangedError(
                f"s3://{bucket}/{key} is no longer the object with ETag {etag}"
            ) from error
        raise
    return bytes(body)


def read_uri(uri: str) -> bytes:
    """The whole of the object that an `s3://` URI names. See `read`."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return read(bucket, key)


def write(
    bucket: str, key: str, body: bytes | memoryview, content_type: str = "application/octet-stream"
) -> None:
    """Writes an object whole, in place of any that was there. Readers see the old one or the new one."""
    client("s3").put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)


def write_folder(folder: Path, bucket: str, prefix: str) -> int:
    """Copies a folder's files to a prefix.

    Args:
        folder: What to copy, with its folders.
        bucket: Where to.
        prefix: Before each file's path in the folder; ends with `/`.

    Returns:
        How many objects were written.
    """
    written = 0
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        path = file.relative_to(folder).as_posix()
        kind = mimetypes.guess_type(path)[0] or BINARY
        write(bucket, f"{prefix}{path}", file.read_bytes(), kind)
        written += 1
    return written


def keys_under(bucket: str, prefix: str) -> Iterator[str]:
    """The keys of a bucket that begin with a prefix, in order."""
    pages = client("s3").get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=bucket, Prefix=prefix):
        yield from (found["Key"] for found in page.get("Contents", []))


def partition_path(table: str, values: PartitionValues, generation: int = 0) -> str:
    """The prefix of a generation of a partition: `lake/{table}/graduation_year=2029/…/gen=0000/`.

    A partition begins its life in the first, and not in the folder above: a reader of that would see a
    next generation while it is written.
    """
    folders = "/".join(f"{key}={value}" for key, value in zip(PARTITION_KEYS, values, strict=True))
    return f"lake/{table}/{folders}/gen={generation:04d}/"


def quarantine_key(table: str, load_id: str, school_id: str, shard: int) -> str:
    """Where the rows of a school that a load stopped are, in the lake bucket, one object a shard."""
    return f"quarantine/{table}/load_id={load_id}/school_id={school_id}/{shard:04d}.parquet"


class KnownPartition(NamedTuple):
    """What Glue says of a partition.

    Attributes:
        place: The prefix of its files in the lake bucket, which ends with `/`.
        columns: Its own copy of the table's columns, of the day on which it was made or last moved.
    """

    place: str
    columns: list[dict[str, str]]


def partition_locations(table: str, wanted: Iterable[PartitionValues]) -> dict[PartitionValues, str]:
    """Where the partitions that Glue knows have their files.

    Args:
        table: Of the lake database.
        wanted: Which partitions; those that Glue does not know are left out of the answer.

    Returns:
        By partition, the prefix in the lake bucket, which ends with `/`.
    """
    return {values: known.place for values, known in known_partitions(table, wanted).items()}


def known_partitions(table: str, wanted: Iterable[PartitionValues]) -> dict[PartitionValues, KnownPartition]:
    """What Glue says of partitions. Args as of `partition_locations`."""
    name = {"DatabaseName": setting("LAKE_DATABASE"), "TableName": table}
    bucket = f"s3://{setting('LAKE_BUCKET')}/"
    found = {}
    for batch in batches(wanted, PARTITIONS_A_READ):
        ask = [{"Values": list(values)} for values in batch]
        while ask:
            answer = client("glue").batch_get_partition(**name, PartitionsToGet=ask)
            for partition in answer["Partitions"]:
                described = partition["StorageDescriptor"]
                place = described["Location"].removeprefix(bucket).rstrip("/")
                found[tuple(partition["Values"])] = KnownPartition(f"{place}/", described["Columns"])
            ask = answer.get("UnprocessedKeys", [])
    return found


def register_partitions(table: str, locations: Mapping[PartitionValues, str]) -> None:
    """Tells Glue of partitions; one that it knows stays as it is.

    Args:
        table: Of the lake database.
        locations: By partition, the prefix in the lake bucket where its files are.

    Raises:
        PartitionRefusedError: Glue refused one.
    """
    _create_partitions(setting("LAKE_DATABASE"), table, setting("LAKE_BUCKET"), locations)


def _create_partitions(
    database: str, table: str, bucket: str, locations: Mapping[PartitionValues, str]
) -> None:
    described = client("glue").get_table(DatabaseName=database, Name=table)["Table"]["StorageDescriptor"]
    places = {values: f"s3://{bucket}/{prefix}" for values, prefix in locations.items()}
    catalog.create_partitions(database, table, places, described)


def make_manifest_table(
    name: str, columns: Iterable[Column], prefix: str, files: Iterable[str], files_in: str | None = None
) -> None:
    """Makes a table of exactly these files, in the landing database, until it is dropped.

    Args:
        name: Of the table; one that is there is replaced.
        columns: What the files hold.
        prefix: Where in the landing bucket the manifest goes; ends with `/`, and nothing else is there.
        files: Their keys.
        files_in: Their bucket; None is the landing bucket.
    """
    _write_manifest(prefix, files, files_in)
    _make_manifest_table(name, columns, prefix, [])


def make_shard_table(
    name: str, columns: Iterable[Column], prefix: str, shards: Sequence[Iterable[str]]
) -> None:
    """Makes a table of exactly these landing files, in the landing database, until it is dropped.

    Its partition key `shard` (int) says to which shard of the load a row's file belongs.

    Args:
        name: As of `make_manifest_table`.
        columns: As of `make_manifest_table`.
        prefix: As of `make_manifest_table`, with a folder for each shard.
        shards: Keys in the landing bucket, by shard.

    Raises:
        PartitionRefusedError: Glue refused a shard.
    """
    places: dict[PartitionValues, str] = {}
    for number, files in enumerate(shards):
        place = places[(str(number),)] = f"{prefix}shard={number:04d}/"
        _write_manifest(place, files, None)
    _make_manifest_table(name, columns, prefix, [{"Name": SHARD, "Type": "int"}])
    _create_partitions(setting("LANDING_DATABASE"), name, setting("LANDING_BUCKET"), places)


def _write_manifest(prefix: str, files: Iterable[str], files_in: str | None) -> None:
    bucket = setting("LANDING_BUCKET")
    uris = "".join(f"s3://{files_in or bucket}/{key}\n" for key in files)
    write(bucket, f"{prefix}files.txt", uris.encode(), "text/plain")


def _make_manifest_table(
    name: str, columns: Iterable[Column], prefix: str, keys: list[dict[str, str]]
) -> None:
    drop_manifest_table(name)  # left by a run that was killed, perhaps with other partitions
    client("glue").create_table(
        DatabaseName=setting("LANDING_DATABASE"),
        TableInput={
            "Name": name,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"classification": "parquet", "EXTERNAL": "TRUE"},
            "PartitionKeys": keys,
            "StorageDescriptor": {
                "Columns": [{"Name": column.name, "Type": column.glue_type} for column in columns],
                "Location": f"s3://{setting('LANDING_BUCKET')}/{prefix}",
                "InputFormat": _MANIFEST_FORMAT,
                "OutputFormat": _NO_OUTPUT_FORMAT,
                "SerdeInfo": {"SerializationLibrary": _PARQUET},
            },
        },
    )


def has_manifest_table(name: str) -> bool:
    """Whether a table of `make_manifest_table` or `make_shard_table` is there."""
    glue = client("glue")
    try:
        glue.get_table(DatabaseName=setting("LANDING_DATABASE"), Name=name)
    except glue.exceptions.EntityNotFoundException:
        return False
    return True


def drop_manifest_table(name: str) -> None:
    """Removes such a table, if it is there; its manifests stay as evidence."""
    glue = client("glue")
    try:
        glue.delete_table(DatabaseName=setting("LANDING_DATABASE"), Name=name)
    except glue.exceptions.EntityNotFoundException:
        return

"""Generations of a partition: the folders that its rows were written to, one after another.

`lake/{table}/graduation_year=2029/year=2026/month=02/school_id=school_1/gen=0007/`. A reader of the lake
sees the one that Glue names. No folder is within another: what is written to the next generation is no part
of this one, which it would be if a partition began its life in the folder above.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adapters import catalog, lake, object_versions
from adapters.aws import client
from adapters.batches import batches
from adapters.lake import PartitionValues
from adapters.settings import setting

KEYS_A_DELETE = 1000  # DeleteObjects' limit

_GENERATION = re.compile(r"/gen=(\d{4,})/$")


class ObjectsRefusedError(RuntimeError):
    """S3 did not delete an object."""


class PartitionFolderError(RuntimeError):
    """A partition's files are in its folder itself and not in a generation of it."""


@dataclass(frozen=True, slots=True)
class LakeObject:
    """An object of the lake bucket.

    Attributes:
        key: Its key.
        size: Bytes.
        written_at: Seconds since 1970, by S3's clock.
    """

    key: str
    size: int
    written_at: float

    @property
    def folder(self) -> str:
        """Its key without its name; ends with `/`."""
        return f"{self.key.rpartition('/')[0]}/"

    @property
    def name(self) -> str:
        """Its key without its folder."""
        return self.key.rpartition("/")[2]


def number_of(place: str) -> int:
    """The number of a generation.

    Args:
        place: Its prefix in the lake bucket.

    Raises:
        PartitionFolderError: It is no generation. What is written below it would be seen by its readers.
    """
    found = _GENERATION.search(place)
    if not found:
        raise PartitionFolderError(
            f"{place} is no generation of a partition (…/gen=0000/), so nothing can be written beside its "
            "files unseen: copy them to gen=0000/ below it and name that in Glue"
        )
    return int(found[1])


def folder_of(place: str) -> str:
    """The partition's folder that a generation is in; ends with `/`."""
    number_of(place)
    return place[: place.rindex("gen=")]


def objects(prefix: str) -> Iterator[LakeObject]:
    """The lake bucket's objects under a prefix, in the order of their keys; no console "folders"."""
    pages = client("s3").get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=setting("LAKE_BUCKET"), Prefix=prefix):
        for found in page.get("Contents", []):
            if not found["Key"].endswith("/"):
                yield LakeObject(found["Key"], found["Size"], found["LastModified"].timestamp())


def copy(key: str, to: str) -> None:
    """Copies an object of the lake bucket within it."""
    bucket = setting("LAKE_BUCKET")
    client("s3").copy_object(Bucket=bucket, Key=to, CopySource={"Bucket": bucket, "Key": key})


def delete(prefix: str) -> int:
    """Deletes the lake bucket's objects under a prefix; it keeps their versions for 7 days.

    Returns:
        How many there were.

    Raises:
        ObjectsRefusedError: S3 kept one.
    """
    return delete_keys(found.key for found in objects(prefix))


def delete_keys(keys: Iterable[str]) -> int:
    """Deletes objects of the lake bucket, those that are there. Returns and raises as `delete`."""
    deleted = 0
    for batch in batches(({"Key": key} for key in keys), KEYS_A_DELETE):
        answer = client("s3").delete_objects(
            Bucket=setting("LAKE_BUCKET"), Delete={"Objects": batch, "Quiet": True}
        )
        for refused in answer.get("Errors", []):
            raise ObjectsRefusedError(
                f"S3 did not delete {refused['Key']}: {refused['Code']}: {refused.get('Message', '')}; "
                "run it again"
            )
        deleted += len(batch)
    return deleted


def delete_versions(prefix: str, but: str) -> int:
    """Deletes every version of the lake bucket's objects under a prefix, at once and for good.

    Args:
        prefix: Under which.
        but: A prefix whose objects stay, with their versions.

    Returns:
        How many versions and delete markers there were.

    Raises:
        VersionsRefusedError: S3 kept one.
    """
    found = object_versions.everything(setting("LAKE_BUCKET"), prefix)
    return object_versions.delete(version for version in found if not version.key.startswith(but))


def partitions(table: str) -> Iterator[tuple[PartitionValues, str]]:
    """Every partition of a lake table that Glue knows, with the prefix of its files in the lake bucket."""
    bucket = f"s3://{setting('LAKE_BUCKET')}/"
    for found in catalog.partitions(setting("LAKE_DATABASE"), table):
        yield found.values, f"{found.location.removeprefix(bucket).rstrip('/')}/"


def described(table: str) -> dict[str, Any]:
    """What a lake table says of itself in Glue, its columns of today among it."""
    glue = client("glue")
    found = glue.get_table(DatabaseName=setting("LAKE_DATABASE"), Name=table)
    return dict(found["Table"]["StorageDescriptor"])


def move_partition(table: str, values: PartitionValues, place: str, description: Mapping[str, Any]) -> None:
    """Names the place of a partition in Glue: one call, after which its readers see what is there.

    Args:
        table: Of the lake database.
        values: The partition. One that Glue does not know is made.
        place: The prefix in the lake bucket.
        description: From `described`. The partition gets its columns, so its files must be of them.
    """
    glue = client("glue")
    moved = {
        "Values": list(values),
        "StorageDescriptor": {**description, "Location": f"s3://{setting('LAKE_BUCKET')}/{place}"},
    }
    try:
        glue.update_partition(
            DatabaseName=setting("LAKE_DATABASE"),
            TableName=table,
            PartitionValueList=list(values),
            PartitionInput=moved,
        )
    except glue.exceptions.EntityNotFoundException:
        lake.register_partitions(table, {values: place})


def move_partitions(table: str, places: Mapping[PartitionValues, str]) -> None:
    """Names the places of partitions in Glue, one after the other. See `move_partition`."""
    description = described(table)
    for values, place in places.items():
        move_partition(table, values, place, description)


def drop_partitions(table: str, partitions: Iterable[PartitionValues]) -> None:
    """Takes partitions out of the catalog; their objects stay.

    Raises:
        PartitionRefusedError: Glue kept one.
    """
    catalog.drop_partitions(setting("LAKE_DATABASE"), table, partitions)

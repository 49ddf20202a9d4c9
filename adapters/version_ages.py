"""Every version of every object of a bucket, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from adapters.aws import client


class ObjectVersion(NamedTuple):
    """A version of an object, or a delete marker.

    Attributes:
        key: Of the object.
        size: Bytes; 0 of a marker.
        written: When it was written.
        replaced: When a newer version or a marker took its place; None of what is current.
        is_marker: Whether it is a delete marker.
    """

    key: str
    size: int
    written: datetime
    replaced: datetime | None
    is_marker: bool


def object_versions(bucket: str, prefix: str = "") -> Iterator[ObjectVersion]:
    """The versions of a bucket by key, the newest of each first. A page of them is held at a time.

    Args:
        bucket: Its name.
        prefix: Of the keys.

    Raises:
        ClientError, BotoCoreError: S3 cannot be asked.
    """
    newer: ObjectVersion | None = None
    for page in client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        entries = [(each, False) for each in page.get("Versions", [])]
        if markers := page.get("DeleteMarkers"):
            # S3 lists them apart; of the same key, the latest is the newest whatever the clock said.
            entries += [(each, True) for each in markers]
            entries.sort(key=_newest_first)
        for entry, is_marker in entries:
            key, written = entry["Key"], entry["LastModified"]
            replaced = newer.written if newer is not None and newer.key == key else None
            newer = ObjectVersion(key, entry.get("Size", 0), written, replaced, is_marker)
            yield newer


def _newest_first(entry: tuple[Any, bool]) -> tuple[str, bool, float]:
    told, _ = entry
    return told["Key"], not told["IsLatest"], -told["LastModified"].timestamp()

"""Objects of S3 that are changed only as long as they are what was looked at, or read in parts."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
from botocore.exceptions import ClientError

from adapters import lake
from adapters.aws import client
from adapters.lake import ObjectChangedError

# What S3 answers to a condition on an object that is another one by now, or none.
CHANGED = frozenset({"PreconditionFailed", "412", "NoSuchKey", "404"})


@dataclass(frozen=True, slots=True)
class Object:
    """An object as a listing shows it.

    Attributes:
        bucket: Its bucket.
        key: Its key.
        etag: Without quotes.
        size: Bytes.
        written_at: When it was written last; aware.
    """

    bucket: str
    key: str
    etag: str
    size: int
    written_at: datetime


def under(bucket: str, prefix: str) -> Iterator[Object]:
    """The objects of a bucket whose keys begin with a prefix, in the order of their keys."""
    pages = client("s3").get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=bucket, Prefix=prefix):
        for found in page.get("Contents", []):
            etag = found["ETag"].strip('"')
            yield Object(bucket, found["Key"], etag, found["Size"], found["LastModified"])


def find(bucket: str, key: str) -> Object | None:
    """An object as it is now, or None."""
    try:
        found = client("s3").head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"NoSuchKey", "404"}:
            raise
        return None
    return Object(bucket, key, found["ETag"].strip('"'), found["ContentLength"], found["LastModified"])


def replace(object_: Object, body: bytes) -> None:
    """Writes an object whole in place of the one that was looked at.

    Raises:
        ObjectChangedError: Another is there, or none.
    """
    with _unchanged(object_) as wanted:
        client("s3").put_object(
            Bucket=object_.bucket, Key=object_.key, Body=body, ContentType=lake.BINARY, **wanted
        )


def remove(object_: Object) -> None:
    """Removes the object that was looked at; a versioned bucket keeps it as an old version.

    Raises:
        ObjectChangedError: Another is there, or none.
    """
    with _unchanged(object_) as wanted:
        client("s3").delete_object(Bucket=object_.bucket, Key=object_.key, **wanted)


@contextmanager
def _unchanged(object_: Object) -> Iterator[dict[str, str]]:
    try:
        yield {"IfMatch": f'"{object_.etag}"'}
    except ClientError as error:
        if error.response["Error"]["Code"] not in CHANGED:
            raise
        raise ObjectChangedError(
            f"s3://{object_.bucket}/{object_.key} is no longer the object with ETag {object_.etag}: it was "
            "left as it is; run this again to work with what is there now"
        ) from error


def opened(object_: Object) -> pa.NativeFile:
    """An object as a file of which only what is asked for is fetched: a Parquet file's footer, a column.

    Args:
        object_: As it was listed. Another one is not read: `ObjectVanishedError`, `ObjectChangedError`.
    """
    return pa.PythonFile(_Parts(object_), mode="r")


class _Parts(io.RawIOBase):
    def __init__(self, object_: Object) -> None:
        self._object = object_
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._object.size}[whence]
        self._at = start + offset
        return self._at

    def read(self, size: int | None = -1, /) -> bytes:
        end = self._object.size if size is None or size < 0 else min(self._at + size, self._object.size)
        if end <= self._at:
            return b""
        found = lake.read(self._object.bucket, self._object.key, self._object.etag, (self._at, end))
        self._at = end
        return found

"""Every version of a bucket's objects: listed with its age, read in part, replaced, deleted for good."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from botocore.exceptions import ClientError

from adapters.aws import client
from adapters.batches import batches
from adapters.lake import ObjectChangedError, ObjectVanishedError

VERSIONS_A_DELETE = 1000  # DeleteObjects' limit
WHOLE_BELOW = 65_536  # bytes: a smaller object costs one request, and no more bytes than a footer's
_UNVERSIONED = "null"  # S3's name of the version that an object without versions has


class VersionsRefusedError(RuntimeError):
    """S3 did not delete a version."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an object, or a delete marker.

    Attributes:
        bucket: Its bucket.
        key: Its key.
        version_id: S3's.
        etag: Without quotes; empty of a marker.
        size: Bytes; 0 of a marker.
        latest: Whether a reader who names no version gets it.
        written: When, by S3's clock.
        replaced: When a newer version or a marker took its place; None of the latest.
        is_marker: Whether it is a delete marker.
    """

    bucket: str
    key: str
    version_id: str
    etag: str
    size: int
    latest: bool
    written: datetime
    replaced: datetime | None = None
    is_marker: bool = False


def everything(bucket: str, prefix: str = "") -> Iterator[Version]:
    """Every version and delete marker under a prefix by key, the newest of each key first.

    A page of them is held at a time.

    Raises:
        ClientError, BotoCoreError: S3 cannot be asked.
    """
    newer: Version | None = None
    for page in client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        entries = [(each, False) for each in page.get("Versions", [])]
        if markers := page.get("DeleteMarkers"):
            # S3 lists them apart; of the same key, the latest is the newest whatever the clock said.
            entries += [(each, True) for each in markers]
            entries.sort(key=_newest_first)
        for entry, is_marker in entries:
            key = entry["Key"]
            newer = Version(
                bucket,
                key,
                entry["VersionId"],
                entry.get("ETag", "").strip('"'),
                entry.get("Size", 0),
                entry["IsLatest"],
                entry["LastModified"],
                newer.written if newer is not None and newer.key == key else None,
                is_marker,
            )
            yield newer


def _newest_first(entry: tuple[Any, bool]) -> tuple[str, bool, float]:
    told, _ = entry
    return told["Key"], not told["IsLatest"], -told["LastModified"].timestamp()


def versions(bucket: str, prefix: str) -> Iterator[Version]:
    """Every version of the objects under a prefix, by key; delete markers hold nothing and are left out."""
    for version in everything(bucket, prefix):
        if not (version.is_marker or version.key.endswith("/")):  # a console makes such "folders"
            yield version


def delete(wanted: Iterable[Version]) -> int:
    """Deletes versions for good.

    Returns:
        How many.

    Raises:
        VersionsRefusedError: S3 kept one.
    """
    deleted = 0
    for bucket, found in groupby(wanted, lambda version: version.bucket):
        for batch in batches(found, VERSIONS_A_DELETE):
            named = [{"Key": each.key, "VersionId": each.version_id} for each in batch]
            answer = client("s3").delete_objects(Bucket=bucket, Delete={"Objects": named, "Quiet": True})
            for refused in answer.get("Errors", []):
                raise VersionsRefusedError(
                    f"S3 did not delete a version of s3://{bucket}/{refused['Key']}: {refused['Code']}: "
                    f"{refused.get('Message', '')}; run it again"
                )
            deleted += len(batch)
    return deleted


def remove(version: Version) -> None:
    """Deletes what readers see of an object, for good; a version before it does not come back to light."""
    client("s3").delete_object(Bucket=version.bucket, Key=version.key)
    delete([version])


def replace(version: Version, body: bytes) -> str | None:
    """Writes an object anew if it is still the version that was read, and deletes that one for good.

    Returns:
        The ETag of what is there now.

    Raises:
        ObjectChangedError: Another has written it since.
        ObjectVanishedError: It is gone.
    """
    try:
        answer = client("s3").put_object(
            Bucket=version.bucket, Key=version.key, Body=body, IfMatch=f'"{version.etag}"'
        )
    except ClientError as error:
        raise _changed(version, error) from error
    if answer.get("VersionId", _UNVERSIONED) != version.version_id:
        delete([version])
    return str(answer["ETag"]).strip('"')


@dataclass
class Meter:
    """What was read.

    Attributes:
        size: Bytes of objects.
        requests: In so many requests.
    """

    size: int = 0
    requests: int = 0


@dataclass
class VersionFile(io.RawIOBase):
    """A version of an object as a file of which only what is read is fetched.

    Attributes:
        version: Which.
        meter: Counts what is fetched.

    Raises:
        ObjectChangedError: While it is read, its key holds another object.
        ObjectVanishedError: Likewise, or none.
    """

    version: Version
    meter: Meter = field(default_factory=Meter)
    _at: int = 0
    _whole: bytes | None = None

    def seekable(self) -> bool:
        """Yes."""
        return True

    def readable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As of files."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.version.size}[whence]
        self._at = start + offset
        return self._at

    def tell(self) -> int:
        """As of files."""
        return self._at

    def read(self, size: int = -1) -> bytes:
        """The next bytes, in one request."""
        end = self.version.size if size < 0 else min(self._at + size, self.version.size)
        if end <= self._at:
            return b""
        if self.version.size <= WHOLE_BELOW:
            if self._whole is None:
                self._whole = self._fetch(0, self.version.size)
            found = self._whole[self._at : end]
        else:
            found = self._fetch(self._at, end)
        self._at = end
        return found

    def _fetch(self, start: int, end: int) -> bytes:
        wanted: dict[str, Any] = {"Range": f"bytes={start}-{end - 1}", "IfMatch": f'"{self.version.etag}"'}
        if not self.version.latest:
            wanted["VersionId"] = self.version.version_id
        try:
            answer = client("s3").get_object(Bucket=self.version.bucket, Key=self.version.key, **wanted)
        except ClientError as error:
            raise _changed(self.version, error) from error
        body: bytes = answer["Body"].read()
        self.meter.size += len(body)
        self.meter.requests += 1
        return body


def _changed(version: Version, error: ClientError) -> Exception:
    code = error.response["Error"]["Code"]
    place = f"s3://{version.bucket}/{version.key}"
    if code in {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}:
        return ObjectChangedError(f"{place} is no longer the object with ETag {version.etag}; run it again")
    if code in {"NoSuchKey", "NoSuchVersion", "404"}:
        return ObjectVanishedError(f"{place} is gone; run it again")
    return error

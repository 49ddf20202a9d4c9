"""Objects of S3 as local files: listed, fetched once per ETag, kept within a budget."""

from __future__ import annotations

import hashlib
import os
import threading
import uuid
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from infra.local.athena.errors import QueryError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FETCHERS = 16
CACHE_BYTES = 4 * 1024**3
_LISTED_TOGETHER = 4  # from this many neighbours on, one LIST replaces a HEAD for each


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as a listing shows it.

    Attributes:
        bucket: Bucket.
        key: Key.
        etag: Names its content.
        size: Bytes.
    """

    bucket: str
    key: str
    etag: str
    size: int

    @property
    def uri(self) -> str:
        """`s3://bucket/key`."""
        return f"s3://{self.bucket}/{self.key}"


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an S3 URI.

    Raises:
        QueryError: It is none.
    """
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme not in ("s3", "s3a", "s3n") or not bucket:
        raise QueryError("HIVE_METASTORE_ERROR", f"'{uri}' is not a location: write s3://bucket/prefix/")
    return bucket, key


def _folder(location: str) -> tuple[str, str]:
    """Bucket and prefix of a location; the prefix ends with `/`, unless it is the bucket itself."""
    bucket, key = split_uri(location)
    return bucket, key if not key or key.endswith("/") else key + "/"


def _is_read(below: str) -> bool:
    """Whether Athena reads a file of this path below its location: it leaves out hidden files and folders."""
    return not any(part.startswith(("_", ".")) for part in below.split("/"))


class ObjectStore:
    """S3 with a cache of objects on local disk.

    Args:
        client: A boto3 client; used from several threads.
        root: Directory of the cache.
        budget: Bytes to keep; the least recently used files go first.
    """

    def __init__(self, client: S3Client, root: Path, budget: int = CACHE_BYTES) -> None:
        self.client = client
        self._root = root / "objects"
        self._root.mkdir(parents=True, exist_ok=True)
        self._budget = budget
        self._pool = ThreadPoolExecutor(FETCHERS, thread_name_prefix="athena-fetch")
        self._lock = threading.Lock()
        self._turns = [threading.Lock() for _ in range(FETCHERS * 8)]
        self._sizes = {p: p.stat().st_size for p in self._root.iterdir()}
        self._total = sum(self._sizes.values())

    def close(self) -> None:
        """Stops the fetching threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def data_files(self, location: str) -> list[StoredObject]:
        """The data files under a location, hidden ones and empty ones left out as Athena does.

        Raises:
            QueryError: The bucket does not exist or may not be read.
        """
        (_, prefix), listed = _folder(location), self._listed(location)
        return [item for item in listed if _is_read(item.key[len(prefix) :])]

    def data_files_below(self, root: str, locations: Sequence[str]) -> list[list[StoredObject]]:
        """The data files under each of many locations, by one listing of a location that holds them all.

        Raises:
            QueryError: As of `data_files`.
        """
        found: dict[str, list[StoredObject]] = {_folder(location)[1]: [] for location in locations}
        for item in self._listed(root):
            folder = item.key
            while cut := folder.rstrip("/").rpartition("/")[0]:
                folder = f"{cut}/"
                if folder in found and _is_read(item.key[len(folder) :]):
                    found[folder].append(item)
        return [found[_folder(location)[1]] for location in locations]

    def _listed(self, location: str) -> list[StoredObject]:
        """All objects under a location that are not empty."""
        bucket, prefix = _folder(location)
        try:
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            return [
                StoredObject(bucket, item["Key"], item["ETag"].strip('"'), item["Size"])
                for page in pages
                for item in page.get("Contents", [])
                if item["Size"]
            ]
        except (ClientError, BotoCoreError) as error:
            raise QueryError("HIVE_CURSOR_ERROR", f"Failed to list directory {location}: {error}") from error

    def find(self, uris: Sequence[str]) -> list[StoredObject]:
        """Looks up objects by name, as a symlink manifest lists them.

        Raises:
            QueryError: One does not exist; the message names it.
        """
        groups: dict[tuple[str, str], list[str]] = {}
        for uri in uris:
            bucket, key = split_uri(uri)
            groups.setdefault((bucket, key.rpartition("/")[0]), []).append(key)
        known: dict[str, StoredObject] = {}
        for found in self._pool.map(self._find_neighbours, groups.items()):
            known.update(found)
        return [known[self._plain(uri)] for uri in uris]

    @staticmethod
    def _plain(uri: str) -> str:
        bucket, key = split_uri(uri)
        return f"s3://{bucket}/{key}"

    def _find_neighbours(self, group: tuple[tuple[str, str], list[str]]) -> dict[str, StoredObject]:
        (bucket, folder), keys = group
        found: dict[str, StoredObject] = {}
        if len(keys) >= _LISTED_TOGETHER:
            wanted, last = set(keys), max(keys)
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=bucket, Prefix=f"{folder}/" if folder else "", StartAfter=min(keys)[:-1]
            )
            try:
                for page in pages:
                    for item in page.get("Contents", []):
                        if item["Key"] in wanted:
                            o = StoredObject(bucket, item["Key"], item["ETag"].strip('"'), item["Size"])
                            found[o.uri] = o
                    if page.get("Contents") and page["Contents"][-1]["Key"] >= last:
                        break
            except ClientError as error:
                raise QueryError(
                    "HIVE_CURSOR_ERROR", f"Failed to list s3://{bucket}/{folder}/: {error}"
                ) from error
        for key in keys:
            if f"s3://{bucket}/{key}" not in found:
                o = self._head(bucket, key)
                found[o.uri] = o
        return found

    def _head(self, bucket: str, key: str) -> StoredObject:
        try:
            head = self.client.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            raise vanished(f"s3://{bucket}/{key}", error) from error
        return StoredObject(bucket, key, head["ETag"].strip('"'), head["ContentLength"])

    def read(self, item: StoredObject) -> bytes:
        """The bytes of a small object."""
        return self.fetch([item])[0].read_bytes()

    def fetch(self, items: Iterable[StoredObject]) -> list[Path]:
        """Local copies, fetched in parallel where they are not yet here.

        Raises:
            QueryError: An object has vanished or changed since it was listed; names it.
        """
        paths = list(self._pool.map(self._fetch_one, items))
        self._evict(keep=set(paths))
        return paths

    def _fetch_one(self, item: StoredObject) -> Path:
        name = hashlib.sha256(f"{item.uri}\n{item.etag}\n{item.size}".encode()).hexdigest()[:40]
        path = self._root / name
        with self._turns[
            int(name[:4], 16) % len(self._turns)
        ]:  # queries that ask for it at once fetch it once
            return self._fetch_to(path, item)

    def _fetch_to(self, path: Path, item: StoredObject) -> Path:
        if path.exists():
            os.utime(path)
            return path
        partial = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
        try:
            body = self.client.get_object(Bucket=item.bucket, Key=item.key, IfMatch=f'"{item.etag}"')["Body"]
            with partial.open("wb") as file:
                for chunk in body.iter_chunks(1 << 20):
                    file.write(chunk)
        except (ClientError, BotoCoreError) as error:
            partial.unlink(missing_ok=True)
            raise vanished(item.uri, error) from error
        if partial.stat().st_size != item.size:
            partial.unlink()
            raise QueryError("HIVE_CURSOR_ERROR", f"Error reading {item.uri}: expected {item.size} bytes")
        try:
            # Another query may have been faster: its file stays, for it may be linking it right now,
            # and a file that is replaced in that moment cannot be linked.
            os.link(partial, path)
        except FileExistsError:
            return path
        finally:
            partial.unlink()
        with self._lock:
            self._sizes[path] = item.size
            self._total += item.size
        return path

    def _evict(self, keep: set[Path]) -> None:
        with self._lock:
            if self._total <= self._budget:
                return
            ages = sorted((p.stat().st_atime_ns, p) for p in self._sizes if p not in keep and p.exists())
            for _, path in ages:
                if self._total <= self._budget * 0.9:
                    break
                path.unlink(missing_ok=True)
                self._total -= self._sizes.pop(path)

    def read_uri(self, uri: str) -> bytes:
        """The bytes of an object by its name, past the cache.

        Raises:
            QueryError: It does not exist; names it.
        """
        bucket, key = split_uri(uri)
        try:
            return self.client.get_object(Bucket=bucket, Key=key)["Body"].read()
        except (ClientError, BotoCoreError) as error:
            raise vanished(uri, error) from error

    def put(self, uri: str, body: bytes) -> None:
        """Writes an object.

        Raises:
            QueryError: The bucket refuses it.
        """
        bucket, key = split_uri(uri)
        try:
            self.client.put_object(Bucket=bucket, Key=key, Body=body)
        except (ClientError, BotoCoreError) as error:
            raise QueryError("PERMISSION_DENIED", f"Unable to write to {uri}: {error}") from error

    def upload(self, files: Sequence[tuple[Path, str]]) -> None:
        """Uploads local files in parallel.

        Raises:
            QueryError: The bucket refuses one.
        """

        def one(pair: tuple[Path, str]) -> None:
            bucket, key = split_uri(pair[1])
            try:
                self.client.upload_file(str(pair[0]), bucket, key)
            except (ClientError, BotoCoreError, OSError) as error:
                raise QueryError(
                    "HIVE_WRITER_CLOSE_ERROR", f"Unable to write to {pair[1]}: {error}"
                ) from error

        list(self._pool.map(one, files))


def vanished(uri: str, error: Exception) -> QueryError:
    """The failure of a query whose file cannot be opened."""
    return QueryError("HIVE_CURSOR_ERROR", f"Failed to read {uri}: {error}")

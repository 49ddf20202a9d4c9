"""What is to become of a mart's partitions, written down in the lake bucket before it is done.

`publications/{mart}/{run}.json`, from when a run begins to write files of a mart until nobody reads any more
what they replaced. Each change of it is made only to what was read, so that of two runs one gives way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from botocore.exceptions import ClientError

from adapters import lake, objects
from adapters.aws import client
from adapters.catalog import PartitionValues
from adapters.settings import setting

PREFIX = "publications/"


class PublicationTakenError(RuntimeError):
    """Another run has changed the publication that this one works on."""


class State(StrEnum):
    """How far a publication is."""

    WRITING = "writing"  # its files come to be; readers see none of them
    UNDOING = "undoing"  # its files are deleted: nobody ever saw them
    WRITTEN = "written"  # all files are there; the catalog is changed from now on, and to the end
    PUBLISHED = "published"  # the catalog names them; what they replaced waits to be deleted


class Move(msgspec.Struct, frozen=True, array_like=True):
    """A partition that gets a new place.

    Attributes:
        values: Of its keys.
        key: Its new file, in the lake bucket.
        before: Its file until now, likewise; None where there was none.
    """

    values: PartitionValues
    key: str
    before: str | None


class Drop(msgspec.Struct, frozen=True, array_like=True):
    """A partition that has no rows any more.

    Attributes:
        values: Of its keys.
        key: Its file until now, in the lake bucket.
    """

    values: PartitionValues
    key: str


class Publication(msgspec.Struct, frozen=True):
    """What one run does to one mart.

    Attributes:
        database: The marts' database.
        run: Names it, and the folder of each file that it writes.
        state: How far it is.
        table: The mart's table as Glue shall have it.
        moves: Partitions whose rows it writes.
        drops: Partitions that it takes out of the catalog.
        published_at: UTC; None before that.
    """

    database: str
    run: str
    state: State
    table: dict[str, Any]
    moves: tuple[Move, ...] = ()
    drops: tuple[Drop, ...] = ()
    published_at: datetime | None = None

    @property
    def mart(self) -> str:
        """The mart's name."""
        return str(self.table["Name"])

    @property
    def replaced(self) -> Iterator[str]:
        """The files that nobody finds any more once it is published."""
        yield from (move.before for move in self.moves if move.before is not None)
        yield from (drop.key for drop in self.drops)


@dataclass(frozen=True, slots=True)
class Kept:
    """A publication as it stands in the bucket.

    Attributes:
        publication: It.
        etag: Of its object.
    """

    publication: Publication
    etag: str


def begin(publication: Publication) -> Kept:
    """Writes a new one down.

    Raises:
        PublicationTakenError: There is one of this name.
    """
    return _put(publication, {"IfNoneMatch": "*"})


def change(kept: Kept, publication: Publication) -> Kept:
    """Writes one anew, in place of what was read.

    Raises:
        PublicationTakenError: Another run has changed or removed it.
    """
    return _put(publication, {"IfMatch": f'"{kept.etag}"'})


def forget(kept: Kept) -> None:
    """Removes one that is of no use any more."""
    client("s3").delete_object(Bucket=setting("LAKE_BUCKET"), Key=_key(kept.publication))


def every() -> Iterator[Kept]:
    """All that there are, in the order of marts and runs."""
    bucket = setting("LAKE_BUCKET")
    for found in objects.under(bucket, PREFIX):
        body = lake.read(bucket, found.key, found.etag)
        yield Kept(msgspec.json.decode(body, type=Publication), found.etag)


def _key(publication: Publication) -> str:
    return f"{PREFIX}{publication.mart}/{publication.run}.json"


def _put(publication: Publication, condition: dict[str, str]) -> Kept:
    try:
        answer = client("s3").put_object(
            Bucket=setting("LAKE_BUCKET"),
            Key=_key(publication),
            Body=msgspec.json.encode(publication),
            ContentType="application/json",
            **condition,
        )
    except ClientError as error:
        if error.response["Error"]["Code"] not in objects.CHANGED:
            raise
        raise PublicationTakenError(
            f"another run works on mart {publication.mart}: what this one wrote of it was left unseen; "
            "run it again when the other one has ended"
        ) from error
    return Kept(publication, answer["ETag"].strip('"'))

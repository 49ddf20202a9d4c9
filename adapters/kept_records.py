"""Records in the reports bucket, a JSON object each, under keys that sort by time."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from adapters import lake
from adapters.settings import setting

Record = TypeVar("Record")


def keep(key: str, record: Any) -> None:
    """Writes a record.

    Args:
        key: Ends in `.json`; sorts after those of earlier records.
        record: A structure or dataclass.

    Raises:
        ClientError, BotoCoreError: S3 did not take it.
    """
    lake.write(setting("REPORTS_BUCKET"), key, msgspec.json.encode(record), "application/json")


def latest(prefix: str, kind: type[Record], count: int) -> list[Record]:
    """The latest records, oldest first. The bucket keeps them for 400 days, which bounds the listing.

    Args:
        prefix: Of nothing but such records.
        kind: What each is read as.
        count: How many at most, above 0.
    """
    bucket = setting("REPORTS_BUCKET")
    keys = list(lake.keys_under(bucket, prefix))[-count:]
    return [msgspec.json.decode(lake.read(bucket, key), type=kind) for key in keys]

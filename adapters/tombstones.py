"""The erased students of each school: hashes in the store, their key in Parameter Store.

| item | PK | SK |
|---|---|---|
| hashes of a school's erased students | `TENANT#{school}#CONFIG` | `ERASED` |

The writer and the enricher ask for every event. Of a school that never erased anybody that is one read of an
item that is not there, a minute and process.
"""

from __future__ import annotations

import base64
import secrets
from contextlib import suppress

from adapters.aws import client
from adapters.expiring import ExpiringCache
from adapters.settings import setting
from adapters.table import CONFIGURATION_TTL
from adapters.typed_json import from_typed, to_typed
from transforms import keys
from transforms.tombstones import KEY_BYTES, MOST_A_SCHOOL, NOBODY, Tombstones, tombstone

SORT_KEY = "ERASED"

_tombstones: ExpiringCache[str, Tombstones] = ExpiringCache(CONFIGURATION_TTL, 10_000)
_keys: ExpiringCache[str, bytes] = ExpiringCache(900, 10_000)  # a key never changes


class TooManyTombstonesError(RuntimeError):
    """A school's item of hashes is full."""


class TombstoneKeyLostError(RuntimeError):
    """A school has erased students, and the key by which they are known is gone."""


def tombstones(school_id: str) -> Tombstones:
    """The erased students of a school, as of at most a minute ago.

    Raises:
        TombstoneKeyLostError: The school has erased students and no key.
        ClientError, BotoCoreError: The store or Parameter Store cannot be read.
    """
    return _tombstones.get(school_id, _read)


def bury(school_id: str, student_id: str) -> str:
    """Notes that a student is erased; doing it again changes nothing.

    Returns:
        The student's hash.

    Raises:
        TooManyTombstonesError: The school has 10,000 of them.
    """
    mark = subject_hash(school_id, student_id)
    if len(_read(school_id).hashes) >= MOST_A_SCHOOL:
        raise TooManyTombstonesError(
            f"school {school_id!r} has {MOST_A_SCHOOL:,} erased students, as many as an item holds: "
            "erase the whole school, or part the item first"
        )
    _change(school_id, "ADD", mark)
    return mark


def lift(school_id: str, student_id: str) -> bool:
    """Takes a tombstone away: events of the student are stored again.

    Returns:
        Whether there was one.
    """
    mark = subject_hash(school_id, student_id)
    found = mark in _read(school_id).hashes
    _change(school_id, "DELETE", mark)
    return found


def subject_hash(school_id: str, student_id: str) -> str:
    """The hash that stands for a student in tombstones and receipts; the school's key is made if need be."""
    return tombstone(_key(school_id) or _make_key(school_id), student_id)


def forget_school(school_id: str) -> None:
    """Removes a school's hashes and their key: for a school that is erased whole."""
    client("dynamodb").delete_item(TableName=setting("TABLE"), Key=to_typed(_item_key(school_id)))
    ssm = client("ssm")
    with suppress(ssm.exceptions.ParameterNotFound):
        ssm.delete_parameter(Name=_name(school_id))
    _tombstones.clear()
    _keys.clear()


def _read(school_id: str) -> Tombstones:
    answer = client("dynamodb").get_item(
        TableName=setting("TABLE"), Key=to_typed(_item_key(school_id)), ConsistentRead=True
    )
    students = from_typed(answer["Item"]).get("students") if "Item" in answer else None
    if not students:
        return NOBODY
    return Tombstones(frozenset(students), _keys.get(school_id, _kept_key))


def _kept_key(school_id: str) -> bytes:
    key = _key(school_id)
    if key is None:
        raise TombstoneKeyLostError(
            f"school {school_id!r} has erased students and no key at {_name(school_id)}: nobody can "
            "tell who they are, so its events wait. Restore the parameter, or remove the item ERASED of its "
            "configuration"
        )
    return key


def _change(school_id: str, verb: str, mark: str) -> None:
    client("dynamodb").update_item(
        TableName=setting("TABLE"),
        Key=to_typed(_item_key(school_id)),
        UpdateExpression=f"{verb} students :students",
        ExpressionAttributeValues={":students": {"SS": [mark]}},
    )
    _tombstones.clear()


def _key(school_id: str) -> bytes | None:
    ssm = client("ssm")
    try:
        told = ssm.get_parameter(Name=_name(school_id), WithDecryption=True)
    except ssm.exceptions.ParameterNotFound:
        return None
    return base64.b64decode(told["Parameter"]["Value"], validate=True)


def _make_key(school_id: str) -> bytes:
    ssm = client("ssm")
    key = secrets.token_bytes(KEY_BYTES)
    try:
        ssm.put_parameter(
            Name=_name(school_id),
            Value=base64.b64encode(key).decode(),
            Type="SecureString",
            KeyId=setting("TOMBSTONE_KEY_ALIAS"),
            Overwrite=False,
        )
    except ssm.exceptions.ParameterAlreadyExists:  # another erasure of the school was faster
        return _key(school_id) or key
    return key


def _name(school_id: str) -> str:
    return f"{setting('TOMBSTONE_KEYS')}/{keys.identifier('school_id', school_id)}"


def _item_key(school_id: str) -> dict[str, str]:
    return {"PK": keys.config_pk(school_id), "SK": SORT_KEY}

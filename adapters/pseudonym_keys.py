"""The schools' pseudonym keys, in Parameter Store under `{path}/{school}/v{version}`.

Parameter Store (SecureString, KMS) rather than Secrets Manager, which would cost $0.40 per
school and month.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from datetime import UTC, datetime
from typing import NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from adapters.aws import client
from adapters.expiring import ExpiringCache
from adapters.settings import setting
from transforms import keys
from transforms.pseudonyms import KEY_BYTES, Pseudonymizer, PseudonymKey

KEY_TTL = 900  # seconds; a rotation is planned, so a quarter of an hour is soon enough

_pseudonymizers: ExpiringCache[str, Pseudonymizer] = ExpiringCache(KEY_TTL, 5_000)


class KeyUnavailableError(RuntimeError):
    """A school's pseudonym key cannot be read. Its rows wait: better late than raw."""


class KeyVersion(NamedTuple):
    """A version of a school's key, without its secret.

    Attributes:
        school_id: Whose.
        version: From 1.
        created_at: When it was made, aware, UTC.
    """

    school_id: str
    version: int
    created_at: datetime


def pseudonymizer_of(school_id: str) -> Pseudonymizer:
    """The pseudonymizer of a school, with the newest version of its key.

    Raises:
        KeyUnavailableError: There is no key, it is damaged, or Parameter Store does not answer.
    """
    return _pseudonymizers.get(school_id, lambda school: Pseudonymizer(read_key(school)))


def read_key(school_id: str) -> PseudonymKey:
    """The newest version of a school's key.

    Raises:
        KeyUnavailableError: See `pseudonymizer_of`.
    """
    return _opened(school_id, *max(_stored(school_id).items()))


def read_keys(school_id: str) -> list[PseudonymKey]:
    """Every version of a school's key that is still kept, the oldest first.

    Raises:
        KeyUnavailableError: See `pseudonymizer_of`.
    """
    return [_opened(school_id, *each) for each in sorted(_stored(school_id).items())]


def key_versions(school_id: str | None = None) -> list[KeyVersion]:
    """Which versions are kept, by school and version; no secret is read.

    Args:
        school_id: Of this school; all schools by default.

    Raises:
        ClientError, BotoCoreError: Parameter Store does not answer.
    """
    root = setting("PSEUDONYM_KEYS")
    pages = (
        client("ssm")
        .get_paginator("get_parameters_by_path")
        .paginate(Path=_path(school_id) if school_id else root, Recursive=True, WithDecryption=False)
    )
    found = []
    for parameter in (each for page in pages for each in page["Parameters"]):
        school, version = parameter["Name"].removeprefix(f"{root}/").rsplit("/v", 1)
        found.append(KeyVersion(school, int(version), parameter["LastModifiedDate"].astimezone(UTC)))
    return sorted(found)


def create_key(school_id: str, version: int = 1) -> PseudonymKey:
    """Makes and stores a random key for a school.

    Args:
        school_id: The school.
        version: One more than the newest; 1 for a new school.

    Raises:
        FileExistsError: That version exists. A key is never overwritten: its pseudonyms would be orphans.
    """
    key = PseudonymKey(school_id, version, secrets.token_bytes(KEY_BYTES))
    name = _name(school_id, version)
    try:
        client("ssm").put_parameter(
            Name=name,
            Value=base64.b64encode(key.secret).decode(),
            Type="SecureString",
            KeyId=setting("PSEUDONYM_KEY_ALIAS"),
            Overwrite=False,
        )
    except client("ssm").exceptions.ParameterAlreadyExists as error:
        raise FileExistsError(f"pseudonym key {name} exists: a key is rotated, never overwritten") from error
    return key


def delete_key(school_id: str, version: int) -> bool:
    """Deletes a version for good: nobody can tell any more whose pseudonyms are under it.

    Returns:
        Whether there was one.
    """
    ssm = client("ssm")
    try:
        ssm.delete_parameter(Name=_name(school_id, version))
    except ssm.exceptions.ParameterNotFound:
        return False
    _pseudonymizers.clear()
    return True


def _stored(school_id: str) -> dict[int, str]:
    """By version, a school's keys as they are stored; at least one."""
    path = _path(school_id)
    try:
        pages = client("ssm").get_paginator("get_parameters_by_path").paginate(Path=path, WithDecryption=True)
        parameters = [parameter for page in pages for parameter in page["Parameters"]]
    except (ClientError, BotoCoreError) as error:
        raise KeyUnavailableError(f"pseudonym key {path}: {error}") from error
    if not parameters:
        raise KeyUnavailableError(
            f"school {school_id!r} has no pseudonym key under {path}: create one with `luca keys create`"
        )
    return {int(parameter["Name"].rsplit("/v", 1)[1]): parameter["Value"] for parameter in parameters}


def _opened(school_id: str, version: int, value: str) -> PseudonymKey:
    try:
        return PseudonymKey(school_id, version, base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError) as error:
        raise KeyUnavailableError(f"pseudonym key {_name(school_id, version)} is damaged: {error}") from error


def _name(school_id: str, version: int) -> str:
    return f"{_path(school_id)}/v{version}"


def _path(school_id: str) -> str:
    return f"{setting('PSEUDONYM_KEYS')}/{keys.identifier('school_id', school_id)}"

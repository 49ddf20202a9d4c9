"""The schools' pseudonym keys, in Parameter Store under `{path}/{school}/v{version}`.

Parameter Store (SecureString, KMS) rather than Secrets Manager, which would cost $0.40 per
school and month.
"""

from __future__ import annotations

import base64
import binascii
import secrets

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
    versions = {int(parameter["Name"].rsplit("/v", 1)[1]): parameter["Value"] for parameter in parameters}
    version = max(versions)
    try:
        secret = base64.b64decode(versions[version], validate=True)
        return PseudonymKey(school_id, version, secret)
    except (binascii.Error, ValueError) as error:
        raise KeyUnavailableError(f"pseudonym key {path}/v{version} is damaged: {error}") from error


def create_key(school_id: str, version: int = 1) -> PseudonymKey:
    """Makes and stores a random key for a school.

    Args:
        school_id: The school.
        version: One more than the newest; 1 for a new school.

    Raises:
        FileExistsError: That version exists. A key is never overwritten: its pseudonyms would be orphans.
    """
    key = PseudonymKey(school_id, version, secrets.token_bytes(KEY_BYTES))
    name = f"{_path(school_id)}/v{version}"
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


def _path(school_id: str) -> str:
    return f"{setting('PSEUDONYM_KEYS')}/{keys.identifier('school_id', school_id)}"

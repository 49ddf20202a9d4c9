"""What the edge adds to each request that came through its firewall, and whether a request has it."""

from __future__ import annotations

import hmac
import json
import time

from adapters.aws import client
from adapters.expiring import ExpiringCache
from adapters.settings import setting

HEADER = "x-luca-edge"
_TTL = 300.0  # seconds; for so long a rotation leaves both values in force
_AGAIN = 10.0  # seconds between two readings that unknown values bring about

_values: ExpiringCache[str, tuple[str, ...]] = ExpiringCache(_TTL, 1)
_last_reading: dict[str, float] = {}


def values_of(secret: str) -> tuple[str, ...]:
    """The values in force, of the secret's JSON: `value`, and `before` while a rotation lasts.

    Raises:
        ValueError: It has none: every request would be refused, or none.
    """
    told = json.loads(secret)
    found = tuple(told[name] for name in ("value", "before") if told.get(name))
    if not found:
        raise ValueError('the edge\'s secret has neither a value nor one before: put {"value": …} into it')
    return found


def is_one_of(given: str, values: tuple[str, ...]) -> bool:
    """Whether a header's value is in force. How long a wrong one takes does not say how wrong it is."""
    return any(hmac.compare_digest(given.encode(), value.encode()) for value in values)


def passed(given: str) -> bool:
    """Whether a request came through the edge: its header has a value of the secret `LUCA_EDGE_SECRET`.

    Args:
        given: The header's value; empty where there is none.

    Raises:
        ClientError, BotoCoreError: The secret cannot be read.
    """
    secret = setting("EDGE_SECRET")
    if is_one_of(given, _values.get(secret, _read)):
        return True
    # It may have been rotated since; asked for each wrong value, Secrets Manager would throttle us.
    if given and time.monotonic() - _last_reading[secret] > _AGAIN:
        _values.clear()
        return is_one_of(given, _values.get(secret, _read))
    return False


def _read(secret: str) -> tuple[str, ...]:
    _last_reading[secret] = time.monotonic()
    return values_of(client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"])

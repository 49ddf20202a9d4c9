"""AWS clients, one of each a process: making one costs 50 ms, sharing it is safe across threads."""

from __future__ import annotations

from functools import cache
from threading import Lock
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.loaders import create_loader

# Standard retries with a few attempts: queues and pipes retry again behind us, so a call that
# hangs is worse than one that fails.
_CONFIG = Config(
    retries={"mode": "standard", "max_attempts": 4},
    connect_timeout=2,
    read_timeout=20,
    max_pool_connections=32,
    tcp_keepalive=True,
)

_MAKING = Lock()  # botocore's session may be used by one thread at a time, its clients by many


@cache
def client(service: str) -> Any:
    """The process's client of an AWS service (`dynamodb`, `sqs`, `ssm`, `s3`, …).

    The endpoint is boto3's own affair (`AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_{SERVICE}`).
    """
    with _MAKING:
        return boto3.client(service, config=_CONFIG)  # type: ignore[call-overload]  # the name is a variable


def share_service_models() -> None:
    """Lets all sessions of this process read botocore's service models once, instead of each its own.

    For programs that make a session for whatever they do, as dbt-athena does: half of its time went there.
    The models are only read, so that sharing them changes nothing else.
    """
    botocore.session.create_loader = cache(create_loader)

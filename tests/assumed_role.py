"""Work of a test under a role of the templates, on the local cloud that enforces it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import pytest

from adapters import athena
from adapters.aws import client
from tests.recorded_calls import at_the_client


@contextmanager
def assumed(role: str) -> Iterator[None]:
    """What runs in here has the rights of a role of the templates and no others."""
    arn = f"arn:aws:iam::000000000000:role/{role}"
    granted = boto3.client("sts").assume_role(RoleArn=arn, RoleSessionName="tests")["Credentials"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", granted["AccessKeyId"])
        patch.setenv("AWS_SECRET_ACCESS_KEY", granted["SecretAccessKey"])
        patch.setenv("AWS_SESSION_TOKEN", granted["SessionToken"])
        forget_clients()
        try:
            with at_the_client(role):
                yield
        finally:
            forget_clients()


def forget_clients() -> None:
    """Clients keep the credentials and the endpoint that they were made with."""
    boto3.DEFAULT_SESSION = None
    client.cache_clear()
    athena._session.cache_clear()

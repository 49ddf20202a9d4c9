from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from moto import mock_aws

from adapters.aws import client


@pytest.fixture
def ledgers_table(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The ledger's table, empty, played by moto."""
    for name in list(os.environ):
        if name.startswith("AWS_ENDPOINT_URL"):
            monkeypatch.delenv(name)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "LUCA_LEDGER": "luca-loads",
    }.items():
        monkeypatch.setenv(name, value)
    client.cache_clear()
    with mock_aws():
        client("dynamodb").create_table(
            TableName="luca-loads",
            KeySchema=[
                {"AttributeName": "PK", "KeyType": "HASH"},
                {"AttributeName": "SK", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("PK", "SK")],
            BillingMode="PAY_PER_REQUEST",
        )
        yield
    client.cache_clear()

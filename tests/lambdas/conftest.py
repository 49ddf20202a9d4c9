from __future__ import annotations

import json
import os
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from adapters import edge_secret, pseudonym_keys, table, tombstones
from adapters.aws import client
from transforms.points import PointsRules
from transforms.schools import School

EDGE = "what-the-edge-adds"
SCHOOL = School("school_1", "America/Mexico_City", PointsRules(3, {"participation": 4}))


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """DynamoDB, SQS, SSM and KMS as the functions find them, played by moto, with one school."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_TRACE_DISABLED": "true",
        "POWERTOOLS_METRICS_DISABLED": "false",  # the command line, once imported, sets it to true
        "POWERTOOLS_SERVICE_NAME": "tests",
        "LUCA_TABLE": "luca-platform",
        "LUCA_PSEUDONYM_KEYS": "/luca/pseudonym-keys",
        "LUCA_PSEUDONYM_KEY_ALIAS": "alias/luca-pseudonyms",
        "LUCA_TOMBSTONE_KEYS": "/luca/tombstone-keys",
        "LUCA_TOMBSTONE_KEY_ALIAS": "alias/luca-tombstones",
        "LUCA_EDGE_SECRET": "luca/edge",
    }.items():
        monkeypatch.setenv(name, value)
    for name in list(os.environ):
        if name.startswith("AWS_ENDPOINT_URL"):
            monkeypatch.delenv(name)
    with mock_aws():
        _forget()
        boto3.client("dynamodb").create_table(
            TableName="luca-platform",
            KeySchema=[
                {"AttributeName": "PK", "KeyType": "HASH"},
                {"AttributeName": "SK", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "PK", "AttributeType": "S"},
                {"AttributeName": "SK", "AttributeType": "S"},
                {"AttributeName": "pending_pk", "AttributeType": "S"},
                {"AttributeName": "pending_sk", "AttributeType": "S"},
            ],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "pending",
                    "KeySchema": [
                        {"AttributeName": "pending_pk", "KeyType": "HASH"},
                        {"AttributeName": "pending_sk", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
            ],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        queue = boto3.client("sqs").create_queue(QueueName="luca-behavior-rejected")
        monkeypatch.setenv("LUCA_REJECTED_QUEUE", queue["QueueUrl"])
        queue = boto3.client("sqs").create_queue(QueueName="luca-grades")
        monkeypatch.setenv("LUCA_GRADES_QUEUE", queue["QueueUrl"])
        secret = json.dumps({"value": EDGE, "before": ""})
        boto3.client("secretsmanager").create_secret(Name="luca/edge", SecretString=secret)
        kms = boto3.client("kms")
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        kms.create_alias(AliasName="alias/luca-pseudonyms", TargetKeyId=key)
        kms.create_alias(AliasName="alias/luca-tombstones", TargetKeyId=key)
        table.put_school(SCHOOL)
        yield
    _forget()


def _forget() -> None:
    client.cache_clear()
    table._schools.clear()
    table._cohorts.clear()
    pseudonym_keys._pseudonymizers.clear()
    edge_secret._values.clear()
    tombstones._tombstones.clear()
    tombstones._keys.clear()

from __future__ import annotations

import os
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from adapters import table
from adapters.aws import client
from adapters.pseudonym_keys import create_key, key_versions
from adapters.school_register import school_ids
from pipelines.cli import app
from pipelines.cli.schools import KnownSchoolError
from transforms.calendar import UnknownZoneError

pytestmark = pytest.mark.service


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith(("AWS_", "LUCA_"))]:
        monkeypatch.delenv(name)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "LUCA_TABLE": "luca-platform",
        "LUCA_PSEUDONYM_KEYS": "/luca/pseudonym-keys",
        "LUCA_PSEUDONYM_KEY_ALIAS": "alias/aws/ssm",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        client.cache_clear()
        boto3.client("dynamodb").create_table(
            TableName="luca-platform",
            KeySchema=[
                {"AttributeName": "PK", "KeyType": "HASH"},
                {"AttributeName": "SK", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "PK", "AttributeType": "S"},
                {"AttributeName": "SK", "AttributeType": "S"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        table._schools.clear()
        yield
    table._schools.clear()
    client.cache_clear()


def create(school: str, zone: str = "Europe/Madrid") -> str:
    table._schools.clear()  # as a process of its own would find it
    arguments = ["schools", "create", school, "--time-zone", zone]
    return CliRunner().invoke(app, arguments, catch_exceptions=False).output


def test_a_school_is_known_registered_and_has_a_key() -> None:
    assert create("school_1") == "school school_1 in Europe/Madrid, with pseudonym key v1\n"
    table._schools.clear()
    found = table.school("school_1")
    assert found is not None
    assert found.time_zone == "Europe/Madrid"
    assert list(school_ids()) == ["school_1"]
    assert [each.version for each in key_versions("school_1")] == [1]


def test_what_was_killed_after_the_key_is_ended_by_the_next_run() -> None:
    create_key("school_1")
    assert create("school_1").endswith("with the pseudonym key that it had\n")
    assert create("school_1").endswith("with the pseudonym key that it had\n")
    assert [each.version for each in key_versions("school_1")] == [1]


def test_a_school_that_is_there_is_not_made_anew() -> None:
    create("school_1")
    with pytest.raises(KnownSchoolError, match="there already, in Europe/Madrid"):
        create("school_1", "America/Lima")


def test_a_zone_that_is_none_makes_nothing() -> None:
    with pytest.raises(UnknownZoneError):
        create("school_1", "Europe/Luca")
    assert list(school_ids()) == []
    assert key_versions("school_1") == []

"""What the templates declare, against the registry of retention."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.local.templates import Resource, read_template
from transforms.retention.lifecycle import fixed_rules
from transforms.retention.places import Days, Kind, Mechanism
from transforms.retention.registry import BUCKETS, PLACES, place_of, stores

TEMPLATES = sorted(Path(__file__).parents[2].joinpath("infra").glob("*.yaml"))
RESOURCES = [resource for path in TEMPLATES for resource in read_template(path).resources.values()]
WRITES = {"s3:PutObject", "s3:*"}


def of(kind: str) -> list[Resource]:
    return [resource for resource in RESOURCES if resource.type == kind]


def names(kind: str, name: str) -> set[str]:
    return {resource.properties[name] for resource in of(kind)}


def test_every_bucket_is_in_the_registry_with_exactly_its_rules() -> None:
    declared = {bucket.logical_id: bucket for bucket in of("AWS::S3::Bucket")}
    assert set(declared) == {bucket.resource for bucket in BUCKETS}
    for bucket in BUCKETS:
        found = declared[bucket.resource].properties
        assert found["VersioningConfiguration"] == {"Status": "Enabled"}
        expected = [rule.declaration() for rule in fixed_rules(bucket)]
        assert found["LifecycleConfiguration"]["Rules"] == expected


def test_every_table_is_in_the_registry_with_its_time_to_live_and_its_recovery() -> None:
    assert names("AWS::DynamoDB::Table", "TableName") == set(stores(Kind.ITEMS)) == set(stores(Kind.RECOVERY))
    for table in of("AWS::DynamoDB::Table"):
        lives = any(
            place.mechanism is Mechanism.TTL
            for place in PLACES
            if place.store == table.properties["TableName"]
        )
        assert table.properties["TimeToLiveSpecification"]["Enabled"] is lives
        assert table.properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


def test_every_queue_is_in_the_registry_with_its_retention() -> None:
    registered = stores(Kind.MESSAGES)
    assert names("AWS::SQS::Queue", "QueueName") == set(registered)
    for queue in of("AWS::SQS::Queue"):
        rule = registered[queue.properties["QueueName"]].rule
        assert isinstance(rule, Days)
        assert queue.properties["MessageRetentionPeriod"] == rule.days * 86_400


def test_every_log_group_is_in_the_registry_with_its_retention() -> None:
    registered = stores(Kind.LOG)
    assert names("AWS::Logs::LogGroup", "LogGroupName") == set(registered)
    for group in of("AWS::Logs::LogGroup"):
        rule = registered[group.properties["LogGroupName"]].rule
        assert isinstance(rule, Days)
        assert group.properties["RetentionInDays"] == rule.days


def test_every_function_has_a_log_group_so_that_none_keeps_its_log_for_ever() -> None:
    for function in of("AWS::Serverless::Function"):
        assert f"/aws/lambda/{function.properties['FunctionName']}" in stores(Kind.LOG)


def written_prefixes() -> Iterator[tuple[str, str]]:
    """Bucket and prefix of every permission to write an object."""
    for role in RESOURCES:
        documents = [each["PolicyDocument"] for each in role.properties.get("Policies", [])]
        documents += [role.properties["PolicyDocument"]] if role.type == "AWS::IAM::RolePolicy" else []
        for statement in (each for document in documents for each in document["Statement"]):
            if WRITES & set(listed(statement.get("Action", []))) and statement["Effect"] == "Allow":
                yield from map(target, listed(statement["Resource"]))


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def target(resource: Any) -> tuple[str, str]:
    """`LANDING` and `loads/` of a Sub that names a bucket by import or by attribute."""
    spelled = resource["Fn::Sub"]
    text = spelled if isinstance(spelled, str) else spelled[0]
    said = text if isinstance(spelled, str) else str(spelled[1])
    (name,) = (bucket.name for bucket in BUCKETS if re.search(rf"\b(luca-)?{bucket.resource}\b", said))
    return name, text.split("/", 1)[1].removesuffix("*")


@pytest.mark.parametrize(("bucket", "prefix"), sorted(set(written_prefixes())))
def test_what_a_role_may_write_lies_in_a_registered_place(bucket: str, prefix: str) -> None:
    inside = place_of(bucket, prefix)
    around = [place for place in PLACES if place.store == bucket and place.keys.startswith(prefix)]
    assert inside or around


def test_firehose_delivers_into_registered_places() -> None:
    for stream in of("AWS::KinesisFirehose::DeliveryStream"):
        destination = stream.properties["ExtendedS3DestinationConfiguration"]
        for name in ("Prefix", "ErrorOutputPrefix"):
            assert place_of("LANDING", destination[name]), destination[name]


def test_athena_answers_into_registered_places() -> None:
    for group in of("AWS::Athena::WorkGroup"):
        text, _ = group.properties["WorkGroupConfiguration"]["ResultConfiguration"]["OutputLocation"][
            "Fn::Sub"
        ]
        assert place_of("RESULTS", text.removeprefix("s3://${Bucket}/")), text

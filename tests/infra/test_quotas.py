"""What AWS limits, held against what the templates declare. Each limit with the page that says it."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from infra.local.templates import Resource
from tests.infra import deployed
from tests.infra.deployed import made_as, of_type
from transforms.keys import IDENTIFIER
from transforms.lake_schema import LAKE_TABLES

MIB = 1024 * 1024
UNIQUE = ("FunctionName", "QueueName", "TableName", "BucketName", "RoleName", "AlarmName", "LogGroupName")


def place(resource: Resource) -> str:
    return resource.place


@pytest.mark.parametrize("queue", of_type("AWS::SQS::Queue"), ids=place)
def test_a_queue(queue: Resource) -> None:
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
    said = queue.properties
    assert 1024 <= said.get("MaximumMessageSize", MIB) <= MIB
    assert 60 <= said["MessageRetentionPeriod"] <= 14 * 86_400
    assert 0 <= said.get("VisibilityTimeout", 30) <= 43_200


def test_a_function_behind_a_queue() -> None:
    # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    events = [
        event["Properties"]
        for function in of_type("AWS::Serverless::Function")
        for event in function.properties.get("Events", {}).values()
        if event["Type"] == "SQS"
    ]
    assert events
    for event in events:
        assert event["BatchSize"] <= (10_000 if event.get("MaximumBatchingWindowInSeconds", 0) >= 1 else 10)
        assert 2 <= event["ScalingConfig"]["MaximumConcurrency"] <= 1_000


@pytest.mark.parametrize("function", of_type("AWS::Serverless::Function"), ids=place)
def test_a_functions_environment(function: Resource) -> None:
    # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    variables = function.properties["Environment"]["Variables"]
    assert sum(len(name) + len(str(value)) for name, value in variables.items()) < 4096


def test_a_stream_has_no_more_than_two_readers() -> None:
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
    readers = Counter(each.properties["Source"] for each in of_type("AWS::Pipes::Pipe"))
    assert readers
    assert max(readers.values()) <= 2


@pytest.mark.parametrize("pipe", of_type("AWS::Pipes::Pipe"), ids=place)
def test_a_pipes_batch_fits_into_one_call_of_firehose(pipe: Resource) -> None:
    # https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html
    batch = pipe.properties["SourceParameters"]["DynamoDBStreamParameters"]["BatchSize"]
    assert batch <= 500
    assert batch * largest_row() <= 4 * MIB
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-dynamodb.html
    said = pipe.properties["SourceParameters"]["DynamoDBStreamParameters"]
    assert said["MaximumBatchingWindowInSeconds"] <= 300
    assert 1 <= said["ParallelizationFactor"] <= 10
    assert said["MaximumRetryAttempts"] >= 0, "-1 retries for ever and blocks the shard"
    assert 60 <= said["MaximumRecordAgeInSeconds"] < 86_400, "a stream keeps a day"
    assert said["DeadLetterConfig"]["Arn"] in {made_as(each) for each in of_type("AWS::SQS::Queue")}


def largest_row() -> int:
    """Bytes of the longest row that the enricher can make: every text an identifier of full length."""
    assert "{1,64}" in IDENTIFIER
    return max(
        len(json.dumps(dict.fromkeys(table.landing_schema.names, "x" * 64))) for table in LAKE_TABLES.values()
    )


@pytest.mark.parametrize("stream", of_type("AWS::KinesisFirehose::DeliveryStream"), ids=place)
def test_a_delivery_streams_buffer(stream: Resource) -> None:
    # https://docs.aws.amazon.com/firehose/latest/dev/buffering-hints.html: at least 64 MiB to write Parquet
    hints = stream.properties["ExtendedS3DestinationConfiguration"]["BufferingHints"]
    assert 64 <= hints["SizeInMBs"] <= 128
    assert 0 <= hints["IntervalInSeconds"] <= 900


@pytest.mark.parametrize("schedule", of_type("AWS::Scheduler::Schedule"), ids=place)
def test_a_schedule_tries_again_and_gives_up(schedule: Resource) -> None:
    # https://docs.aws.amazon.com/scheduler/latest/APIReference/API_RetryPolicy.html
    retry = schedule.properties["Target"]["RetryPolicy"]
    assert 1 <= retry["MaximumRetryAttempts"] <= 185
    assert 60 <= retry["MaximumEventAgeInSeconds"] <= 86_400
    json.loads(schedule.properties["Target"]["Input"])


@pytest.mark.parametrize("table", of_type("AWS::DynamoDB::Table"), ids=place)
def test_a_tables_indexes_use_what_is_declared(table: Resource) -> None:
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
    indexes = table.properties.get("GlobalSecondaryIndexes", [])
    assert len(indexes) <= 20
    keys = {
        key["AttributeName"]
        for schema in (table.properties["KeySchema"], *(each["KeySchema"] for each in indexes))
        for key in schema
    }
    assert keys == {each["AttributeName"] for each in table.properties["AttributeDefinitions"]}


@pytest.mark.parametrize("role", of_type("AWS::IAM::Role"), ids=place)
def test_a_roles_policies(role: Resource) -> None:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    assert deployed.size(deployed.policy_of(deployed.role_name(role))) <= 10_240
    assert deployed.size(role.properties["AssumeRolePolicyDocument"]) <= 2_048
    assert len(role.properties.get("Description", "")) <= 1_000


@pytest.mark.parametrize("group", of_type("AWS::Athena::WorkGroup"), ids=place)
def test_a_work_groups_limit(group: Resource) -> None:
    # https://docs.aws.amazon.com/athena/latest/APIReference/API_WorkGroupConfiguration.html
    assert group.properties["WorkGroupConfiguration"]["BytesScannedCutoffPerQuery"] >= 10_000_000


def test_templates_fit_into_a_stack() -> None:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
    for file, resources in Counter(each.file for each in deployed.everything()).items():
        assert resources <= 500, file
        assert (deployed.INFRA / file).stat().st_size <= MIB, file


def test_names_are_given_once() -> None:
    for name in UNIQUE:
        given = Counter(each.properties[name] for each in deployed.everything() if name in each.properties)
        # A policy that is added to a role names the role.
        added = {each.properties["RoleName"] for each in of_type("AWS::IAM::RolePolicy")}
        assert [each for each, times in given.items() if times > 1 and each not in added] == [], name

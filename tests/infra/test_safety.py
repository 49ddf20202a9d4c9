"""Rules that every resource of the templates keeps: encrypted, closed, kept, traced. Exceptions say why."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from infra.local.templates import Resource
from tests.infra import deployed
from tests.infra.deployed import listed, made_as, of_type

CLOSED = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
LOG_DAYS = {1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3653}
# Work groups whose queries say where the answer goes: the role of who asks says where it may.
NAMING_A_PLACE = {
    "luca-dbt": "dbt names the path of each mart",
    "luca-schools": "each school's answers have a folder of their own",
}
# Who may take a role without saying for which account: the role, and why.
NO_ACCOUNT_SAID = {
    "GatewayRole": (
        "HTTP APIs document no account with their calls, and a role cannot be passed to another account's "
        "API; it sends to one queue"
    ),
}


def buckets() -> list[Resource]:
    return of_type("AWS::S3::Bucket")


def by_name(resource: Resource) -> str:
    return resource.place


@pytest.mark.parametrize("bucket", buckets(), ids=by_name)
def test_a_bucket_is_encrypted_closed_and_versioned(bucket: Resource) -> None:
    (rule,) = bucket.properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert rule["BucketKeyEnabled"] is True
    assert bucket.properties["PublicAccessBlockConfiguration"] == dict.fromkeys(CLOSED, True)
    assert bucket.properties["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert bucket.properties["VersioningConfiguration"] == {"Status": "Enabled"}


@pytest.mark.parametrize("bucket", buckets(), ids=by_name)
def test_a_bucket_is_spoken_to_by_tls_only(bucket: Resource) -> None:
    name = bucket.properties["BucketName"]
    (policy,) = [each for each in of_type("AWS::S3::BucketPolicy") if each.properties["Bucket"] == name]
    denied = [
        set(listed(each["Resource"]))
        for each in policy.properties["PolicyDocument"]["Statement"]
        if each["Effect"] == "Deny"
        and each["Principal"] == "*"
        and each["Action"] == "s3:*"
        and each["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    ]
    assert {made_as(bucket), f"{made_as(bucket)}/*"} in denied


@pytest.mark.parametrize("table", of_type("AWS::DynamoDB::Table"), ids=by_name)
def test_a_table_is_encrypted_recoverable_and_protected(table: Resource) -> None:
    assert table.properties["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}
    assert table.properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table.properties["DeletionProtectionEnabled"] is True


@pytest.mark.parametrize(
    "resource",
    of_type("AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::SecretsManager::Secret"),
    ids=by_name,
)
def test_what_holds_data_or_opens_it_outlives_its_stack(resource: Resource) -> None:
    assert resource.deletion_policy == "Retain"
    assert resource.update_replace_policy == "Retain"


@pytest.mark.parametrize("key", of_type("AWS::KMS::Key"), ids=by_name)
def test_a_key_is_rotated(key: Resource) -> None:
    assert key.properties["EnableKeyRotation"] is True


@pytest.mark.parametrize("queue", of_type("AWS::SQS::Queue"), ids=by_name)
def test_a_queue_is_encrypted(queue: Resource) -> None:
    assert queue.properties.get("SqsManagedSseEnabled") is True or "KmsMasterKeyId" in queue.properties


@pytest.mark.parametrize("stream", of_type("AWS::KinesisFirehose::DeliveryStream"), ids=by_name)
def test_a_delivery_stream_is_encrypted_and_writes_down_what_fails(stream: Resource) -> None:
    assert stream.properties["DeliveryStreamEncryptionConfigurationInput"]["KeyType"]
    destination = stream.properties["ExtendedS3DestinationConfiguration"]
    assert destination["CloudWatchLoggingOptions"]["Enabled"] is True
    assert destination["ErrorOutputPrefix"].startswith("errors/")


@pytest.mark.parametrize("secret", of_type("AWS::SecretsManager::Secret"), ids=by_name)
def test_no_secret_stands_in_a_template(secret: Resource) -> None:
    assert "SecretString" not in secret.properties
    assert "GenerateSecretString" in secret.properties


def words_in_environments() -> Iterator[tuple[str, str, str]]:
    for function in of_type("AWS::Serverless::Function"):
        for name, value in function.properties["Environment"]["Variables"].items():
            yield function.place, name, str(value)
    for task in of_type("AWS::ECS::TaskDefinition"):
        for container in task.properties["ContainerDefinitions"]:
            for each in container.get("Environment", []):
                yield task.place, each["Name"], str(each["Value"])


def test_no_environment_carries_a_secret() -> None:
    told = [
        each for each in words_in_environments() if re.search("PASSWORD|SECRET|TOKEN|CREDENTIAL", each[1])
    ]
    # The name of a secret is none: whoever reads it still needs the right to open it.
    assert [each for each in told if "arn:aws:secretsmanager:" not in each[2]] == []


@pytest.mark.parametrize("log", of_type("AWS::Logs::LogGroup"), ids=by_name)
def test_a_log_ends_some_day(log: Resource) -> None:
    assert log.properties["RetentionInDays"] in LOG_DAYS
    assert log.properties["RetentionInDays"] <= 400


def logs_written() -> Iterator[tuple[str, str]]:
    for stage in of_type("AWS::ApiGatewayV2::Stage"):
        yield stage.place, stage.properties["AccessLogSettings"]["DestinationArn"]
    for machine in of_type("AWS::Serverless::StateMachine"):
        for each in machine.properties["Logging"]["Destinations"]:
            yield machine.place, each["CloudWatchLogsLogGroup"]["LogGroupArn"]
    for task in of_type("AWS::ECS::TaskDefinition"):
        for container in task.properties["ContainerDefinitions"]:
            name = container["LogConfiguration"]["Options"]["awslogs-group"]
            yield task.place, f"arn:aws:logs:{deployed.REGION}:{deployed.ACCOUNT}:log-group:{name}:*"


def test_every_log_that_is_written_is_declared() -> None:
    declared = {made_as(each) for each in of_type("AWS::Logs::LogGroup")}
    assert [each for each in logs_written() if each[1] not in declared] == []


@pytest.mark.parametrize("machine", of_type("AWS::Serverless::StateMachine"), ids=by_name)
def test_a_machine_is_traced(machine: Resource) -> None:
    assert machine.properties["Tracing"] == {"Enabled": True}


@pytest.mark.parametrize("stage", of_type("AWS::ApiGatewayV2::Stage"), ids=by_name)
def test_the_gateway_throttles(stage: Resource) -> None:
    # The mission's 5,000 events a second pass, a flood does not.
    limits = stage.properties["DefaultRouteSettings"]
    assert 5_000 <= limits["ThrottlingRateLimit"] <= 10_000
    assert 5_000 <= limits["ThrottlingBurstLimit"] <= 10_000


@pytest.mark.parametrize("group", of_type("AWS::Athena::WorkGroup"), ids=by_name)
def test_a_work_group_has_a_limit_and_encrypts_its_answers(group: Resource) -> None:
    said = group.properties["WorkGroupConfiguration"]
    assert said["BytesScannedCutoffPerQuery"] > 0
    assert said["ResultConfiguration"]["EncryptionConfiguration"]["EncryptionOption"]
    assert said["EnforceWorkGroupConfiguration"] is (group.properties["Name"] not in NAMING_A_PLACE)


def trusted() -> Iterator[tuple[str, dict[str, Any]]]:
    for role in of_type("AWS::IAM::Role"):
        for statement in role.properties["AssumeRolePolicyDocument"]["Statement"]:
            yield deployed.role_name(role), statement


def test_nobody_unnamed_takes_a_role() -> None:
    for role, statement in trusted():
        assert statement["Principal"] != "*", role
        assert "*" not in listed(statement["Principal"].get("AWS", [])), role


def test_a_person_takes_a_role_with_a_second_factor_only() -> None:
    people = [
        (role, statement)
        for role, statement in trusted()
        if any(str(each).endswith(":root") for each in listed(statement["Principal"].get("AWS", [])))
        and statement["Action"] != "sts:TagSession"  # a part of the same call
    ]
    assert people
    for role, statement in people:
        assert statement["Condition"]["Bool"] == {"aws:MultiFactorAuthPresent": "true"}, role


def test_a_service_takes_a_role_for_this_account_only() -> None:
    """Else a service could be used by another account to act here: the confused deputy."""
    said = {
        role
        for role, statement in trusted()
        if {"aws:SourceAccount", "sts:ExternalId"}
        & statement.get("Condition", {}).get("StringEquals", {}).keys()
    }
    # https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html: a function is bound to
    # its role by whoever may pass it, in this account.
    services = {
        role
        for role, statement in trusted()
        if statement["Principal"].get("Service") not in {None, "lambda.amazonaws.com"}
    }
    assert services - said == set(NO_ACCOUNT_SAID)


def test_a_role_is_allowed_actions_by_name() -> None:
    for each in deployed.statements():
        assert set(each.document) <= {"Sid", "Effect", "Action", "Resource", "Condition"}, each.place
        assert each.document["Effect"] == "Allow", each.place
        assert [action for action in each.actions if "*" in action] == [], each.place

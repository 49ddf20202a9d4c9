from __future__ import annotations

from pathlib import Path

import pytest

from infra.local.children import REPOSITORY
from infra.local.resources import ABSENT, MAKERS, make_all
from infra.local.resources.maker import Workshop
from infra.local.stacks import Stacks
from infra.local.templates import TemplateError, read_template


def offline(tmp_path: Path, text: str) -> tuple[Stacks, Workshop]:
    path = tmp_path / "some.yaml"
    path.write_text(text)

    def no_client(service: str) -> None:
        raise AssertionError(f"nothing here needs {service}")

    stacks = Stacks([read_template(path)], {}, account_id="0" * 12, region="us-east-1")
    return stacks, Workshop(no_client, account_id="0" * 12, region="us-east-1", gateway_endpoint="http://x")


@pytest.mark.parametrize(
    "template", sorted((REPOSITORY / "infra").glob("*.yaml")), ids=lambda path: path.name
)
def test_every_resource_of_the_templates_is_run_or_said_to_be_absent(template: Path) -> None:
    types = {resource.type for resource in read_template(template).resources.values()}
    assert types <= MAKERS.keys() | ABSENT.keys()


def test_nothing_is_both_run_and_absent() -> None:
    assert not MAKERS.keys() & ABSENT.keys()


def test_a_type_that_is_neither_run_nor_absent_is_an_error(tmp_path: Path) -> None:
    stacks, shop = offline(tmp_path, "Resources: {Topic: {Type: AWS::Route53::HostedZone}}")
    with pytest.raises(TemplateError, match=r"some\.yaml: Topic: AWS::Route53::HostedZone is neither run"):
        make_all(stacks, shop)


def test_what_is_absent_is_listed_with_its_reason(tmp_path: Path) -> None:
    stacks, shop = offline(tmp_path, "Resources: {Firewall: {Type: AWS::WAFv2::WebACL}}")
    make_all(stacks, shop)
    ((what, why),) = shop.plan.absent
    assert what == "some.yaml: Firewall (AWS::WAFv2::WebACL)"
    assert why


FUNCTION = """
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      Handler: a.b
      Role: arn:aws:iam::000000000000:role/r
      Events: {E: {Type: SQS, Properties: {Queue: arn:q, %s}}}
"""


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ("BatchSize: 50", r"F\.Events\.E\.Properties: BatchSize 50 needs MaximumBatchingWindowInSeconds"),
        ("ScalingConfig: {MaximumConcurrency: 1}", r"MaximumConcurrency 1: the least is 2"),
        ("FunctionResponseTypes: [Other]", r"FunctionResponseTypes \['Other'\]"),
        ("FilterCriteria: {}", r"F\.Events\.E\.Properties: \['FilterCriteria'\]"),
    ],
)
def test_a_mapping_that_lambda_would_refuse_is_refused(tmp_path: Path, properties: str, said: str) -> None:
    stacks, shop = offline(tmp_path, FUNCTION % properties)
    shop.notes["visibility time-out/arn:q"] = 30.0
    with pytest.raises(TemplateError, match=said):
        make_all(stacks, shop)


SCHEDULE = """
Resources:
  S:
    Type: AWS::Scheduler::Schedule
    Properties:
      Name: nights
      ScheduleExpression: %s
      FlexibleTimeWindow: {Mode: "OFF"}
      Target: {Arn: "arn:aws:lambda:us-east-1:000000000000:function:f", RoleArn: r, Input: "{}"}
"""


def test_a_schedule_is_noted_for_the_clock(tmp_path: Path) -> None:
    stacks, shop = offline(tmp_path, SCHEDULE % "cron(0/15 * * * ? *)")
    make_all(stacks, shop)
    (noted,) = shop.plan.schedules
    assert (noted.name, noted.time_zone, noted.input, noted.enabled) == ("nights", "UTC", "{}", True)


def test_a_schedule_that_the_clock_does_not_understand_is_an_error(tmp_path: Path) -> None:
    stacks, shop = offline(tmp_path, SCHEDULE % "cron(0 0 L * ? *)")
    with pytest.raises(TemplateError, match=r"S\.ScheduleExpression: .*'L' is not understood"):
        make_all(stacks, shop)


@pytest.mark.parametrize(
    ("visibility", "said"),
    [
        (2.0, r"VisibilityTimeout of 2 s is less than the function's Timeout of 3 s"),
        (None, r"no declared queue"),
    ],
)
def test_a_queue_that_lambda_would_refuse_is_refused(
    tmp_path: Path, visibility: float | None, said: str
) -> None:
    stacks, shop = offline(tmp_path, FUNCTION % "BatchSize: 10")
    if visibility is not None:
        shop.notes["visibility time-out/arn:q"] = visibility
    with pytest.raises(TemplateError, match=said):
        make_all(stacks, shop)


PIPE = """
Resources:
  P:
    Type: AWS::Pipes::Pipe
    Properties:
      Source: arn:stream
      Target: arn:target
      SourceParameters:
        FilterCriteria: {Filters: [{Pattern: '{"a":[{"wildcard":"x*"}]}'}]}
        DynamoDBStreamParameters: {StartingPosition: LATEST}
"""
DELIVERY = """
Resources:
  D:
    Type: AWS::KinesisFirehose::DeliveryStream
    Properties:
      ExtendedS3DestinationConfiguration:
        BucketARN: arn:aws:s3:::b
        Prefix: "!{partitionKeyFromQuery:school}/"
"""
INTEGRATION = """
Resources:
  I:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      IntegrationType: AWS_PROXY
      IntegrationSubtype: SQS-SendMessage
      RequestParameters: {MessageBody: $request.path.id}
"""


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (PIPE, r"some\.yaml: P\.SourceParameters\.FilterCriteria: pattern\.a: .*wildcard"),
        (DELIVERY, r"some\.yaml: D\.ExtendedS3DestinationConfiguration\.Prefix: .*partitionKeyFromQuery"),
        (INTEGRATION, r"some\.yaml: I\.RequestParameters: .*\$request\.path\.id"),
        (
            INTEGRATION.replace("AWS_PROXY", "HTTP_PROXY").replace(
                "IntegrationSubtype: SQS-SendMessage",
                "IntegrationUri: http://x\n      IntegrationMethod: ANY",
            ),
            r"I\.RequestParameters: .*HTTP_PROXY",
        ),
        (
            INTEGRATION.replace("SQS-SendMessage", "Kinesis-PutRecord"),
            r"I: AWS_PROXY Kinesis-PutRecord: only",
        ),
        (
            INTEGRATION.replace("MessageBody:", "Surprise:"),
            r"I\.RequestParameters: parameters \['Surprise'\]",
        ),
    ],
)
def test_an_expression_that_is_not_understood_is_found_before_anything_runs(
    tmp_path: Path, template: str, said: str
) -> None:
    stacks, shop = offline(tmp_path, template)
    with pytest.raises(TemplateError, match=said):
        make_all(stacks, shop)


SCHEDULED_TASK = """
Resources:
  Tidy:
    Type: AWS::Scheduler::Schedule
    Properties:
      Name: tidy
      ScheduleExpression: cron(0 5 ? * MON *)
      FlexibleTimeWindow: {Mode: "OFF"}
      Target:
        Arn: arn:aws:ecs:us-east-1:000000000000:cluster/jobs
        RoleArn: arn:aws:iam::000000000000:role/x
        EcsParameters:
          TaskDefinitionArn: arn:aws:ecs:us-east-1:000000000000:task-definition/tidy:1
          LaunchType: LAUNCH
          NetworkConfiguration: {AwsvpcConfiguration: {Subnets: [a]}}
"""


def test_a_schedule_names_the_task_that_it_runs(tmp_path: Path) -> None:
    stacks, shop = offline(tmp_path, SCHEDULED_TASK.replace("LAUNCH", "FARGATE"))
    make_all(stacks, shop)
    (schedule,) = shop.plan.schedules
    assert schedule.task_definition_arn == "arn:aws:ecs:us-east-1:000000000000:task-definition/tidy:1"


def test_a_task_that_would_not_run_here_is_no_schedule(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"EcsParameters\.LaunchType is 'EC2'"):
        make_all(*offline(tmp_path, SCHEDULED_TASK.replace("LAUNCH", "EC2")))

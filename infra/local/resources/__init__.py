"""Makes every resource that the templates declare, or says why it does not.

A resource type is either made here or on the list `ABSENT`, which the banner prints. Anything
else is an error.
"""

from __future__ import annotations

from infra.local.resources import (
    catalog,
    containers,
    edge,
    http_api,
    messaging,
    orchestration,
    schedules,
    security,
    serverless,
    storage,
)
from infra.local.resources.declared import Declared
from infra.local.resources.maker import Maker, Workshop
from infra.local.stacks import Stacks
from infra.local.templates import Made, TemplateError

MAKERS: dict[str, Maker] = {
    "AWS::ApiGatewayV2::Api": http_api.api,
    "AWS::ApiGatewayV2::Authorizer": http_api.authorizer,
    "AWS::ApiGatewayV2::Integration": http_api.integration,
    "AWS::ApiGatewayV2::Route": http_api.route,
    "AWS::ApiGatewayV2::Stage": http_api.stage,
    "AWS::Athena::WorkGroup": catalog.work_group,
    "AWS::CloudFront::Distribution": edge.distribution,
    "AWS::DynamoDB::Table": storage.table,
    "AWS::ECS::Cluster": containers.cluster,
    "AWS::ECS::TaskDefinition": containers.task_definition,
    "AWS::Glue::Database": catalog.database,
    "AWS::Glue::Table": catalog.table,
    "AWS::IAM::Role": security.role,
    "AWS::IAM::RolePolicy": security.role_policy,
    "AWS::KMS::Alias": security.key_alias,
    "AWS::KMS::Key": security.key,
    "AWS::KinesisFirehose::DeliveryStream": serverless.delivery_stream,
    "AWS::Logs::LogGroup": messaging.log_group,
    "AWS::Pipes::Pipe": serverless.pipe,
    "AWS::S3::Bucket": storage.bucket,
    "AWS::S3::BucketPolicy": storage.bucket_policy,
    "AWS::SQS::Queue": messaging.queue,
    "AWS::Scheduler::Schedule": schedules.schedule,
    "AWS::SecretsManager::Secret": security.secret,
    "AWS::Serverless::Function": serverless.function,
    "AWS::Serverless::StateMachine": orchestration.state_machine,
}

_NETWORK = "what runs here is in this machine's network"
ABSENT: dict[str, str] = {
    "AWS::AppRunner::AutoScalingConfiguration": "scales the container, which `make api` runs",
    "AWS::AppRunner::Service": "`make api` runs the container",
    "AWS::Athena::NamedQuery": "`luca ask` has the same questions",
    "AWS::Budgets::Budget": "a laptop costs nothing by the hour",
    "AWS::CloudWatch::Alarm": "nobody is on call for a laptop",
    "AWS::CloudWatch::Dashboard": "no metrics are kept here",
    "AWS::EC2::EIP": _NETWORK,
    "AWS::EC2::InternetGateway": _NETWORK,
    "AWS::EC2::NatGateway": _NETWORK,
    "AWS::EC2::Route": _NETWORK,
    "AWS::EC2::RouteTable": _NETWORK,
    "AWS::EC2::SecurityGroup": _NETWORK,
    "AWS::EC2::Subnet": _NETWORK,
    "AWS::EC2::SubnetRouteTableAssociation": _NETWORK,
    "AWS::EC2::VPC": _NETWORK,
    "AWS::EC2::VPCEndpoint": _NETWORK,
    "AWS::EC2::VPCGatewayAttachment": _NETWORK,
    "AWS::ECS::ExpressGatewayService": "`make api` runs the container",
    "AWS::SNS::Subscription": "nobody is on call for a laptop",
    "AWS::SNS::Topic": "nobody is on call for a laptop",
    "AWS::SNS::TopicPolicy": "nobody is on call for a laptop",
    "AWS::WAFv2::WebACL": "attaches to the edge, which is absent",
}


class _Absent(dict[str, str]):
    """Attributes of what is not made: one of a resource that is absent, too, may name any of them."""

    def __init__(self, arn: str) -> None:
        super().__init__({"Arn": arn})

    def __contains__(self, attribute: object) -> bool:
        return True

    def __missing__(self, attribute: str) -> str:
        return f"{self['Arn']}/{attribute}"


def make_all(stacks: Stacks, shop: Workshop) -> None:
    """Makes all resources, each after those that it refers to, and fills the workshop's plan.

    Raises:
        TemplateError: A type or property is not run here, or was not made as declared.
    """
    for resource in stacks.in_order():
        properties = stacks.properties(resource)
        if resource.type in ABSENT:
            shop.plan.absent.append((f"{resource.place} ({resource.type})", ABSENT[resource.type]))
            stacks.made(resource, Made(resource.logical_id, _Absent(shop.arn("absent", resource.logical_id))))
        elif maker := MAKERS.get(resource.type):
            declared = Declared(resource.place, properties)
            stacks.made(resource, maker(shop, declared, resource.logical_id))
        else:
            raise TemplateError(
                f"{resource.place}: {resource.type} is neither run by the local cloud nor on its list of "
                "what is absent (ABSENT in infra/local/resources/__init__.py)"
            )

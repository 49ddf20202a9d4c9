"""The templates as an account would hold them: every reference put in, no account asked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from infra.local.stacks import Stacks
from infra.local.templates import Made, Resource, read_template

INFRA = Path(__file__).parents[2] / "infra"
ACCOUNT, REGION = "000000000000", "us-east-1"
# What `Ref` gives is one of these properties, or else the logical id.
_NAMES = (
    *("TableName", "QueueName", "BucketName", "FunctionName", "RoleName", "LogGroupName"),
    *("DeliveryStreamName", "ClusterName", "Family", "Name"),
)
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
_ARNS = {
    "AWS::Athena::WorkGroup": "arn:aws:athena:{here}:workgroup/{name}",
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:{here}:table/{name}",
    "AWS::ECS::Cluster": "arn:aws:ecs:{here}:cluster/{name}",
    "AWS::ECS::TaskDefinition": "arn:aws:ecs:{here}:task-definition/{name}:1",
    "AWS::IAM::Role": "arn:aws:iam::{account}:role/{name}",
    "AWS::KMS::Key": "arn:aws:kms:{here}:key/{name}",
    "AWS::KinesisFirehose::DeliveryStream": "arn:aws:firehose:{here}:deliverystream/{name}",
    "AWS::Logs::LogGroup": "arn:aws:logs:{here}:log-group:{name}:*",
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::SNS::Topic": "arn:aws:sns:{here}:{name}",
    "AWS::SQS::Queue": "arn:aws:sqs:{here}:{name}",
    "AWS::Scheduler::Schedule": "arn:aws:scheduler:{here}:schedule/default/{name}",
    "AWS::SecretsManager::Secret": "arn:aws:secretsmanager:{here}:secret:{name}-AbCdEf",
    "AWS::Serverless::Function": "arn:aws:lambda:{here}:function:{name}",
    "AWS::Serverless::StateMachine": "arn:aws:states:{here}:stateMachine:{name}",
}
_REF_IS_ARN = {
    *("AWS::ECS::TaskDefinition", "AWS::SNS::Topic", "AWS::SecretsManager::Secret"),
    "AWS::Serverless::StateMachine",
}


class _Attributes(dict[str, str]):
    """Any attribute that a template may ask a resource for; those that policies name are exact."""

    def __init__(self, name: str, arn: str) -> None:
        stream = f"{arn}/stream/2026-01-01T00:00:00.000"
        super().__init__({"Arn": arn, "StreamArn": stream, "QueueName": name})
        self._name = name

    def __contains__(self, attribute: object) -> bool:
        return True

    def __missing__(self, attribute: str) -> str:
        return f"{self._name}.{attribute}"


def _made(resource: Resource) -> Made:
    said = {**resource.properties, **resource.properties.get("DatabaseInput", {})}
    said |= resource.properties.get("TableInput", {})
    name = next((said[each] for each in _NAMES if each in said), resource.logical_id)
    form = _ARNS.get(resource.type, "arn:aws:elsewhere:{here}:{name}")
    arn = form.format(here=f"{REGION}:{ACCOUNT}", account=ACCOUNT, name=name)
    return Made(arn if resource.type in _REF_IS_ARN else name, _Attributes(name, arn))


@cache
def everything() -> tuple[Resource, ...]:
    """Every resource of every template, in the order in which they are made, references put in.

    A parameter without a value, and one that is empty by default and so leaves a part out, is given one.
    """
    templates = [read_template(path) for path in sorted(INFRA.glob("*.yaml"))]
    given = {
        name: f"given-{name}"
        for template in templates
        for name, declared in template.parameters.items()
        if declared["Type"] == "String" and declared.get("Default", "") == ""
    }
    stacks = Stacks(templates, given, account_id=ACCOUNT, region=REGION)
    found = []
    for resource in stacks.in_order():
        resolved = replace(resource, properties=stacks.properties(resource))
        stacks.made(resource, _made(resolved))
        found.append(resolved)
    return tuple(found)


def of_type(*kinds: str) -> list[Resource]:
    """The resources of some types."""
    return [each for each in everything() if each.type in kinds]


def made_as(resource: Resource) -> str:
    """The ARN of a resource."""
    return _made(resource).attributes["Arn"]


@dataclass(frozen=True)
class Granted:
    """One statement of a role's own policies.

    Attributes:
        role: Its name, or its logical id where AWS names it.
        place: File, logical id and number of the statement, for messages.
        document: The statement; `Action` and `Resource` are lists.
    """

    role: str
    place: str
    document: dict[str, Any]

    @property
    def actions(self) -> list[str]:
        """Such as `dynamodb:GetItem`; may hold wildcards."""
        found: list[str] = self.document["Action"]
        return found

    @property
    def resources(self) -> list[str]:
        """ARNs, with wildcards."""
        found: list[str] = self.document["Resource"]
        return found


def listed(value: Any) -> list[Any]:
    """A policy's element, which may be one value or a list of them."""
    return value if isinstance(value, list) else [value]


def role_name(resource: Resource) -> str:
    """A role's name, or its logical id where AWS names it."""
    return str(resource.properties.get("RoleName", resource.logical_id))


def statements() -> Iterator[Granted]:
    """Every statement of every role, those of policies that are added to it included."""
    for resource in of_type("AWS::IAM::Role", "AWS::IAM::RolePolicy"):
        added = resource.type == "AWS::IAM::RolePolicy"
        policies = [resource.properties] if added else resource.properties.get("Policies", [])
        for policy in policies:
            for number, each in enumerate(policy["PolicyDocument"]["Statement"]):
                document = {**each, **{key: listed(each[key]) for key in ("Action", "Resource")}}
                place = f"{resource.place}[{each.get('Sid', number)}]"
                yield Granted(role_name(resource), place, document)


def policy_of(role: str) -> dict[str, Any]:
    """All that a role's own policies say, as one document."""
    found = [each.document for each in statements() if each.role == role]
    return {"Version": "2012-10-17", "Statement": found}


def definition(machine: Resource) -> str:
    """A state machine's text, its substitutions put in."""
    text = (INFRA / machine.properties["DefinitionUri"]).read_text("utf-8")
    for name, value in machine.properties["DefinitionSubstitutions"].items():
        text = text.replace(f"${{{name}}}", value)
    return text


def size(document: Any) -> int:
    """Characters of a policy as IAM counts them: white space is free."""
    return len(re.sub(r"\s", "", json.dumps(document)))

"""Queues and log groups, made in the store and read back."""

from __future__ import annotations

import json

from infra.local.resources.declared import Declared, same
from infra.local.resources.maker import Workshop
from infra.local.templates import Made

# Properties of AWS::SQS::Queue that are attributes of the same name.
_ATTRIBUTES = (
    "DelaySeconds",
    "KmsMasterKeyId",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
)


def queue(shop: Workshop, declared: Declared, logical_id: str) -> Made:
    """AWS::SQS::Queue: a standard queue, with its redrive policy."""
    sqs = shop.client("sqs")
    name = declared.take("QueueName", logical_id)
    attributes = {
        attribute: str(value).lower() if isinstance(value, bool) else str(value)
        for attribute in _ATTRIBUTES
        if (value := declared.take(attribute, None)) is not None
    }
    for policy in ("RedrivePolicy", "RedriveAllowPolicy"):
        if (value := declared.take(policy, None)) is not None:
            attributes[policy] = json.dumps(value)
    declared.without_effect("Tags")
    declared.done()
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    for attribute, value in attributes.items():
        same(declared.place, attribute, value, found.get(attribute))
    shop.plan.queues[found["QueueArn"]] = url
    shop.notes[f"visibility time-out/{found['QueueArn']}"] = float(found["VisibilityTimeout"])
    return Made(url, {"Arn": found["QueueArn"], "QueueName": name, "QueueUrl": url})


def log_group(shop: Workshop, declared: Declared, logical_id: str) -> Made:
    """AWS::Logs::LogGroup. Functions write to files beside it (`logs/` of the state directory)."""
    logs = shop.client("logs")
    name = declared.take("LogGroupName", logical_id)
    days = declared.take("RetentionInDays", None)
    declared.without_effect("Tags", "LogGroupClass")
    declared.done()
    logs.create_log_group(logGroupName=name)
    if days:
        logs.put_retention_policy(logGroupName=name, retentionInDays=days)
        (group,) = logs.describe_log_groups(logGroupNamePrefix=name, limit=1)["logGroups"]
        same(declared.place, "retention", days, group.get("retentionInDays"))
    return Made(name, {"Arn": shop.arn("logs", f"log-group:{name}:*")})

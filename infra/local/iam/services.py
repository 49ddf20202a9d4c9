"""Requests to services other than DynamoDB as questions to the policies.

Only what the roles of our templates call. A service that is not here is denied to every role:
the local cloud never guesses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from infra.local.iam.key_conditions import UnreadableRequestError
from infra.local.iam.policies import Request

Body = Mapping[str, Any]
ANY_RESOURCE = "*"


def _queue(body: Body, prefix: str) -> Iterator[str]:
    if "QueueUrl" in body:
        yield prefix + urlsplit(body["QueueUrl"]).path.rsplit("/", 1)[-1]
    else:
        yield prefix + str(body["QueueName"])


def _parameters(body: Body, prefix: str) -> Iterator[str]:
    names = [body["Path"]] if "Path" in body else body.get("Names") or [body["Name"]]
    for name in names:
        yield f"{prefix}parameter/{str(name).strip('/')}"


def _secret(body: Body, prefix: str) -> Iterator[str]:
    secret = str(body["SecretId"])
    # The six random characters that end a secret's ARN are known to the store alone.
    yield secret if secret.startswith("arn:") else f"{prefix}secret:{secret}-??????"


def _key(body: Body, prefix: str) -> Iterator[str]:
    key = str(body["KeyId"])
    yield key if key.startswith("arn:") else f"{prefix}{key if key.startswith('alias/') else 'key/' + key}"


def _log_stream(body: Body, prefix: str) -> Iterator[str]:
    yield f"{prefix}log-group:{body['logGroupName']}:log-stream:{body.get('logStreamName', '')}"


def _machine(body: Body, prefix: str) -> Iterator[str]:
    yield str(body.get("stateMachineArn") or body.get("executionArn"))


# Lists: their policies name every resource of the kind, or `*`.
_OF_NO_RESOURCE = {"logs:DescribeLogGroups", "sqs:ListQueues"}
_RESOURCES: dict[str, Callable[[Body, str], Iterator[str]]] = {
    "kms": _key,
    "logs": _log_stream,
    "secretsmanager": _secret,
    "sqs": _queue,
    "ssm": _parameters,
    "states": _machine,
}


def requests(
    service: str, operation: str, body: Mapping[str, Any], *, account: str, region: str
) -> Iterator[Request]:
    """What must be allowed before a request may pass; all of it.

    Args:
        service: As in the credential's scope, such as `sqs`.
        operation: Such as `SendMessage`.
        body: The request's JSON.
        account: Of the ARNs.
        region: Of the ARNs.

    Raises:
        UnreadableRequestError: The service is not read here, or the request names no resource.
    """
    if f"{service}:{operation}" in _OF_NO_RESOURCE:
        yield Request(f"{service}:{operation}", ANY_RESOURCE)
        return
    resources = _RESOURCES.get(service)
    if resources is None:
        raise UnreadableRequestError(
            f"{service}:{operation}: infra/local/iam reads no requests to {service!r}, only to "
            f"dynamodb, sts and {', '.join(_RESOURCES)}; teach infra/local/iam/services.py"
        )
    try:
        found = list(resources(body, f"arn:aws:{service}:{region}:{account}:"))
    except KeyError as error:
        raise UnreadableRequestError(f"{service}:{operation} names no {error}") from error
    if service == "sqs":
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
        operation = operation.removesuffix("Batch")
    for resource in found:
        yield Request(f"{service}:{operation}", resource)

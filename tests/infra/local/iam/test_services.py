from __future__ import annotations

from typing import Any

import pytest

from infra.local.iam.key_conditions import UnreadableRequestError
from infra.local.iam.services import requests

ARN = "arn:aws:{}:us-east-1:000000000000:"


def asked(service: str, operation: str, body: dict[str, Any]) -> list[tuple[str, str]]:
    found = requests(service, operation, body, account="000000000000", region="us-east-1")
    return [(request.action, request.resource) for request in found]


@pytest.mark.parametrize(
    ("service", "operation", "body", "action", "resource"),
    [
        ("sqs", "SendMessage", {"QueueUrl": "http://127.0.0.1:1/000000000000/q"}, "SendMessage", "q"),
        ("sqs", "SendMessageBatch", {"QueueUrl": "http://127.0.0.1:1/000000000000/q"}, "SendMessage", "q"),
        ("sqs", "GetQueueUrl", {"QueueName": "q"}, "GetQueueUrl", "q"),
        ("ssm", "GetParameter", {"Name": "/luca/key"}, "GetParameter", "parameter/luca/key"),
        ("ssm", "GetParametersByPath", {"Path": "/luca/a/"}, "GetParametersByPath", "parameter/luca/a"),
        ("kms", "Decrypt", {"KeyId": "alias/luca"}, "Decrypt", "alias/luca"),
        ("kms", "Decrypt", {"KeyId": "1234"}, "Decrypt", "key/1234"),
        ("secretsmanager", "GetSecretValue", {"SecretId": "gov"}, "GetSecretValue", "secret:gov-??????"),
        (
            "logs",
            "PutLogEvents",
            {"logGroupName": "g", "logStreamName": "s"},
            "PutLogEvents",
            "log-group:g:log-stream:s",
        ),
    ],
)
def test_a_request_is_about_the_resource_that_it_names(
    service: str, operation: str, body: dict[str, Any], action: str, resource: str
) -> None:
    assert asked(service, operation, body) == [(f"{service}:{action}", ARN.format(service) + resource)]


def test_several_parameters_are_several_questions() -> None:
    assert len(asked("ssm", "GetParameters", {"Names": ["/a", "/b"]})) == 2


def test_a_state_machine_is_named_by_its_arn() -> None:
    assert asked("states", "StartExecution", {"stateMachineArn": "arn:x"}) == [
        ("states:StartExecution", "arn:x")
    ]


@pytest.mark.parametrize(("service", "body"), [("s3", {}), ("sqs", {}), ("ssm", {})])
def test_what_is_not_read_is_said(service: str, body: dict[str, Any]) -> None:
    with pytest.raises(UnreadableRequestError, match=service):
        asked(service, "X", body)

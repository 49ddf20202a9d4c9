from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from infra.local.event_sources import Message, failed_of, lambda_record


def test_a_message_reaches_the_function_in_lambdas_own_shape() -> None:
    message = msgspec.convert(
        {
            "MessageId": "m1",
            "ReceiptHandle": "r1",
            "Body": "{}",
            "MD5OfBody": "99914b932bd37a50b983c5e7c90ae93b",
            "Attributes": {"SentTimestamp": "1", "MessageGroupId": "school_1"},
            "MessageAttributes": {"correlation_id": {"StringValue": "c", "DataType": "String"}},
            "MD5OfMessageAttributes": "5ae4",
        },
        Message,
    )
    assert lambda_record(message, "arn:aws:sqs:us-east-1:0:q", "us-east-1") == {
        "messageId": "m1",
        "receiptHandle": "r1",
        "body": "{}",
        "attributes": {"SentTimestamp": "1", "MessageGroupId": "school_1"},
        "messageAttributes": {
            "correlation_id": {
                "stringValue": "c",
                "dataType": "String",
                "stringListValues": [],
                "binaryListValues": [],
            }
        },
        "md5OfBody": "99914b932bd37a50b983c5e7c90ae93b",
        "md5OfMessageAttributes": "5ae4",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:0:q",
        "awsRegion": "us-east-1",
    }


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (None, set()),
        ({}, set()),
        ({"batchItemFailures": []}, set()),
        ({"batchItemFailures": None}, set()),
        ({"batchItemFailures": [{"itemIdentifier": "b"}]}, {"b"}),
        ({"batchItemFailures": [{"itemIdentifier": "nobody"}]}, {"a", "b"}),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, {"a", "b"}),
        ({"batchItemFailures": [{"item": "b"}]}, {"a", "b"}),
        ({"batchItemFailures": "b"}, {"a", "b"}),
        (["b"], {"a", "b"}),
    ],
)
def test_an_answer_that_lambda_would_not_understand_fails_the_whole_batch(
    answer: Any, failed: set[str]
) -> None:
    assert failed_of(json.dumps(answer).encode(), ["a", "b"]) == failed

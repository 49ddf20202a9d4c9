"""Handlers of `templates/way.yaml`: small stand-ins for the behaviour writer and the lake enricher."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import boto3
import msgspec


@cache
def _dynamodb() -> Any:
    return boto3.client("dynamodb")


def write(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Stores each body as an item; a body with `fail` returns to the queue alone."""
    items: dict[tuple[str, str], dict[str, Any]] = {}
    failures = []
    for message in event["Records"]:
        body = msgspec.json.decode(message["body"])
        if body.get("fail"):
            failures.append({"itemIdentifier": message["messageId"]})
            continue
        school = message["attributes"]["MessageGroupId"]
        key = (f"TENANT#{school}#STUDENT#{body.get('student', 1)}", body.get("sk", f"EVENT#{body['id']}"))
        items[key] = {
            "PK": {"S": key[0]},
            "SK": {"S": key[1]},
            "event_id": {"S": body["id"]},
            "poison": {"BOOL": bool(body.get("poison"))},
            "correlation_id": {"S": message["messageAttributes"]["correlation_id"]["stringValue"]},
        }
    requests = [{"PutRequest": {"Item": item}} for item in items.values()]
    for at in range(0, len(requests), 25):
        _dynamodb().batch_write_item(RequestItems={os.environ["WAY_TABLE"]: requests[at : at + 25]})
    return {"batchItemFailures": failures}


def enrich(records: list[dict[str, Any]], context: Any) -> list[dict[str, Any]]:
    """A row for each record; a poisoned record fails its whole batch."""
    rows = []
    for record in records:
        item = record["dynamodb"]["NewImage"]
        if item["poison"]["BOOL"]:
            raise ArithmeticError(f"poisoned {item['event_id']['S']}")
        rows.append(
            {
                "event_id": item["event_id"]["S"],
                "school_id": item["PK"]["S"].split("#")[1],
                "points": 2,
                "occurred_at": "2026-11-24T08:15:00.25Z",
                "local_date": "2026-11-24",
                "score": "7.125",
            }
        )
    return rows

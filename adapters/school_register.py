"""The register of schools: all tenants of the platform, found without a Scan."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from adapters.aws import client
from adapters.backoff import jittered
from adapters.batches import batches
from adapters.settings import setting
from adapters.table import ATTEMPTS, FIRST_WAIT, READS_A_CALL, StoreBusyError
from adapters.typed_json import from_typed, to_typed
from transforms import keys


def school_ids() -> Iterator[str]:
    """Every school that `adapters.table.put_school` created, in the order of their ids.

    Raises:
        ClientError, BotoCoreError: The store cannot be read.
    """
    pages = (
        client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=setting("TABLE"),
            KeyConditionExpression="PK = :schools",
            ExpressionAttributeValues={":schools": {"S": keys.SCHOOLS_PK}},
        )
    )
    for page in pages:
        for item in page["Items"]:
            yield item["school_id"]["S"]


def time_zones(schools: Iterable[str]) -> dict[str, str]:
    """The time zones of schools, as their configurations have them now.

    Returns:
        IANA name by school id; a school without configuration is left out.

    Raises:
        StoreBusyError: Some stayed unread through all attempts.
        ClientError, BotoCoreError: The store cannot be read.
    """
    found: dict[str, str] = {}
    for chunk in batches(schools, READS_A_CALL):
        key_of = {keys.config_pk(school): school for school in chunk}
        for item in _get(list(key_of)):
            found[key_of[item["PK"]]] = item["time_zone"]
    return found


def _get(config_pks: list[str]) -> Iterator[Mapping[str, Any]]:
    table = setting("TABLE")
    wanted: dict[str, Any] = {
        table: {
            "Keys": [to_typed({"PK": pk, "SK": keys.SCHOOL}) for pk in config_pks],
            "ProjectionExpression": "PK, time_zone",
        }
    }
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(jittered(FIRST_WAIT, attempt))
        response = client("dynamodb").batch_get_item(RequestItems=wanted)
        yield from map(from_typed, response["Responses"].get(table, []))
        wanted = response.get("UnprocessedKeys") or {}
        if not wanted:
            return
    raise StoreBusyError(
        f"{len(wanted[table]['Keys'])} schools stayed unread after {ATTEMPTS} attempts: the table throttles"
    )

"""All that the store has of one student, or of one school: its keys, and their deletion."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from adapters.aws import client
from adapters.backoff import jittered
from adapters.batches import batches
from adapters.settings import setting
from adapters.table import ATTEMPTS, FIRST_WAIT, WRITES_A_CALL, Key, StoreBusyError
from transforms import keys
from transforms.keys import StudentKey

_KEYS_ONLY = "PK, SK"


def of_student(student: StudentKey) -> Iterator[Key]:
    """Keys of the student's items, and of the student's line in the roster, if there is one."""
    pages = client("dynamodb").get_paginator("query")
    for page in pages.paginate(
        TableName=setting("TABLE"),
        KeyConditionExpression="PK = :student",
        ExpressionAttributeValues={":student": {"S": keys.student_pk(student)}},
        ProjectionExpression=_KEYS_ONLY,
        ConsistentRead=True,
    ):
        yield from ((item["PK"]["S"], item["SK"]["S"]) for item in page["Items"])
    line = (keys.roster_pk(student.school_id), student.student_id)
    found = client("dynamodb").get_item(
        TableName=setting("TABLE"), Key=_typed(line), ProjectionExpression=_KEYS_ONLY, ConsistentRead=True
    )
    if "Item" in found:
        yield line


def of_school(school_id: str) -> Iterator[Key]:
    """Keys of everything that the store has of a school.

    A Scan, because nobody else knows the students that no roster names. No role of the templates may do
    it: who erases a whole school is an administrator.
    """
    pages = client("dynamodb").get_paginator("scan")
    for page in pages.paginate(
        TableName=setting("TABLE"),
        FilterExpression="begins_with(PK, :school) OR (PK = :schools AND SK = :register)",
        ExpressionAttributeValues={
            ":school": {"S": f"TENANT#{keys.identifier('school_id', school_id)}#"},
            ":schools": {"S": keys.SCHOOLS_PK},
            ":register": {"S": keys.register_sk(school_id)},
        },
        ProjectionExpression=_KEYS_ONLY,
        ConsistentRead=True,
    ):
        yield from ((item["PK"]["S"], item["SK"]["S"]) for item in page["Items"])


def delete(wanted: Iterable[Key]) -> None:
    """Deletes items.

    Raises:
        StoreBusyError: Some stayed through all attempts; doing it again is safe.
    """
    table = setting("TABLE")
    for batch in batches(wanted, WRITES_A_CALL):
        requests = [{"DeleteRequest": {"Key": _typed(key)}} for key in batch]
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(jittered(FIRST_WAIT, attempt))
            answer = client("dynamodb").batch_write_item(RequestItems={table: requests})
            requests = answer.get("UnprocessedItems", {}).get(table, [])
            if not requests:
                break
        else:
            raise StoreBusyError(f"{len(requests)} items were not deleted: the table throttles; run it again")


def _typed(key: Key) -> dict[str, dict[str, str]]:
    return {"PK": {"S": key[0]}, "SK": {"S": key[1]}}

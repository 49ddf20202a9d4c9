"""The single table: what is written to it and read from it, with its limits and its retries."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from adapters.aws import client
from adapters.backoff import jittered
from adapters.batches import batches
from adapters.expiring import ExpiringCache
from adapters.settings import setting
from adapters.typed_json import from_typed, to_typed
from transforms import keys
from transforms.keys import StudentKey
from transforms.schools import School
from transforms.students import Student

WRITES_A_CALL = 25  # BatchWriteItem's limit
READS_A_CALL = 100  # BatchGetItem's limit
ATTEMPTS = 6  # full-jitter waits of up to 1.6 s in all: inside the worker's 30 s
FIRST_WAIT = 0.05  # seconds
CONFIGURATION_TTL = 60  # seconds: how long a change of a school's rules may take to be felt
COHORT_TTL = 300  # seconds
CACHED_STUDENTS = 200_000

Item = Mapping[str, Any]
Key = tuple[str, str]
"""Partition key and sort key."""


class StoreBusyError(RuntimeError):
    """DynamoDB left work unprocessed through all our attempts."""


def put_items(items: Iterable[Item], sleep: Callable[[float], None] = time.sleep) -> set[Key]:
    """Writes items, each replacing what its key held.

    Args:
        items: Plain values, with `PK` and `SK`; no two with the same key (BatchWriteItem refuses them).
        sleep: How to wait between attempts.

    Returns:
        The keys that could not be written, because the store was busy or a call failed through all
        attempts. Empty when all went well. The caller decides: a queue delivers them again.
    """
    unwritten: set[Key] = set()
    for chunk in batches(items, WRITES_A_CALL):
        unwritten |= _put_chunk([{"PutRequest": {"Item": to_typed(item)}} for item in chunk], sleep)
    return unwritten


def _put_chunk(requests: list[Any], sleep: Callable[[float], None]) -> set[Key]:
    table = setting("TABLE")
    for attempt in range(ATTEMPTS):
        if attempt:
            sleep(jittered(FIRST_WAIT, attempt))
        try:
            response = client("dynamodb").batch_write_item(RequestItems={table: requests})
        except (ClientError, BotoCoreError) as error:
            if not transient(error):
                raise
            continue
        requests = response.get("UnprocessedItems", {}).get(table, [])
        if not requests:
            return set()
    return {
        (item["PK"]["S"], item["SK"]["S"]) for item in (request["PutRequest"]["Item"] for request in requests)
    }


def transient(error: Exception) -> bool:
    """Whether trying again may help: throttling, a server's fault, a broken connection."""
    if not isinstance(error, ClientError):
        return True
    code = error.response["Error"]["Code"]
    status = error.response["ResponseMetadata"].get("HTTPStatusCode", 0)
    return (
        status >= 500
        or "Throttl" in code
        or code in {"ProvisionedThroughputExceededException", "LimitExceeded"}
    )


_schools: ExpiringCache[str, School | None] = ExpiringCache(CONFIGURATION_TTL, 10_000)


def school(school_id: str) -> School | None:
    """A school's configuration, at most a minute old; None where there is no such school.

    Raises:
        ClientError, BotoCoreError: The store cannot be read.
    """
    return _schools.get(school_id, _read_school)


def _read_school(school_id: str) -> School | None:
    key = to_typed({"PK": keys.config_pk(school_id), "SK": keys.SCHOOL})
    response = client("dynamodb").get_item(TableName=setting("TABLE"), Key=key)
    item = response.get("Item")
    return School.from_item(school_id, from_typed(item)) if item else None


def put_school(school: School) -> None:
    """Creates or replaces a school's configuration, keeps its version, and enters it in the register."""
    table = setting("TABLE")
    client("dynamodb").transact_write_items(
        TransactItems=[
            {"Put": {"TableName": table, "Item": to_typed(item)}}
            for item in (school.item(), school.item(history=True), school.register_item())
        ]
    )


def put_students(students: Iterable[Student]) -> None:
    """Creates or replaces the profiles of students, each once, and their lines in the roster.

    Raises:
        StoreBusyError: Some could not be written; writing all again is safe.
    """
    unwritten = put_items(item for student in students for item in (student.item(), student.roster_item()))
    if unwritten:
        raise StoreBusyError(f"{len(unwritten)} profiles were not written: the table throttles; try again")


def event_keys() -> Iterator[tuple[StudentKey, str]]:
    """Student and event id of every behaviour event in the store, expired ones included.

    A Scan: its cost is the whole table's. For tests, one machine and small tables.
    """
    pages = (
        client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=setting("TABLE"),
            ProjectionExpression="PK, SK",
            FilterExpression="begins_with(SK, :event)",
            ExpressionAttributeValues={":event": {"S": "EVENT#"}},
        )
    )
    for page in pages:
        for item in page["Items"]:
            yield keys.parse_student_pk(item["PK"]["S"]), item["SK"]["S"].rsplit("#", 1)[1]


_cohorts: ExpiringCache[StudentKey, int | None] = ExpiringCache(COHORT_TTL, CACHED_STUDENTS)


def graduation_years(students: Iterable[StudentKey]) -> dict[StudentKey, int]:
    """The graduation years of students, at most five minutes old.

    Args:
        students: Any number; each is read once.

    Returns:
        Year by student; a student without a profile, or whose profile has no year, is left out.

    Raises:
        StoreBusyError: Keys stayed unprocessed through all attempts.
        ClientError, BotoCoreError: The store cannot be read.
    """
    found = _cohorts.get_many(students, _read_cohorts)
    return {student: year for student, year in found.items() if year is not None}


def _read_cohorts(students: Sequence[StudentKey]) -> dict[StudentKey, int | None]:
    years: dict[StudentKey, int | None] = dict.fromkeys(students)
    for item in _get_profiles(students):
        if "graduation_year" in item:
            years[keys.parse_student_pk(item["PK"]["S"])] = int(item["graduation_year"]["N"])
    return years


def _get_profiles(students: Sequence[StudentKey]) -> Iterator[Mapping[str, Any]]:
    table = setting("TABLE")
    for chunk in batches(students, READS_A_CALL):
        wanted: dict[str, Any] = {
            table: {
                "Keys": [to_typed({"PK": keys.student_pk(student), "SK": keys.PROFILE}) for student in chunk],
                # Named one by one: the enricher's role may read these attributes and no other.
                "ProjectionExpression": "PK, SK, graduation_year",
            }
        }
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(jittered(FIRST_WAIT, attempt))
            response = client("dynamodb").batch_get_item(RequestItems=wanted)
            yield from response["Responses"].get(table, [])
            wanted = response.get("UnprocessedKeys") or {}
            if not wanted:
                break
        else:
            raise StoreBusyError(
                f"{len(wanted[table]['Keys'])} profiles stayed unread after {ATTEMPTS} attempts: "
                "the table throttles; the Pipe will try again"
            )

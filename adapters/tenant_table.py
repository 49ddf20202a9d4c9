"""What the interactive path reads and writes of one school in the single table.

Every key is built from the tenant's own school; and were one not, the tenant's credentials would
not open it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from adapters.batches import batches
from adapters.dynamodb import ConditionFailedError, StoreError, StoreUnavailableError
from adapters.settings import setting
from adapters.tenancy import Tenant
from adapters.typed_json import from_typed, to_typed
from transforms import activity, keys
from transforms.academic_items import Evaluation
from transforms.keys import StudentKey
from transforms.students import Student

STUDENTS_A_TRANSACTION = 50  # two items each; TransactWriteItems takes 100
TRANSACTIONS_AT_ONCE = 4
READS_A_TRANSACTION = 100
AFTER_TRENDS = "TREND$"  # sorts after every `TREND#…`

TypedItem = dict[str, Any]


async def profile_items(tenant: Tenant, student_id: str, since: date) -> list[TypedItem]:
    """Everything that a profile shows, in one query: a student's recent events, grades, profile, trends.

    The sort keys `EVENT#`, `GRADE#`, `PROFILE`, `TREND#` lie side by side, evaluations before them.

    Args:
        tenant: The school.
        student_id: Whose.
        since: Local date from which on events are read.

    Returns:
        Items in typed JSON, in the order of their keys; empty where the student is unknown.
    """
    first, _ = activity.event_keys(since, since)
    return await _query(tenant, student_id, first, AFTER_TRENDS)


async def event_items(tenant: Tenant, student_id: str, first: date, last: date) -> list[TypedItem]:
    """A student's events of some local dates (and of the days beside them), oldest first."""
    return await _query(tenant, student_id, *activity.event_keys(first, last))


async def evaluations(tenant: Tenant, student_id: str, subject: str | None = None) -> list[Evaluation]:
    """A student's evaluations, of one subject or of all; tombstones included."""
    first = f"EVAL#{keys.identifier('subject', subject)}#" if subject else "EVAL#"
    items = await _query(tenant, student_id, first, first[:-1] + "$")
    return [Evaluation.from_item(from_typed(item)) for item in items]


async def periods_of_evaluation(
    tenant: Tenant, student_id: str, subject: str, evaluation_id: str
) -> list[str]:
    """The periods in which a student's subject has an evaluation of that id, by their ids."""
    first = f"EVAL#{keys.identifier('subject', subject)}#"
    items = await _query(
        tenant, student_id, first, first[:-1] + "$", ProjectionExpression="SK", ConsistentRead=True
    )
    found = [keys.parse_eval_sk(item["SK"]["S"]) for item in items]
    return [period for _, period, each in found if each == evaluation_id]


async def _query(tenant: Tenant, student_id: str, first: str, last: str, **more: Any) -> list[TypedItem]:
    request: dict[str, Any] = {
        **more,
        "TableName": setting("TABLE"),
        "KeyConditionExpression": "PK = :pk AND SK BETWEEN :first AND :last",
        "ExpressionAttributeValues": {
            ":pk": {"S": keys.student_pk(StudentKey(tenant.school_id, student_id))},
            ":first": {"S": first},
            ":last": {"S": last},
        },
    }
    return await _pages(tenant, request)


async def _pages(tenant: Tenant, request: dict[str, Any]) -> list[TypedItem]:
    answer = await tenant.call("Query", request)
    items: list[TypedItem] = answer["Items"]
    while "LastEvaluatedKey" in answer:  # beyond a megabyte
        answer = await tenant.call("Query", {**request, "ExclusiveStartKey": answer["LastEvaluatedKey"]})
        items += answer["Items"]
    return items


async def evaluation(
    tenant: Tenant, student_id: str, subject: str, period: str, evaluation_id: str
) -> Evaluation | None:
    """One evaluation as it is now; None where there is none."""
    pk = keys.student_pk(StudentKey(tenant.school_id, student_id))
    item = await _get(tenant, pk, keys.eval_sk(subject, period, evaluation_id))
    return Evaluation.from_item(item) if item else None


async def put_evaluation(tenant: Tenant, written: Evaluation) -> Evaluation | None:
    """Writes a new evaluation, or the next version of one.

    Args:
        tenant: The school.
        written: Version 1 is new; a later one replaces exactly the version before it.

    Returns:
        None when it was written; else what stands in its place, untouched.

    Raises:
        StoreError: The store does not take it.
    """
    condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(PK)"}
    if written.version > 1:
        condition = {
            "ConditionExpression": "version = :before",
            "ExpressionAttributeValues": to_typed({":before": written.version - 1}),
        }
    try:
        await tenant.call(
            "PutItem",
            {
                "TableName": setting("TABLE"),
                "Item": to_typed(written.item()),
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                **condition,
            },
        )
    except ConditionFailedError as failed:
        if failed.item is None:
            raise StoreError(
                f"{written.evaluation_id}: the store keeps back what stands in its place"
            ) from failed
        return Evaluation.from_item(from_typed(failed.item))
    return None


async def student(tenant: Tenant, student_id: str) -> Student | None:
    """A student's profile as it is now; None where there is none."""
    item = await _get(tenant, keys.student_pk(StudentKey(tenant.school_id, student_id)), keys.PROFILE)
    return Student.from_item(item) if item else None


class KnownStudents:
    """Remembers which students there are: a student does not vanish between two evaluations.

    Args:
        size: Most students; when there are more, all are forgotten, which costs a read each.
        ttl: Seconds for which an erased student may still be taken for known.
    """

    def __init__(self, size: int = 200_000, ttl: float = 300.0) -> None:
        self._size, self._ttl = size, ttl
        self._until: dict[tuple[str, str], float] = {}

    async def has(self, tenant: Tenant, student_id: str) -> bool:
        """Whether the school has a student of this id.

        Raises:
            StoreError: It is not known, and the store does not answer.
        """
        key, now = (tenant.school_id, student_id), time.monotonic()
        if self._until.get(key, 0.0) > now:
            return True
        if await student(tenant, student_id) is None:
            return False
        if len(self._until) >= self._size:
            self._until.clear()
        self._until[key] = now + self._ttl
        return True


async def students(tenant: Tenant, student_ids: Sequence[str]) -> dict[str, Student]:
    """The profiles of many students; who has none is left out."""
    table, found = setting("TABLE"), {}
    for chunk in batches(student_ids, READS_A_TRANSACTION):
        gets = [
            {
                "Get": {
                    "TableName": table,
                    "Key": to_typed(
                        {"PK": keys.student_pk(StudentKey(tenant.school_id, each)), "SK": keys.PROFILE}
                    ),
                }
            }
            for each in chunk
        ]
        answer = await tenant.call("TransactGetItems", {"TransactItems": gets})
        for response in answer["Responses"]:
            if item := response.get("Item"):
                known = Student.from_item(from_typed(item))
                found[known.key.student_id] = known
    return found


async def put_students(tenant: Tenant, wanted: Sequence[Student]) -> set[str]:
    """Writes profiles with their lines of the roster; a student is never half written.

    Returns:
        The ids of those that could not be written because the store does not answer; writing all
        again is safe.

    Raises:
        StoreError: The store refuses.
    """
    slots = asyncio.Semaphore(TRANSACTIONS_AT_ONCE)

    async def write(chunk: list[Student]) -> set[str]:
        async with slots:
            try:
                await _put_together(
                    tenant, [each for one in chunk for each in (one.item(), one.roster_item())]
                )
            except StoreUnavailableError:
                return {one.key.student_id for one in chunk}
        return set()

    unwritten = await asyncio.gather(*(write(chunk) for chunk in batches(wanted, STUDENTS_A_TRANSACTION)))
    return set().union(*unwritten)


async def roster(tenant: Tenant, class_id: str | None = None) -> list[Student]:
    """The school's students, or those of one class, by identifier."""
    request: dict[str, Any] = {
        "TableName": setting("TABLE"),
        "KeyConditionExpression": "PK = :pk",
        "ExpressionAttributeValues": to_typed({":pk": keys.roster_pk(tenant.school_id)}),
    }
    if class_id is not None:
        request["FilterExpression"] = "class_id = :class"
        request["ExpressionAttributeValues"] |= to_typed({":class": class_id})
    return [Student.from_item(from_typed(item)) for item in await _pages(tenant, request)]


async def _put_together(tenant: Tenant, items: Iterable[Mapping[str, Any]]) -> None:
    table = setting("TABLE")
    puts = [{"Put": {"TableName": table, "Item": to_typed(item)}} for item in items]
    await tenant.call("TransactWriteItems", {"TransactItems": puts})


async def _get(tenant: Tenant, pk: str, sk: str) -> dict[str, Any] | None:
    key = to_typed({"PK": pk, "SK": sk})
    answer = await tenant.call("GetItem", {"TableName": setting("TABLE"), "Key": key, "ConsistentRead": True})
    item = answer.get("Item")
    return from_typed(item) if item else None

"""Grades as the synchronisation sees them: which wait, and what it notes on them.

Only the attributes named here are the synchronisation's; the nightly job owns the rest. Every
mark is conditional on the version that was sent: a grade that was corrected meanwhile stays
pending with its new version.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.aws import client
from adapters.backoff import jittered
from adapters.batches import batches
from adapters.settings import setting
from adapters.table import ATTEMPTS, FIRST_WAIT, READS_A_CALL, StoreBusyError
from adapters.transactions import Action, ConditionsError, transact
from adapters.typed_json import from_typed, to_typed
from transforms import keys
from transforms.academic_items import Grade, InvalidGradeError
from transforms.keys import GroupKey, InvalidIdentifierError
from transforms.sync_batches import Line

PENDING_INDEX = "pending"

# All of a grade, named one by one: the function's role may read these attributes and no other.
GRADE_ATTRIBUTES = (
    *("PK", "SK", "consolidated_score", "evaluations_count", "parts", "passed", "left_out"),
    *("rules_version", "last_calculated", "version", "calculation", "correlation_id", "contract_version"),
    *("synced", "synced_version", "pending_pk"),
)

Sleep = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Pending:
    """Grades that wait for the government.

    Attributes:
        grades: In the order of the index.
        unreadable: How many items that wait are no grades. They stay where they are, for a person to
            mend, and hold up nobody else's.
    """

    grades: list[Grade]
    unreadable: int


def pending_grades(school_id: str, limit: int) -> Pending:
    """The first grades of a school that wait for the government, in the order of the index.

    The index lags behind the table, so each grade is read from the table itself, consistently,
    and counts only if it still waits there.

    Args:
        school_id: The school.
        limit: How many at most.

    Raises:
        StoreBusyError: Grades stayed unread through all attempts.
    """
    found, unreadable = list[Grade](), 0
    for groups in _pending_pages(school_id, min(limit, READS_A_CALL)):
        by_group: dict[GroupKey, Grade] = {}
        for item in _items(groups) if groups else ():
            if "pending_pk" not in item:
                continue
            try:
                grade = Grade.from_item(item)
            except (InvalidGradeError, InvalidIdentifierError):
                unreadable += 1
                continue
            by_group[grade.group] = grade
        found += [by_group[group] for group in groups if group in by_group]
        if len(found) >= limit:
            break
    return Pending(found[:limit], unreadable)


def _pending_pages(school_id: str, size: int) -> Iterator[list[GroupKey]]:
    start: dict[str, Any] = {}
    while True:
        response = client("dynamodb").query(
            TableName=setting("TABLE"),
            IndexName=PENDING_INDEX,
            KeyConditionExpression="pending_pk = :pk",
            ExpressionAttributeValues={":pk": {"S": keys.pending_sync_pk(school_id)}},
            Limit=size,
            **start,
        )
        found = [item["pending_sk"]["S"] for item in response["Items"]]
        yield [keys.parse_pending_sk(school_id, each).group for each in found]
        if "LastEvaluatedKey" not in response:
            return
        start = {"ExclusiveStartKey": response["LastEvaluatedKey"]}
        # Whoever asks for one grade and finds the index lagging finds a whole batch that is marked.
        size = READS_A_CALL


def grades(groups: Iterable[GroupKey]) -> dict[GroupKey, Grade]:
    """Grades as they stand. Consistent; one that does not exist (any more) is left out.

    Raises:
        StoreBusyError: Some stayed unread through all attempts.
    """
    found = (Grade.from_item(item) for chunk in batches(groups, READS_A_CALL) for item in _items(chunk))
    return {grade.group: grade for grade in found}


def _items(groups: Sequence[GroupKey], sleep: Sleep = time.sleep) -> Iterator[dict[str, Any]]:
    table = setting("TABLE")
    wanted: dict[str, Any] = {
        table: {
            "Keys": [_key(group) for group in groups],
            "ConsistentRead": True,
            "ProjectionExpression": ", ".join(f"#{name}" for name in GRADE_ATTRIBUTES),
            "ExpressionAttributeNames": {f"#{name}": name for name in GRADE_ATTRIBUTES},
        }
    }
    for attempt in range(ATTEMPTS):
        if attempt:
            sleep(jittered(FIRST_WAIT, attempt))
        response = client("dynamodb").batch_get_item(RequestItems=wanted)
        yield from map(from_typed, response["Responses"].get(table, []))
        wanted = response.get("UnprocessedKeys") or {}
        if not wanted:
            return
    raise StoreBusyError(
        f"{len(wanted[table]['Keys'])} grades stayed unread after {ATTEMPTS} attempts: the table throttles"
    )


def mark_accepted(
    school_id: str, lines: Sequence[Line], *, sync_batch_id: str, receipt_id: str, synced_at: str
) -> int:
    """Notes on grades that the government has them.

    Args:
        school_id: The school.
        lines: Those that were accepted, at most 100.
        sync_batch_id: In which batch.
        receipt_id: By which receipt.
        synced_at: UTC text.

    Returns:
        How many still have the version that was sent and so wait no longer. The others were
        corrected meanwhile: they learn which version the government has, and go on waiting.
    """
    said = {"sync_batch_id": sync_batch_id, "receipt_id": receipt_id, "synced_at": synced_at}

    def mark(line: Line) -> Action:
        return _update(
            line.group(school_id),
            {**said, "synced": True, "synced_version": line.version},
            remove=("pending_pk", "pending_sk", "sync_failure"),
            condition="#version = :sent",
            sent=line.version,
        )

    def tell(line: Line) -> Action:
        return _update(
            line.group(school_id),
            {**said, "synced_version": line.version},
            condition="#version > :sent"
            " AND (attribute_not_exists(#synced_version) OR #synced_version < :sent)",
            sent=line.version,
        )

    corrected = _where_possible([mark(line) for line in lines])
    _where_possible([tell(lines[at]) for at in sorted(corrected)])
    return len(lines) - len(corrected)


def mark_failed(school_id: str, lines: Sequence[Line], sync_batch_id: str) -> int:
    """Notes on grades that the government did not take them: they wait no longer, until a retry.

    Args:
        school_id: The school.
        lines: At most 100.
        sync_batch_id: Under which the failure stands in SyncFailures.

    Returns:
        How many still have the version that was sent, or one that the government is not known to have.
    """
    marks = [
        _update(
            line.group(school_id),
            {"sync_failure": sync_batch_id},
            remove=("pending_pk", "pending_sk"),
            condition="#version = :sent AND #synced = :no",
            sent=line.version,
            no=False,
        )
        for line in lines
    ]
    return len(lines) - len(_where_possible(marks))


def _where_possible(actions: Sequence[Action]) -> frozenset[int]:
    """Writes all actions whose conditions hold, in one transaction; the positions of the others.

    A transaction is all or nothing, so those that cannot be are left out and the rest tried again.
    """
    left = dict(enumerate(actions))
    while left:
        try:
            transact(list(left.values()))
        except ConditionsError as refused:
            positions = list(left)
            for at in refused.failed:
                del left[positions[at]]
        else:
            break
    return frozenset(range(len(actions))) - left.keys()


def _key(group: GroupKey) -> dict[str, Any]:
    return to_typed({"PK": keys.student_pk(group.student), "SK": keys.grade_sk(group.subject, group.period)})


def _update(
    group: GroupKey,
    changes: dict[str, Any],
    *,
    condition: str,
    remove: Sequence[str] = (),
    **values: Any,
) -> Action:
    sets = "SET " + ", ".join(f"#{name} = :{name}" for name in changes)
    removes = " REMOVE " + ", ".join(f"#{name}" for name in remove) if remove else ""
    named = re.findall(r"#(\w+)", condition)
    return {
        "Update": {
            "TableName": setting("TABLE"),
            "Key": _key(group),
            "UpdateExpression": sets + removes,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {f"#{name}": name for name in {*changes, *remove, *named}},
            "ExpressionAttributeValues": to_typed(
                {f":{name}": value for name, value in {**changes, **values}.items()}
            ),
        }
    }

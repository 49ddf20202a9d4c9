"""Evaluations, grades and the schools' rules in the single table: what the nightly job needs of it.

Nothing here reads more than what is pending and the groups it belongs to.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from adapters.aws import client
from adapters.settings import setting
from adapters.table import StoreBusyError
from adapters.transactions import ACTIONS, Action, ConditionsError, transact
from adapters.typed_json import from_typed, to_typed
from transforms import keys
from transforms.academic_items import Evaluation, Grade
from transforms.consolidation import Consolidation
from transforms.keys import GroupKey, PendingKey, StudentKey
from transforms.periods import AcademicConfig

PENDING_INDEX = "pending"
ENTRIES_A_PAGE = 500  # of the index: some 60 KB; more would be read in vain when the job's time is up

HELD_BY_OTHERS = {"TransactionCanceledException", "TransactionConflictException"}

# What the nightly job says of a grade. All other attributes are the synchronisation's.
JOBS_OWN = frozenset(
    {
        "consolidated_score",
        "evaluations_count",
        "parts",
        "passed",
        "left_out",
        "rules_version",
        "last_calculated",
        "version",
        "calculation",
        "correlation_id",
        "contract_version",
    }
)
CALCULATED = frozenset({"last_calculated", "calculation"})  # all that an unchanged grade learns
DUE = frozenset({"synced", "pending_pk", "pending_sk"})  # what a changed grade says to the synchronisation


class StaleVersionError(RuntimeError):
    """A configuration was changed by someone else in the meantime."""


# Configuration


def academic_config(school_id: str) -> AcademicConfig | None:
    """A school's periods and rules as they are now; None where it has none.

    Raises:
        InvalidAcademicConfigError: What is stored cannot be applied.
        ClientError, BotoCoreError: The store cannot be read.
    """
    key = to_typed({"PK": keys.config_pk(school_id), "SK": keys.PERIODS})
    item = client("dynamodb").get_item(TableName=setting("TABLE"), Key=key, ConsistentRead=True).get("Item")
    return AcademicConfig.from_item(school_id, from_typed(item)) if item else None


def put_academic_config(config: AcademicConfig) -> None:
    """Makes a configuration the current one, and keeps it under its version for good.

    Args:
        config: Its version is the current one's plus 1, or 1 where there is none. The same
            configuration once more is taken and changes nothing.

    Raises:
        StaleVersionError: The version is another one's already, or leaves a gap.
        ClientError, BotoCoreError: The store does not take it.
    """
    table = setting("TABLE")
    current, history = to_typed(config.item()), to_typed(config.item(history=True))
    first = config.version == 1
    condition: dict[str, Any] = (
        {"ConditionExpression": "attribute_not_exists(PK)"}
        if first
        else {
            "ConditionExpression": "version = :before",
            "ExpressionAttributeValues": {":before": {"N": str(config.version - 1)}},
        }
    )
    try:
        transact(
            [
                {"Put": {"TableName": table, "Item": current, **condition}},
                {"Put": {"TableName": table, "Item": history}},
            ]
        )
    except ConditionsError as error:
        if (stored := academic_config(config.school_id)) == config:
            return
        have = stored.version if stored else 0
        raise StaleVersionError(
            f"periods and rules of school {config.school_id!r} are at version {have}, not "
            f"{config.version - 1}: read them again, apply the change, give it version {have + 1}"
        ) from error


# The nightly job


def pending_evaluations(school_id: str, after: str | None = None) -> Iterator[PendingKey]:
    """The evaluations of a school that wait for the nightly job, those of one group together.

    Eventually consistent: an entry may be just consolidated, and one just recorded may be missing
    (the next run finds it).

    Args:
        school_id: The tenant.
        after: `pending_sk` of the entry after which to begin; None: at the beginning.

    Raises:
        InvalidIdentifierError: An entry has a key that is not ours.
        ClientError, BotoCoreError: The store cannot be read.
    """
    start = None if after is None else _index_key(school_id, after)
    while True:
        response = client("dynamodb").query(
            TableName=setting("TABLE"),
            IndexName=PENDING_INDEX,
            KeyConditionExpression="pending_pk = :pk",
            ExpressionAttributeValues={":pk": {"S": keys.pending_consolidation_pk(school_id)}},
            Limit=ENTRIES_A_PAGE,
            **({"ExclusiveStartKey": start} if start else {}),
        )
        for item in response["Items"]:
            yield keys.parse_pending_sk(school_id, item["pending_sk"]["S"])
        start = response.get("LastEvaluatedKey")
        if not start:
            return


def _index_key(school_id: str, pending_sk: str) -> dict[str, Any]:
    group, evaluation_id = keys.parse_pending_sk(school_id, pending_sk)
    return to_typed(
        {
            "pending_pk": keys.pending_consolidation_pk(school_id),
            "pending_sk": pending_sk,
            "PK": keys.student_pk(group.student),
            "SK": keys.eval_sk(group.subject, group.period, evaluation_id or ""),
        }
    )


def read_group(group: GroupKey) -> tuple[Grade | None, list[Evaluation]]:
    """A group's grade and all of its evaluations, tombstones included.

    The grade is read first: see `transforms.consolidation`.

    Raises:
        InvalidGradeError, InvalidEvaluationError, InvalidIdentifierError: An item is not ours.
        ClientError, BotoCoreError: The store cannot be read.
    """
    found = read_grade(group)
    items = _of_student(group.student, keys.group_prefix(group.subject, group.period))
    return found, [Evaluation.from_item(item) for item in items]


def _of_student(student: StudentKey, prefix: str) -> Iterator[dict[str, Any]]:
    pages = (
        client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=setting("TABLE"),
            KeyConditionExpression="PK = :pk AND begins_with(SK, :prefix)",
            ExpressionAttributeValues=to_typed({":pk": keys.student_pk(student), ":prefix": prefix}),
            ConsistentRead=True,
        )
    )
    return (from_typed(item) for page in pages for item in page["Items"])


def read_grade(group: GroupKey) -> Grade | None:
    """A group's grade as it stands; None where there is none.

    Raises:
        InvalidGradeError, InvalidIdentifierError: The item is not ours.
        ClientError, BotoCoreError: The store cannot be read.
    """
    key = to_typed({"PK": keys.student_pk(group.student), "SK": keys.grade_sk(group.subject, group.period)})
    item = client("dynamodb").get_item(TableName=setting("TABLE"), Key=key, ConsistentRead=True).get("Item")
    return Grade.from_item(from_typed(item)) if item else None


def student_grades(student: StudentKey) -> list[Grade]:
    """All grades of a student, by subject and period.

    Raises:
        InvalidGradeError, InvalidIdentifierError: An item is not ours.
        ClientError, BotoCoreError: The store cannot be read.
    """
    return [Grade.from_item(item) for item in _of_student(student, "GRADE#")]


def write_consolidation(decided: Consolidation, sleep: Callable[[float], None] = time.sleep) -> bool:
    """Writes a grade and marks its evaluations, if all are still as they were read.

    Grade and marks are one transaction up to 100 items. Beyond that the grade goes first, with as
    many marks as fit: a crash before the last mark leaves evaluations pending that the grade knows
    already, and the next run finds the same grade and marks the rest. A mark whose evaluation was
    corrected meanwhile is left out then: its new version is pending.

    Args:
        decided: With a grade.
        sleep: How to wait between attempts.

    Returns:
        Whether it was written. If not, something was newer: read the group again.

    Raises:
        StoreBusyError: Others held the items through all attempts.
        ClientError, BotoCoreError: The store does not take it.
    """
    marks = [_mark(evaluation) for evaluation in decided.marks]
    if not _written([_grade_update(decided), *marks[: ACTIONS - 1]], sleep):
        return False
    for mark in marks[ACTIONS - 1 :]:
        _written([mark], sleep)
    return True


def _written(actions: list[Action], sleep: Callable[[float], None]) -> bool:
    try:
        transact(actions, sleep)
    except ConditionsError:
        return False
    except ClientError as error:
        if error.response["Error"]["Code"] not in HELD_BY_OTHERS:
            raise
        raise StoreBusyError("a grade was not written: others held its items through all attempts") from error
    return True


def _grade_update(decided: Consolidation) -> Action:
    grade, previous = decided.grade, decided.previous
    assert grade is not None
    item = grade.item()
    owned = JOBS_OWN | DUE if decided.changed else CALCULATED
    values = {name: item[name] for name in sorted(owned & item.keys())}
    gone = sorted(owned - item.keys())
    expression = "SET " + ", ".join(f"#{name} = :{name}" for name in values)
    if gone:
        expression += " REMOVE " + ", ".join(f"#{name}" for name in gone)
    if previous is None:
        condition, read = "attribute_not_exists(PK)", {}
    else:
        condition, read = "#calculation = :read", {":read": previous.calculation}
    update = {
        "TableName": setting("TABLE"),
        "Key": to_typed({"PK": item["PK"], "SK": item["SK"]}),
        "UpdateExpression": expression,
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {f"#{name}": name for name in (*values, *gone)},
        "ExpressionAttributeValues": to_typed(
            {**{f":{name}": value for name, value in values.items()}, **read}
        ),
    }
    return {"Update": update}


def _mark(evaluation: Evaluation) -> Action:
    item = evaluation.item()
    update = {
        "TableName": setting("TABLE"),
        "Key": to_typed({"PK": item["PK"], "SK": item["SK"]}),
        "UpdateExpression": "SET #consolidated = :true REMOVE pending_pk, pending_sk",
        "ConditionExpression": "#version = :read",
        "ExpressionAttributeNames": {"#consolidated": "consolidated", "#version": "version"},
        "ExpressionAttributeValues": to_typed({":true": True, ":read": evaluation.version}),
    }
    return {"Update": update}

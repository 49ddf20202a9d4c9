"""The weeks of students as the lake's analysis judges them, in the single table: `transforms.weekly_trends`.

Written by UpdateItem alone, and withdrawn by it too: the role that does it has no PutItem and no DeleteItem.
A withdrawn week keeps no figures, is shown to nobody, and goes by its time to live, which costs nothing.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from adapters.aws import client
from adapters.backoff import jittered
from adapters.settings import setting
from adapters.table import ATTEMPTS, FIRST_WAIT, StoreBusyError, transient
from adapters.typed_json import from_typed, to_typed
from transforms import keys
from transforms.keys import StudentKey
from transforms.weekly_trends import WeeklyTrend, expires_at


def stored(student: StudentKey, first_week: str) -> dict[str, WeeklyTrend]:
    """A student's weeks from one on, by ISO week; those that were withdrawn are left out.

    One Query, of half a read unit for eight weeks.

    Raises:
        ClientError, BotoCoreError: The store cannot be read.
    """
    answer = client("dynamodb").query(  # some kilobytes: never a second page
        TableName=setting("TABLE"),
        KeyConditionExpression="PK = :student AND SK BETWEEN :first AND :last",
        ExpressionAttributeValues={
            ":student": {"S": keys.student_pk(student)},
            ":first": {"S": keys.trend_sk(first_week)},
            ":last": {"S": keys.trend_sk("9999")},
        },
        # Named one by one: the role may read these attributes and no other.
        ProjectionExpression="PK, SK, analysis",
        # Else a second run right after the first would write again what it does not see yet.
        ConsistentRead=True,
    )
    found = (WeeklyTrend.from_item(from_typed(item)) for item in answer["Items"])
    return {trend.iso_week: trend for trend in found if trend is not None}


def write(student: StudentKey, trend: WeeklyTrend) -> None:
    """Writes a week, or what has become of it.

    Raises:
        StoreBusyError: The store throttled through all attempts.
        ClientError, BotoCoreError: It refuses.
    """
    _update(
        student,
        trend.iso_week,
        "SET analysis = :analysis, expires_at = :expires",
        {":analysis": trend.analysis(), ":expires": expires_at(trend.iso_week)},
    )


def withdraw(student: StudentKey, iso_week: str, now: datetime) -> None:
    """Takes a week back that the marts do not have any more.

    Raises:
        StoreBusyError: The store throttled through all attempts.
        ClientError, BotoCoreError: It refuses.
    """
    _update(
        student,
        iso_week,
        "SET expires_at = :now REMOVE analysis",
        {":now": int(now.timestamp())},
    )


def _update(student: StudentKey, iso_week: str, expression: str, values: dict[str, Any]) -> None:
    key = to_typed({"PK": keys.student_pk(student), "SK": keys.trend_sk(iso_week)})
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(jittered(FIRST_WAIT, attempt))
        try:
            client("dynamodb").update_item(
                TableName=setting("TABLE"),
                Key=key,
                UpdateExpression=expression,
                ExpressionAttributeValues=to_typed(values),
                ReturnValues="NONE",
            )
            return
        except (ClientError, BotoCoreError) as error:
            if not transient(error):
                raise
    raise StoreBusyError(
        f"a week of school {student.school_id!r} was not written in {ATTEMPTS} attempts: the table "
        "throttles; run it again, what is written is not written twice"
    )

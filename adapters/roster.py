"""The rosters of schools, for jobs over all of them: who is there, and when they graduate. No names."""

from __future__ import annotations

from adapters.aws import client
from adapters.settings import setting
from transforms import keys
from transforms.retention.cohorts import UNKNOWN


def graduation_years(school_id: str) -> dict[str, int]:
    """The year of graduation of every student on a school's roster, 0 where it is unknown.

    Args:
        school_id: The school.

    Returns:
        Year by raw student identifier, which must not leave the caller's memory.

    Raises:
        ClientError, BotoCoreError: The store cannot be read.
    """
    pages = (
        client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=setting("TABLE"),
            KeyConditionExpression="PK = :roster",
            ExpressionAttributeValues={":roster": {"S": keys.roster_pk(school_id)}},
            # Named one by one: the audit's role may read these attributes and no other.
            ProjectionExpression="PK, SK, graduation_year",
        )
    )
    return {
        item["SK"]["S"]: int(item["graduation_year"]["N"]) if "graduation_year" in item else UNKNOWN
        for page in pages
        for item in page["Items"]
    }

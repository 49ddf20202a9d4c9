"""How long AWS keeps what is in log groups, queues and tables: their settings as they are in force."""

from __future__ import annotations

from typing import NamedTuple

from adapters.aws import client

PREFIX = "luca-"
LOG_PREFIXES = ("/luca/", f"/aws/lambda/{PREFIX}")


class KeptItems(NamedTuple):
    """How long a table keeps items, and what was in it.

    Attributes:
        lives: Whether a time to live removes items.
        recovery_days: How far back it can be recovered; 0 if not at all.
    """

    lives: bool
    recovery_days: int


def log_groups() -> dict[str, int | None]:
    """Days that our log groups keep their events, by name; None is for ever."""
    pages = client("logs").get_paginator("describe_log_groups")
    return {
        group["logGroupName"]: group.get("retentionInDays")
        for prefix in LOG_PREFIXES
        for page in pages.paginate(logGroupNamePrefix=prefix)
        for group in page["logGroups"]
    }


def queues() -> dict[str, int]:
    """Seconds that our queues keep a message, by name."""
    sqs, found = client("sqs"), {}
    for page in sqs.get_paginator("list_queues").paginate(QueueNamePrefix=PREFIX):
        for url in page.get("QueueUrls", []):
            told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["MessageRetentionPeriod"])
            found[url.rsplit("/", 1)[-1]] = int(told["Attributes"]["MessageRetentionPeriod"])
    return found


def tables() -> dict[str, KeptItems]:
    """What our tables keep, by name."""
    dynamodb, found = client("dynamodb"), {}
    for page in dynamodb.get_paginator("list_tables").paginate():
        for name in (name for name in page["TableNames"] if name.startswith(PREFIX)):
            lives = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
            backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
            recovery = backups.get("PointInTimeRecoveryDescription", {})
            enabled = recovery.get("PointInTimeRecoveryStatus") == "ENABLED"
            found[name] = KeptItems(
                lives["TimeToLiveStatus"] in {"ENABLED", "ENABLING"},
                # 35 days where the answer does not say: the service's default.
                int(recovery.get("RecoveryPeriodInDays", 35)) if enabled else 0,
            )
    return found

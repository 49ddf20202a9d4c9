"""DynamoDB transactions: all of some writes, each under its condition, or none."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import ClientError

from adapters.aws import client
from adapters.backoff import jittered

Action = dict[str, Any]
"""One `Put`, `Update`, `Delete` or `ConditionCheck`, in DynamoDB's own form."""

ACTIONS = 100  # TransactWriteItems' limit
ATTEMPTS = 6
FIRST_WAIT = 0.05  # seconds

_TRANSIENT = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}


class ConditionsError(RuntimeError):
    """Conditions of a transaction did not hold; nothing was written.

    Attributes:
        failed: Positions of the actions whose conditions did not hold.
    """

    def __init__(self, failed: frozenset[int]) -> None:
        self.failed = failed
        super().__init__(f"the conditions of actions {sorted(failed)} of a transaction did not hold")


def transact(actions: Sequence[Action], sleep: Callable[[float], None] = time.sleep) -> None:
    """Writes all of some actions, or none. A collision with another transaction is tried again.

    One action alone is a plain conditional write, which costs half.

    Args:
        actions: 1 to 100, no two on one item.
        sleep: How to wait between attempts.

    Raises:
        ConditionsError: Some conditions did not hold.
        ClientError, BotoCoreError: The store cannot be reached, or is busy through all attempts.
    """
    for attempt in range(ATTEMPTS):
        if attempt:
            sleep(jittered(FIRST_WAIT, attempt))
        try:
            write_once(actions)
            return
        except ClientError as error:
            if failed := failed_conditions(error):
                raise ConditionsError(failed) from error
            code = error.response["Error"]["Code"]
            if code == "TransactionConflictException" and attempt < ATTEMPTS - 1:
                continue
            if code != "TransactionCanceledException":
                raise
            if not _TRANSIENT & set(_reasons(error)) or attempt == ATTEMPTS - 1:
                raise


def write_once(actions: Sequence[Action]) -> None:
    """Writes all of some actions, or none, in one attempt.

    Raises:
        ClientError, BotoCoreError: As they come.
    """
    dynamodb = client("dynamodb")
    if len(actions) > 1:
        dynamodb.transact_write_items(TransactItems=list(actions))
        return
    ((kind, arguments),) = actions[0].items()
    {"Put": dynamodb.put_item, "Update": dynamodb.update_item, "Delete": dynamodb.delete_item}[kind](
        **arguments
    )


def failed_conditions(error: ClientError) -> frozenset[int]:
    """Positions of the actions whose conditions did not hold; empty where a write was refused otherwise."""
    if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
        return frozenset({0})
    return frozenset(at for at, reason in enumerate(_reasons(error)) if reason == "ConditionalCheckFailed")


def _reasons(error: ClientError) -> list[str]:
    """By action, why DynamoDB cancelled a transaction; empty for any other error."""
    # The response's own part: botocore's type of an error does not know it.
    reasons: list[dict[str, Any]] = dict(error.response).get("CancellationReasons", [])  # type: ignore[assignment]
    return [reason.get("Code", "None") for reason in reasons]

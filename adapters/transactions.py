"""DynamoDB transactions: all of some writes, each under its condition, or none."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import ClientError

from adapters.aws import client

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
            sleep(random.uniform(0, FIRST_WAIT * 2**attempt))  # noqa: S311 - jitter is no secret
        try:
            if len(actions) == 1:
                _alone(actions[0])
            else:
                client("dynamodb").transact_write_items(TransactItems=list(actions))
            return
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ConditionalCheckFailedException":
                raise ConditionsError(frozenset({0})) from error
            if code == "TransactionConflictException" and attempt < ATTEMPTS - 1:
                continue
            if code != "TransactionCanceledException":
                raise
            # The response's own part: botocore's type of an error does not know it.
            reasons: list[dict[str, Any]] = dict(error.response).get("CancellationReasons", [])  # type: ignore[assignment]
            codes = [reason.get("Code", "None") for reason in reasons]
            failed = frozenset(at for at, code in enumerate(codes) if code == "ConditionalCheckFailed")
            if failed:
                raise ConditionsError(failed) from error
            if not _TRANSIENT & set(codes) or attempt == ATTEMPTS - 1:
                raise


def _alone(action: Action) -> None:
    ((kind, arguments),) = action.items()
    dynamodb = client("dynamodb")
    {"Put": dynamodb.put_item, "Update": dynamodb.update_item, "Delete": dynamodb.delete_item}[kind](
        **arguments
    )

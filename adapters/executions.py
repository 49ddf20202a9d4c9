"""Executions of Step Functions: start one, and wait for its end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from adapters.aws import client

POLL = 0.5  # seconds


class ExecutionFailedError(RuntimeError):
    """An execution did not succeed.

    Attributes:
        error: Such as `SyncRunningError`.
    """

    def __init__(self, arn: str, status: str, error: str, cause: str) -> None:
        self.error = error
        super().__init__(f"{arn} has {status.lower().replace('_', ' ')}: {error}: {cause}")


@dataclass(frozen=True, slots=True)
class Ended:
    """An execution that succeeded.

    Attributes:
        arn: Its ARN, under which its history is found.
        output: What it gave.
    """

    arn: str
    output: Any


def run(
    machine_arn: str, data: Any, name: str | None = None, sleep: Callable[[float], None] = time.sleep
) -> Ended:
    """Starts an execution and waits for its end, however long that takes.

    Args:
        machine_arn: Of the state machine.
        data: Its input, whatever JSON can say.
        name: Of the execution; AWS makes one up by default.
        sleep: How to wait between looks.

    Raises:
        ExecutionFailedError: It did not succeed.
        ClientError, BotoCoreError: Step Functions cannot be reached.
    """
    named = {"name": name} if name else {}
    started = client("stepfunctions").start_execution(
        stateMachineArn=machine_arn, input=json.dumps(data), **named
    )
    arn: str = started["executionArn"]
    while True:
        told = client("stepfunctions").describe_execution(executionArn=arn)
        if told["status"] == "SUCCEEDED":
            return Ended(arn, json.loads(told["output"]))
        if told["status"] != "RUNNING":
            raise ExecutionFailedError(
                arn, told["status"], told.get("error", "no error is told"), told.get("cause", "")
            )
        sleep(POLL)

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

from infra.local.state_machines.definition import read_machine
from infra.local.state_machines.service import StateMachines

ARN = "arn:aws:states:us-east-1:000000000000:stateMachine:it"
WAIT = {"StartAt": "A", "States": {"A": {"Type": "Wait", "SecondsPath": "$.s", "End": True}}}


async def no_function(function: str, payload: bytes) -> bytes:
    raise AssertionError("nobody calls")


def with_machine(story: Any) -> Any:
    """Runs a coroutine that is given the service."""

    async def run() -> Any:
        machines = StateMachines(
            [read_machine("it", ARN, json.dumps(WAIT))], invoke=no_function, wait_scale=1
        )
        try:
            return await story(machines)
        finally:
            await machines.stop()

    return asyncio.run(run())


def start(
    machines: StateMachines, name: str, seconds: int
) -> Coroutine[Any, Any, tuple[int, dict[str, Any]]]:
    request = {"stateMachineArn": ARN, "name": name, "input": json.dumps({"s": seconds})}
    return machines.call("StartExecution", request)


def test_an_execution_is_started_described_and_listed() -> None:
    async def story(machines: StateMachines) -> Any:
        status, started = await start(machines, "one", 0)
        assert status == 200
        await machines.finished(started["executionArn"])
        _, told = await machines.call("DescribeExecution", {"executionArn": started["executionArn"]})
        _, listed = await machines.call(
            "ListExecutions", {"stateMachineArn": ARN, "statusFilter": "SUCCEEDED"}
        )
        return told, listed["executions"]

    told, listed = with_machine(story)
    assert (told["status"], json.loads(told["output"]), told["name"]) == ("SUCCEEDED", {"s": 0}, "one")
    assert [each["name"] for each in listed] == ["one"]
    assert "input" not in listed[0]


def test_the_same_name_is_the_same_execution_while_it_runs_and_refused_otherwise() -> None:
    async def story(machines: StateMachines) -> Any:
        first = await start(machines, "one", 60)
        again = await start(machines, "one", 60)
        other = await start(machines, "one", 61)
        return first, again, other

    first, again, other = with_machine(story)
    assert first == again
    assert (other[0], other[1]["__type"]) == (400, "ExecutionAlreadyExists")


def test_an_execution_can_be_stopped() -> None:
    async def story(machines: StateMachines) -> Any:
        _, started = await start(machines, "one", 60)
        await asyncio.sleep(0.01)
        await machines.call("StopExecution", started)
        return (await machines.call("DescribeExecution", started))[1]["status"]

    assert with_machine(story) == "ABORTED"


def test_the_history_comes_in_pages_and_backwards() -> None:
    async def story(machines: StateMachines) -> Any:
        _, started = await start(machines, "one", 0)
        await machines.finished(started["executionArn"])
        _, page = await machines.call("GetExecutionHistory", {**started, "maxResults": 3})
        _, rest = await machines.call("GetExecutionHistory", {**started, "nextToken": page["nextToken"]})
        _, back = await machines.call("GetExecutionHistory", {**started, "reverseOrder": True})
        return page["events"] + rest["events"], back["events"]

    forth, back = with_machine(story)
    assert forth == list(reversed(back))
    assert forth[-1]["type"] == "ExecutionSucceeded"


def test_what_does_not_exist_is_told_in_the_services_words() -> None:
    async def story(machines: StateMachines) -> Any:
        return [
            (await machines.call(action, request))[1]["__type"]
            for action, request in (
                ("StartExecution", {"stateMachineArn": "arn:other"}),
                ("DescribeExecution", {"executionArn": "arn:other"}),
                ("StartExecution", {"stateMachineArn": ARN, "input": "{"}),
                ("CreateActivity", {}),
            )
        ]

    assert with_machine(story) == [
        *(
            "StateMachineDoesNotExist",
            "ExecutionDoesNotExist",
            "InvalidExecutionInput",
            "UnknownOperationException",
        )
    ]

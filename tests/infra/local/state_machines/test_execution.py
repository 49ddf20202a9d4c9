from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from infra.local.state_machines.definition import (
    LAMBDA_INVOKE,
    START_EXECUTION,
    DefinitionError,
    read_machine,
)
from infra.local.state_machines.execution import MAX_DATA, Execution, StateError
from infra.local.state_machines.service import StateMachines

ARN = "arn:aws:states:us-east-1:000000000000:stateMachine:{}"

Function = Callable[[Any], Any]


def run(
    states: dict[str, Any],
    data: Any = None,
    *,
    functions: dict[str, Function] | None = None,
    others: dict[str, dict[str, Any]] | None = None,
    wait_scale: float = 0,
    objects: dict[tuple[str, str], bytes] | None = None,
    container: Any = None,
    **machine: Any,
) -> Execution:
    """Runs states, the first of which comes first, to their end."""

    async def invoke(function: str, payload: bytes) -> bytes:
        answer = (functions or {})[function](json.loads(payload))
        if asyncio.iscoroutine(answer):
            answer = await answer
        return json.dumps(answer).encode()

    def made(name: str, its: dict[str, Any], **more: Any) -> Any:
        return read_machine(
            name, ARN.format(name), json.dumps({"StartAt": next(iter(its)), "States": its, **more})
        )

    async def read_object(bucket: str, key: str) -> bytes:
        if (bucket, key) not in (objects or {}):
            raise StateError("States.ItemReaderFailed", f"no {key} in {bucket}")
        return (objects or {})[bucket, key]

    async def all_of_it() -> Execution:
        machines = [made("it", states, **machine), *(made(name, its) for name, its in (others or {}).items())]
        service = StateMachines(
            machines, invoke=invoke, wait_scale=wait_scale, run_task=container, read_object=read_object
        )
        return await service.finished(
            service.start(ARN.format("it"), "one", {} if data is None else data).arn
        )

    return asyncio.run(all_of_it())


def call(function: str = "f", **fields: Any) -> dict[str, Any]:
    task = {
        "Type": "Task",
        "Resource": LAMBDA_INVOKE,
        "Parameters": {"FunctionName": function, "Payload.$": "$"},
        "OutputPath": "$.Payload",
    }
    return {**task, **({} if "Next" in fields else {"End": True}), **fields}


def fails(*errors: str) -> Function:
    """A function that raises these errors, one a call, and then answers."""
    left = list(errors)

    def function(event: Any) -> Any:
        if left:
            raise StateError(left.pop(0), "on request")
        return "well"

    return function


def test_a_task_gets_its_payload_and_gives_its_answer() -> None:
    ended = run({"A": call()}, {"n": 1}, functions={"f": lambda event: {**event, "m": 2}})
    assert (ended.status, ended.output, ended.transitions) == ("SUCCEEDED", {"n": 1, "m": 2}, 1)


def test_a_payload_is_filled_from_the_state_and_from_the_context() -> None:
    payload = {"name.$": "$$.State.Name", "run.$": "$$.Execution.Name", "deep": {"n.$": "$.a.b"}, "as": "is"}
    task = call(Parameters={"FunctionName": "f", "Payload": payload})
    ended = run({"A": task}, {"a": {"b": 7}}, functions={"f": lambda event: event})
    assert ended.output == {"name": "A", "run": "one", "deep": {"n": 7}, "as": "is"}


def test_a_result_is_put_where_its_path_says() -> None:
    task = call(ResultSelector={"x.$": "$.Payload.n"}, ResultPath="$.a.b", OutputPath="$")
    ended = run({"A": task}, {"n": 1}, functions={"f": lambda event: {"n": 2}})
    assert ended.output == {"n": 1, "a": {"b": {"x": 2}}}
    dropped = run({"A": call(ResultPath=None, OutputPath="$")}, {"n": 1}, functions={"f": lambda event: 0})
    assert dropped.output == {"n": 1}


def test_choices_are_tried_in_order() -> None:
    states = {
        "A": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.n", "NumericLessThan": 3, "Next": "Few"},
                {
                    "And": [
                        {"Variable": "$.s", "IsPresent": True},
                        {"Not": {"Variable": "$.s", "StringEquals": "x"}},
                        {
                            "Or": [
                                {"Variable": "$.b", "BooleanEquals": True},
                                {"Variable": "$.n", "NumericEquals": 9},
                            ]
                        },
                    ],
                    "Next": "Both",
                },
            ],
            "Default": "Else",
        },
        **{name: {"Type": "Pass", "Result": name, "End": True} for name in ("Few", "Both", "Else")},
    }
    assert run(states, {"n": 2}).output == "Few"
    assert run(states, {"n": 9, "s": "y", "b": False}).output == "Both"
    assert run(states, {"n": 8, "s": "y", "b": False}).output == "Else"
    assert run(states, {"n": 8, "s": "x"}).output == "Else"


def test_a_choice_about_what_is_not_there_fails_the_execution() -> None:
    choice = {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "B"}]}
    states = {"A": choice, "B": {"Type": "Succeed"}}
    missing = run(states, {})
    assert (missing.status, missing.error) == ("FAILED", "States.Runtime")
    assert run(states, {"n": 2}).error == "States.NoChoiceMatched"
    assert run(states, {"n": "1"}).error == "States.NoChoiceMatched"  # text is no number


def test_waits_are_scaled_and_counted_unscaled() -> None:
    states = {
        "A": {"Type": "Wait", "Seconds": 10, "Next": "B"},
        "B": {"Type": "Wait", "SecondsPath": "$.s", "End": True},
    }
    began = time.monotonic()
    ended = run(states, {"s": 20}, wait_scale=0.01)
    assert 0.28 < time.monotonic() - began < 2
    assert ended.waits == [10, 20]


@pytest.mark.parametrize("seconds", [-1, 1.5, "5", None, True])
def test_a_wait_of_no_whole_number_of_seconds_fails_the_execution(seconds: object) -> None:
    ended = run({"A": {"Type": "Wait", "SecondsPath": "$.s", "End": True}}, {"s": seconds})
    assert (ended.status, ended.error) == ("FAILED", "States.Runtime")


def test_a_function_is_tried_again_by_the_type_of_its_error() -> None:
    retry = [
        {"ErrorEquals": ["Hopeless"], "MaxAttempts": 0},
        {
            "ErrorEquals": ["Busy"],
            "IntervalSeconds": 2,
            "MaxAttempts": 3,
            "BackoffRate": 3,
            "MaxDelaySeconds": 10,
        },
        {"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 1, "MaxAttempts": 1},
    ]
    task = {"A": call(Retry=retry)}
    ended = run(task, functions={"f": fails("Busy", "Busy", "Other", "Busy")})
    assert (ended.output, ended.waits, ended.transitions) == ("well", [2, 6, 1, 10], 5)
    assert run(task, functions={"f": fails("Hopeless")}).error == "Hopeless"
    assert run(task, functions={"f": fails("Other", "Other")}).error == "Other"


def test_a_caught_error_goes_its_way_with_the_input() -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "B"}]
    states = {"A": call(Catch=catch), "B": {"Type": "Succeed"}}
    ended = run(states, {"n": 1}, functions={"f": fails("Odd")})
    assert ended.output == {"n": 1, "failure": {"Error": "Odd", "Cause": "on request"}}


def test_a_task_that_takes_too_long_is_a_time_out_and_not_a_failed_task() -> None:
    async def slow(event: Any) -> None:
        await asyncio.sleep(5)

    retry = [{"ErrorEquals": ["States.TaskFailed"], "MaxAttempts": 5}]
    ended = run({"A": call(TimeoutSeconds=0.05, Retry=retry)}, functions={"f": slow})
    assert (ended.status, ended.error, ended.waits) == ("FAILED", "States.Timeout", [])


def test_an_execution_that_takes_too_long_is_ended() -> None:
    ended = run({"A": {"Type": "Wait", "Seconds": 10, "End": True}}, wait_scale=1, TimeoutSeconds=0.05)
    assert ended.status == "TIMED_OUT"


def test_a_map_runs_its_items_a_few_at_once_and_keeps_their_order() -> None:
    running, most = [0], [0]

    async def work(event: Any) -> Any:
        running[0] += 1
        most[0] = max(most[0], running[0])
        await asyncio.sleep(0.02 * (5 - event["n"]))
        running[0] -= 1
        return event["n"] * 10

    states = {
        "A": {
            "Type": "Map",
            "ItemsPath": "$.items",
            "MaxConcurrency": 2,
            "ItemSelector": {"n.$": "$$.Map.Item.Value", "all.$": "$.items"},
            "ItemProcessor": {"StartAt": "B", "States": {"B": call()}},
            "End": True,
        }
    }
    ended = run(states, {"items": [1, 2, 3, 4]}, functions={"f": work})
    assert (ended.output, most[0], ended.transitions) == ([10, 20, 30, 40], 2, 5)


def test_an_item_that_fails_fails_the_map_unless_it_is_caught_inside() -> None:
    def odd(event: Any) -> Any:
        if event % 2:
            raise StateError("Odd", "on request")
        return event

    def each(**fields: Any) -> dict[str, Any]:
        inner = {"B": call(**fields), "C": {"Type": "Pass", "Result": "caught", "End": True}}
        if not fields:
            del inner["C"]
        return {"A": {"Type": "Map", "ItemProcessor": {"StartAt": "B", "States": inner}, "End": True}}

    assert run(each(), [2, 3, 4], functions={"f": odd}).error == "Odd"
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "C"}]
    assert run(each(Catch=catch), [2, 3, 4], functions={"f": odd}).output == [2, "caught", 4]


def test_a_child_execution_is_waited_for_and_its_output_is_an_object() -> None:
    parameters = {"StateMachineArn": ARN.format("child"), "Input": {"n.$": "$.n"}}
    task = {
        "Type": "Task",
        "Resource": START_EXECUTION,
        "Parameters": parameters,
        "OutputPath": "$.Output",
        "End": True,
    }
    child = {"B": call()}
    ended = run({"A": task}, {"n": 4}, others={"child": child}, functions={"f": lambda event: event["n"] + 1})
    assert ended.output == 5
    failed = run({"A": task}, {"n": 4}, others={"child": child}, functions={"f": fails("Odd")})
    assert (failed.status, failed.error) == ("FAILED", "States.TaskFailed")
    assert json.loads(failed.cause or "")["error"] == "Odd"


def test_a_state_that_carries_too_much_fails_the_execution() -> None:
    ended = run({"A": call()}, functions={"f": lambda event: "x" * (MAX_DATA + 1)})
    assert ended.error == "States.DataLimitExceeded"


def test_a_fail_state_ends_with_its_error() -> None:
    ended = run({"A": {"Type": "Fail", "Error": "Ours", "Cause": "because"}})
    assert (ended.status, ended.error, ended.cause) == ("FAILED", "Ours", "because")


def test_the_history_is_told_in_the_services_words() -> None:
    ended = run({"A": call(Next="B"), "B": {"Type": "Succeed"}}, functions={"f": lambda event: 1})
    assert [event["type"] for event in ended.history] == [
        "ExecutionStarted",
        *("TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSucceeded", "TaskStateExited"),
        *("SucceedStateEntered", "SucceedStateExited"),
        "ExecutionSucceeded",
    ]
    assert [event["previousEventId"] for event in ended.history] == list(range(9))


LIST = {
    "Resource": "arn:aws:states:::s3:getObject",
    "ReaderConfig": {"InputType": "JSON"},
    "Parameters": {"Bucket": "b", "Key.$": "$.key"},
}


def apart(states: dict[str, Any], **fields: Any) -> dict[str, Any]:
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    processor = {"ProcessorConfig": config, "StartAt": next(iter(states)), "States": states}
    return {"Type": "Map", "ItemReader": LIST, "ItemProcessor": processor, "End": True, **fields}


def task(**fields: Any) -> dict[str, Any]:
    parameters = {"TaskDefinition": "t", "Overrides.$": "$"}
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::ecs:runTask.sync",
        "Parameters": parameters,
        **fields,
        "End": True,
    }


def test_a_distributed_map_reads_its_items_and_runs_each_apart() -> None:
    at_once: list[int] = []
    now = 0

    async def container(parameters: dict[str, Any]) -> dict[str, Any]:
        nonlocal now
        now += 1
        at_once.append(now)
        await asyncio.sleep(0.01)
        now -= 1
        return {"n": parameters["Overrides"]["n"] * 2}

    ended = run(
        {"A": apart({"B": task()}, MaxConcurrencyPath="$.most")},
        {"key": "items.json", "most": 2},
        objects={("b", "items.json"): b'[{"n": 1}, {"n": 2}, {"n": 3}]'},
        container=container,
    )
    assert (ended.status, ended.output) == ("SUCCEEDED", [{"n": 2}, {"n": 4}, {"n": 6}])
    assert max(at_once) == 2
    assert ended.transitions == 4
    iterations = [event for event in ended.history if "Iteration" in event["type"]]
    assert not iterations, "items have histories of their own"


def test_one_failed_item_fails_a_distributed_map_after_its_retries() -> None:
    tried: list[int] = []

    async def container(parameters: dict[str, Any]) -> dict[str, Any]:
        number = parameters["Overrides"]
        tried.append(number)
        if number == 2:
            raise StateError("States.TaskFailed", "container ended with 1")
        return {}

    retry = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 2}]
    ended = run(
        {"A": apart({"B": task(Retry=retry)})},
        {"key": "k"},
        objects={("b", "k"): b"[1, 2]"},
        container=container,
    )
    assert (ended.status, ended.error) == ("FAILED", "States.ExceedToleratedFailureThreshold")
    assert "container ended with 1" in str(ended.cause)
    assert tried.count(2) == 3


@pytest.mark.parametrize("body", [b"no json", b'{"n": 1}', None])
def test_items_that_cannot_be_read_fail_the_map(body: bytes | None) -> None:
    objects = {} if body is None else {("b", "k"): body}
    ended = run({"A": apart({"B": task()})}, {"key": "k"}, objects=objects)
    assert ended.status == "FAILED"
    assert ended.error in {"States.ItemReaderFailed", "States.Runtime"}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"ToleratedFailurePercentage": 5}, "only 0 is run here"),
        ({"MaxConcurrency": 2, "MaxConcurrencyPath": "$.n"}, "both MaxConcurrency and MaxConcurrencyPath"),
        ({"ItemsPath": "$.items"}, "instead of ItemsPath"),
        ({"ItemReader": {**LIST, "ReaderConfig": {"InputType": "CSV"}}}, "only a JSON list"),
        ({"ItemReader": {**LIST, "Parameters": {"Bucket": "b"}}}, "Parameters are Bucket and Key"),
        ({"ResultWriter": {}}, "are not run here"),
    ],
)
def test_what_a_distributed_map_cannot_do_here_is_refused(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(DefinitionError, match=reason):
        run({"A": apart({"B": task()}, **fields)})

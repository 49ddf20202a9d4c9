"""Runs a state machine once: state after state, with its retries, catches, maps and history.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-states.html
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from infra.local.state_machines import paths
from infra.local.state_machines.definition import (
    COMPARISONS,
    SERVICES,
    Graph,
    Machine,
    State,
    is_distributed,
    read_graph,
)

MAX_EVENTS = 25_000  # of one execution's history (Step Functions quotas)
MAX_DATA = 262_144  # bytes of a state's input or output
INLINE_ITEMS = 40  # of an inline map at once, whatever it declares
DISTRIBUTED_ITEMS = 10_000  # of a distributed one


class StateError(Exception):
    """An error as the states language names it.

    Attributes:
        error: Such as `States.Timeout`, or a function's own exception type.
        cause: For people; for a function its whole error as JSON.
    """

    def __init__(self, error: str, cause: str) -> None:
        self.error, self.cause = error, cause
        super().__init__(f"{error}: {cause}")


class Surroundings(Protocol):
    """What an execution needs of the world."""

    async def invoke(self, function: str, payload: bytes) -> bytes:
        """Runs a function.

        Raises:
            StateError: It failed; the error is its exception's type.
        """

    async def run_child(self, machine_arn: str, name: str | None, data: Any) -> dict[str, Any]:
        """Runs another machine to its end, and describes the execution as `DescribeExecution` does.

        Raises:
            StateError: It did not succeed, or could not be started.
        """

    async def run_task(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Runs a container's task to its end, and describes it as `DescribeTasks` does.

        Raises:
            StateError: It could not be started, or did not end well.
        """

    async def read_object(self, bucket: str, key: str) -> bytes:
        """Reads an object of S3.

        Raises:
            StateError: It cannot be read.
        """

    async def pause(self, seconds: float) -> None:
        """Waits, at whatever scale."""


@dataclass
class Execution:
    """One run of a machine.

    Attributes:
        status: `RUNNING`, `SUCCEEDED`, `FAILED`, `TIMED_OUT` or `ABORTED`.
        history: Events as `GetExecutionHistory` gives them, without their times' form.
        transitions: States entered, retries included: what AWS charges for.
        waits: Seconds that Wait states and retries declared, in order, unscaled.
    """

    machine: Machine
    name: str
    arn: str
    data: Any
    status: str = "RUNNING"
    output: Any = None
    error: str | None = None
    cause: str | None = None
    started: float = field(default_factory=time.time)
    stopped: float | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    transitions: int = 0
    waits: list[float] = field(default_factory=list)

    def note(self, kind: str, previous: int, **details: Any) -> int:
        """Adds an event; its id.

        Raises:
            StateError: The history is full, at which AWS fails the execution too.
        """
        if len(self.history) >= MAX_EVENTS:
            raise StateError("States.Runtime", f"the history has its {MAX_EVENTS} events")
        event = {
            "timestamp": time.time(),
            "type": kind,
            "id": len(self.history) + 1,
            "previousEventId": previous,
        }
        self.history.append({**event, **details})
        return len(self.history)

    async def run(self, surroundings: Surroundings) -> Execution:
        """Runs to the end, whatever that is; only a cancellation is raised."""
        last = self.note("ExecutionStarted", 0, executionStartedEventDetails={"input": json.dumps(self.data)})
        branch = _Branch(self, surroundings, self._context(), last)
        try:
            async with asyncio.timeout(self.machine.timeout):
                output = await branch.walk(self.machine.graph, self.data)
        except TimeoutError:
            self._end("TIMED_OUT", branch.last, "States.Timeout", "the execution took too long")
        except StateError as failed:
            self._end("FAILED", branch.last, failed.error, failed.cause)
        except asyncio.CancelledError:
            self._end("ABORTED", branch.last, "", "stopped")
            raise
        else:
            self.output = output
            self._end("SUCCEEDED", branch.last)
        return self

    def _end(self, status: str, previous: int, error: str | None = None, cause: str | None = None) -> None:
        self.status, self.error, self.cause, self.stopped = status, error, cause, time.time()
        kind = {"SUCCEEDED": "Succeeded", "FAILED": "Failed", "TIMED_OUT": "TimedOut", "ABORTED": "Aborted"}
        details: dict[str, Any] = (
            {"output": json.dumps(self.output)} if status == "SUCCEEDED" else {"error": error, "cause": cause}
        )
        event = {"timestamp": time.time(), "id": len(self.history) + 1, "previousEventId": previous}
        name = f"Execution{kind[status]}"
        self.history.append({**event, "type": name, f"e{name[1:]}EventDetails": details})

    def _context(self) -> dict[str, Any]:
        return {
            "Execution": {
                "Id": self.arn,
                "Input": self.data,
                "Name": self.name,
                "StartTime": datetime.fromtimestamp(self.started, UTC).isoformat(),
            },
            "StateMachine": {"Id": self.machine.arn, "Name": self.machine.name},
        }


class _Branch:
    """One thread of an execution: the whole of it, or one item of a map."""

    def __init__(
        self, execution: Execution, surroundings: Surroundings, context: Mapping[str, Any], last: int
    ) -> None:
        self._execution, self._surroundings = execution, surroundings
        self._context = dict(context)
        self.last = last

    def _note(self, kind: str, **details: Any) -> None:
        self.last = self._execution.note(kind, self.last, **details)

    async def walk(self, graph: Graph, data: Any) -> Any:
        """From the first state to one that ends; the last state's output."""
        name: str | None = graph.start_at
        while name is not None:
            state = graph.states[name]
            kind = state["Type"]
            self._execution.transitions += 1
            self._context["State"] = {
                "Name": name,
                "EnteredTime": datetime.now(UTC).isoformat(),
                "RetryCount": 0,
            }
            self._note(f"{kind}StateEntered", stateEnteredEventDetails={"name": name, "input": _text(data)})
            if kind == "Fail":
                raise StateError(state.get("Error", "States.Fail"), state.get("Cause", ""))
            try:
                data, following = await self._state(state, data)
            except paths.PathError as wrong:
                raise StateError("States.Runtime", f"{name}: {wrong}") from wrong
            self._note(f"{kind}StateExited", stateExitedEventDetails={"name": name, "output": _text(data)})
            name = following
        return data

    async def _state(self, state: State, data: Any) -> tuple[Any, str | None]:
        """Output and the next state's name, if there is one."""
        given = data if state.get("InputPath", "$") is None else self._at(state.get("InputPath", "$"), data)
        following = state.get("Next")
        match state["Type"]:
            case "Task" | "Map":
                work = self._task if state["Type"] == "Task" else self._map
                output, caught = await self._with_retries(state, data, given, work)
                return (output, caught) if caught else (self._out(state, output), following)
            case "Choice":
                return self._out(state, given), self._choose(state, given)
            case "Wait":
                seconds = (
                    self._at(state["SecondsPath"], given) if "SecondsPath" in state else state["Seconds"]
                )
                if isinstance(seconds, bool) or not isinstance(seconds, int) or seconds < 0:
                    raise StateError("States.Runtime", f"a wait of {seconds!r} seconds")
                await self._pause(seconds)
                return self._out(state, given), following
            case "Pass":
                result = state.get("Result", given)
                if "Parameters" in state:
                    result = paths.fill(state["Parameters"], given, self._context)
                return self._out(state, paths.place(state.get("ResultPath", "$"), data, result)), following
        return self._out(state, given), None  # Succeed

    def _at(self, path: str, data: Any) -> Any:
        return paths.resolve(path, data, self._context)

    def _out(self, state: State, data: Any) -> Any:
        path = state.get("OutputPath", "$")
        return {} if path is None else self._at(path, data)

    async def _pause(self, seconds: float) -> None:
        self._execution.waits.append(seconds)
        await self._surroundings.pause(seconds)

    # Tasks

    async def _with_retries(
        self, state: State, data: Any, given: Any, work: Callable[[State, Any], Any]
    ) -> tuple[Any, str | None]:
        attempts: dict[int, int] = {}
        while True:
            try:
                result = await work(state, given)
            except StateError as failed:
                at, retrier = _matching(state.get("Retry", ()), failed.error)
                done = attempts.get(at, 0)
                if retrier is not None and done < retrier.get("MaxAttempts", 3):
                    attempts[at] = done + 1
                    self._execution.transitions += 1
                    self._context["State"]["RetryCount"] += 1
                    await self._pause(_delay(retrier, done))
                    continue
                _, catcher = _matching(state.get("Catch", ()), failed.error)
                if catcher is None:
                    raise
                error = {"Error": failed.error, "Cause": failed.cause}
                return paths.place(catcher.get("ResultPath", "$"), data, error), catcher["Next"]
            if "ResultSelector" in state:
                result = paths.fill(state["ResultSelector"], result, self._context)
            return paths.place(state.get("ResultPath", "$"), data, result), None

    async def _task(self, state: State, given: Any) -> Any:
        parameters = paths.fill(state.get("Parameters", given), given, self._context)
        service, action = SERVICES[state["Resource"]]
        what = {"resourceType": service, "resource": action}
        self._note("TaskScheduled", taskScheduledEventDetails={**what, "parameters": _text(parameters)})
        self._note("TaskStarted", taskStartedEventDetails=what)
        try:
            async with asyncio.timeout(state.get("TimeoutSeconds")):
                match service:
                    case "lambda":
                        result = await self._invoke(parameters)
                    case "ecs":
                        result = await self._surroundings.run_task(parameters)
                    case _:
                        result = await self._child(parameters)
        except TimeoutError:
            self._note("TaskTimedOut", taskTimedOutEventDetails={**what, "error": "States.Timeout"})
            raise StateError("States.Timeout", "the task took too long") from None
        except StateError as failed:
            details = {**what, "error": failed.error, "cause": failed.cause}
            self._note("TaskFailed", taskFailedEventDetails=details)
            raise
        self._note("TaskSucceeded", taskSucceededEventDetails={**what, "output": _text(result)})
        return result

    async def _invoke(self, parameters: dict[str, Any]) -> Any:
        payload = json.dumps(parameters.get("Payload", {})).encode()
        answer = await self._surroundings.invoke(parameters["FunctionName"], payload)
        return {"ExecutedVersion": "$LATEST", "Payload": json.loads(answer), "StatusCode": 200}

    async def _child(self, parameters: dict[str, Any]) -> Any:
        return await self._surroundings.run_child(
            parameters["StateMachineArn"], parameters.get("Name"), parameters.get("Input", {})
        )

    # Maps

    async def _map(self, state: State, given: Any) -> Any:
        items = await self._items(state, given)
        distributed = is_distributed(state)
        graph = read_graph(state["ItemProcessor"], "ItemProcessor")
        most = DISTRIBUTED_ITEMS if distributed else INLINE_ITEMS
        wanted = state.get("MaxConcurrency")
        if "MaxConcurrencyPath" in state:
            wanted = self._at(state["MaxConcurrencyPath"], given)
        slots = asyncio.Semaphore(min(wanted or most, most))
        name = self._context["State"]["Name"]
        self._note("MapStateStarted", mapStateStartedEventDetails={"length": len(items)})

        async def one(index: int, item: Any) -> Any:
            async with slots:
                context = {**self._context, "Map": {"Item": {"Index": index, "Value": item}}}
                branch = _Branch(self._execution, self._surroundings, context, self.last)
                selector = state.get("ItemSelector")
                data = item if selector is None else paths.fill(selector, given, context)
                if distributed:
                    return await self._apart(graph, f"{name}-{index}", data)
                iteration = {"name": name, "index": index}
                branch._note("MapIterationStarted", mapIterationStartedEventDetails=iteration)
                output = await branch.walk(graph, data)
                branch._note("MapIterationSucceeded", mapIterationSucceededEventDetails=iteration)
                return output

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(index, item)) for index, item in enumerate(items)]
        except ExceptionGroup as several:
            first, _ = several.split(StateError)
            if first is None:
                raise
            error = first.exceptions[0]
            assert isinstance(error, StateError)
            raise error from several
        self._note("MapStateSucceeded")
        return [task.result() for task in tasks]

    async def _items(self, state: State, given: Any) -> list[Any]:
        """What a map goes through: a list of its input, or of an object of S3."""
        reader = state.get("ItemReader")
        if reader is None:
            items = self._at(state.get("ItemsPath", "$"), given)
        else:
            place = paths.fill(reader["Parameters"], given, self._context)
            body = await self._surroundings.read_object(place["Bucket"], place["Key"])
            try:
                items = json.loads(body)
            except ValueError as wrong:
                raise StateError("States.ItemReaderFailed", f"{place}: no JSON: {wrong}") from wrong
        if not isinstance(items, list):
            raise StateError("States.Runtime", f"the items of a map are {items!r:.80}")
        return items

    async def _apart(self, graph: Graph, name: str, data: Any) -> Any:
        """Runs an item of a distributed map: an execution of its own, with a history of its own."""
        parent = self._execution
        machine = replace(parent.machine, graph=graph, timeout=None)
        child = Execution(machine, f"{parent.name}-{name}", f"{parent.arn}/{name}", data)
        await child.run(self._surroundings)
        parent.transitions += child.transitions
        parent.waits += child.waits
        if child.status != "SUCCEEDED":
            raise StateError(
                "States.ExceedToleratedFailureThreshold", f"item {name}: {child.error}: {child.cause}"
            )
        return child.output

    # Choices

    def _choose(self, state: State, data: Any) -> str:
        for rule in state["Choices"]:
            if self._holds(rule, data):
                return str(rule["Next"])
        if "Default" not in state:
            raise StateError("States.NoChoiceMatched", "no rule matches and there is no default")
        return str(state["Default"])

    def _holds(self, rule: Mapping[str, Any], data: Any) -> bool:
        if "And" in rule:
            return all(self._holds(part, data) for part in rule["And"])
        if "Or" in rule:
            return any(self._holds(part, data) for part in rule["Or"])
        if "Not" in rule:
            return not self._holds(rule["Not"], data)
        if "IsPresent" in rule:
            try:
                self._at(rule["Variable"], data)
            except paths.PathError:
                return rule["IsPresent"] is False
            return rule["IsPresent"] is True
        value = self._at(rule["Variable"], data)
        ((comparison, wanted),) = ((name, each) for name, each in rule.items() if name in COMPARISONS)
        return COMPARISONS[comparison](value, wanted)


def _matching(handlers: Any, error: str) -> tuple[int, Mapping[str, Any] | None]:
    names = {error, "States.ALL"} | ({"States.TaskFailed"} if error != "States.Timeout" else set())
    for at, handler in enumerate(handlers):
        if names.intersection(handler["ErrorEquals"]):
            return at, handler
    return -1, None


def _delay(retrier: Mapping[str, Any], done: int) -> float:
    seconds = retrier.get("IntervalSeconds", 1) * float(retrier.get("BackoffRate", 2.0)) ** done
    seconds = min(seconds, retrier.get("MaxDelaySeconds", seconds))
    return random.uniform(0, seconds) if retrier.get("JitterStrategy") == "FULL" else seconds  # noqa: S311 - no secret


def _text(data: Any) -> str:
    text = json.dumps(data)
    if len(text) > MAX_DATA:
        raise StateError("States.DataLimitExceeded", f"{len(text)} bytes: a state carries {MAX_DATA} at most")
    return text

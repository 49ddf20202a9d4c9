"""Step Functions' API over the machines of the templates.

What a client needs to start executions and look into them; standard machines only.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Coroutine
from typing import Any

from infra.local.state_machines.definition import Machine
from infra.local.state_machines.execution import Execution, StateError

TARGET = "AWSStepFunctions."
PAGE = 1000

Invoke = Callable[[str, bytes], Coroutine[Any, Any, bytes]]
"""Runs a function by name; raises `StateError` with its exception's type."""

RunTask = Callable[[dict[str, Any]], Coroutine[Any, Any, dict[str, Any]]]
"""Runs a container's task to its end; raises `StateError`."""

ReadObject = Callable[[str, str], Coroutine[Any, Any, bytes]]
"""Reads an object of a bucket; raises `StateError`."""


async def _no_tasks(parameters: dict[str, Any]) -> dict[str, Any]:
    raise StateError("ECS.ClusterNotFoundException", "no containers are run here")


async def _no_objects(bucket: str, key: str) -> bytes:
    raise StateError("States.ItemReaderFailed", f"s3://{bucket}/{key}: no buckets are here")


class ServiceError(Exception):
    """A call that is refused.

    Attributes:
        code: Such as `ExecutionDoesNotExist`.
    """

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class StateMachines:
    """All machines, and the executions of this run of the local cloud.

    Its coroutines belong to one event loop.

    Args:
        machines: As declared.
        invoke: How functions are run.
        wait_scale: What a second of waiting takes, in seconds. 0 does not wait at all.
        run_task: How containers are run.
        read_object: How objects of S3 are read.
    """

    def __init__(
        self,
        machines: list[Machine],
        *,
        invoke: Invoke,
        wait_scale: float,
        run_task: RunTask = _no_tasks,
        read_object: ReadObject = _no_objects,
    ) -> None:
        self._machines = {machine.arn: machine for machine in machines}
        self._invoke = invoke
        self._run_task = run_task
        self._read_object = read_object
        self.wait_scale = wait_scale
        self.executions: dict[str, Execution] = {}
        self._tasks: dict[str, asyncio.Task[Execution]] = {}

    async def invoke(self, function: str, payload: bytes) -> bytes:
        """Runs a function; see `Invoke`."""
        return await self._invoke(function, payload)

    async def run_task(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Runs a container's task; see `RunTask`."""
        return await self._run_task(parameters)

    async def read_object(self, bucket: str, key: str) -> bytes:
        """Reads an object; see `ReadObject`."""
        return await self._read_object(bucket, key)

    async def pause(self, seconds: float) -> None:
        """Waits, scaled."""
        await asyncio.sleep(seconds * self.wait_scale)

    async def run_child(self, machine_arn: str, name: str | None, data: Any) -> dict[str, Any]:
        """Runs a machine to its end, for a state of another one.

        Raises:
            StateError: It could not be started, or did not succeed.
        """
        try:
            execution = self.start(machine_arn, name, data)
        except ServiceError as refused:
            raise StateError(f"StepFunctions.{refused.code}Exception", str(refused)) from refused
        try:
            await asyncio.shield(self._tasks[execution.arn])
        except asyncio.CancelledError:
            await self.stop_execution(execution.arn)  # as `.sync` does when its parent is stopped
            raise
        told = describe(execution)
        if execution.status != "SUCCEEDED":
            raise StateError("States.TaskFailed", json.dumps(told))  # whatever its own error was
        capital = {key[0].upper() + key[1:]: value for key, value in told.items()}
        return {**capital, "Input": execution.data, "Output": execution.output}

    def start(self, machine_arn: str, name: str | None, data: Any) -> Execution:
        """Starts an execution. The same name with the same input, while it runs, is the same execution.

        Raises:
            ServiceError: There is no such machine, or the name is taken.
        """
        machine = self._machine(machine_arn)
        name = name or str(uuid.uuid4())
        arn = f"{machine_arn.replace(':stateMachine:', ':execution:')}:{name}"
        known = self.executions.get(arn)
        if known is not None:
            if known.status == "RUNNING" and known.data == data:
                return known
            raise ServiceError("ExecutionAlreadyExists", f"{arn} exists with another input, or has ended")
        execution = self.executions[arn] = Execution(machine, name, arn, data)
        self._tasks[arn] = asyncio.get_running_loop().create_task(execution.run(self), name=arn)
        return execution

    async def finished(self, arn: str) -> Execution:
        """Waits for an execution's end."""
        await asyncio.gather(self._tasks[arn], return_exceptions=True)
        return self.executions[arn]

    async def stop_execution(self, arn: str) -> None:
        """Stops an execution between two moments of waiting; nothing if it has ended."""
        self._tasks[arn].cancel()
        await asyncio.gather(self._tasks[arn], return_exceptions=True)

    async def stop(self) -> None:
        """Stops all that runs."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def call(self, action: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Answers one call of the API: status and body."""
        try:
            return 200, await self._call(action, request)
        except ServiceError as refused:
            return 400, {"__type": refused.code, "message": str(refused)}

    async def _call(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        if action in {"DescribeExecution", "GetExecutionHistory", "StopExecution"}:
            return await self._look_into(action, self._execution(request), request)
        if action == "ListStateMachines":
            return {"stateMachines": [_summary(machine) for machine in self._machines.values()]}
        if action not in {"StartExecution", "ListExecutions", "DescribeStateMachine"}:
            raise ServiceError("UnknownOperationException", f"{action} is not run by the local cloud")
        machine = self._machine(request["stateMachineArn"])
        if action == "ListExecutions":
            return {"executions": self._listed(machine, request)}
        if action == "DescribeStateMachine":
            return {**_summary(machine), "definition": machine.text, "status": "ACTIVE"}
        started = self.start(machine.arn, request.get("name"), _input(request))
        return {"executionArn": started.arn, "startDate": started.started}

    async def _look_into(self, action: str, execution: Execution, request: dict[str, Any]) -> dict[str, Any]:
        if action == "GetExecutionHistory":
            return self._history(execution, request)
        if action == "DescribeExecution":
            return describe(execution)
        await self.stop_execution(execution.arn)
        return {"stopDate": execution.stopped}

    def _machine(self, arn: str) -> Machine:
        if arn not in self._machines:
            raise ServiceError("StateMachineDoesNotExist", f"no machine {arn}: {sorted(self._machines)}")
        return self._machines[arn]

    def _execution(self, request: dict[str, Any]) -> Execution:
        arn = request["executionArn"]
        if arn not in self.executions:
            raise ServiceError("ExecutionDoesNotExist", f"no execution {arn}")
        return self.executions[arn]

    def _history(self, execution: Execution, request: dict[str, Any]) -> dict[str, Any]:
        events = list(reversed(execution.history)) if request.get("reverseOrder") else execution.history
        start, size = int(request.get("nextToken", 0)), int(request.get("maxResults") or PAGE)
        page: dict[str, Any] = {"events": events[start : start + size]}
        if start + size < len(events):
            page["nextToken"] = str(start + size)
        return page

    def _listed(self, machine: Machine, request: dict[str, Any]) -> list[dict[str, Any]]:
        wanted = request.get("statusFilter")
        found = [
            execution
            for execution in self.executions.values()
            if execution.machine is machine and wanted in {None, execution.status}
        ]
        left_out = {"input", "output", "error", "cause"}
        newest = sorted(found, key=lambda execution: execution.started, reverse=True)
        return [
            {key: value for key, value in describe(execution).items() if key not in left_out}
            for execution in newest[: int(request.get("maxResults") or PAGE)]
        ]


def describe(execution: Execution) -> dict[str, Any]:
    """What `DescribeExecution` says."""
    told: dict[str, Any] = {
        "executionArn": execution.arn,
        "stateMachineArn": execution.machine.arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": execution.started,
        "input": json.dumps(execution.data),
    }
    if execution.stopped is not None:
        told["stopDate"] = execution.stopped
    if execution.status == "SUCCEEDED":
        told["output"] = json.dumps(execution.output)
    elif execution.error is not None:
        told |= {"error": execution.error, "cause": execution.cause}
    return told


def _input(request: dict[str, Any]) -> Any:
    try:
        return json.loads(request.get("input", "{}"))
    except ValueError as wrong:
        raise ServiceError("InvalidExecutionInput", f"the input is no JSON: {wrong}") from wrong


def _summary(machine: Machine) -> dict[str, Any]:
    return {
        "stateMachineArn": machine.arn,
        "name": machine.name,
        "type": "STANDARD",
        "creationDate": 0,
        "roleArn": "arn:aws:iam::000000000000:role/local",
    }

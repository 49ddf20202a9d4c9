"""ECS tasks on one machine: the declared container's command as a child process, as the task's role.

There is no image: the command is run from this repository, and must be `python -m …`.
https://docs.aws.amazon.com/step-functions/latest/dg/connect-ecs.html
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from infra.local.children import Child, base_environment
from infra.local.declarations import ContainerDeclaration
from infra.local.state_machines.execution import StateError

LAST_LINES = 5  # of a failed container's log, that are told with its failure
_TAKEN = {"Cluster", "TaskDefinition", "LaunchType", "PlatformVersion", "NetworkConfiguration", "Overrides"}


class Containers:
    """Runs the tasks of the declared task definitions.

    Args:
        declared: Of the templates.
        common: Variables of every container: where the cloud is.
        credentials_of: The credentials of a role, as variables.
        logs: Folder of the containers' logs, one a task definition.
    """

    def __init__(
        self,
        declared: Iterable[ContainerDeclaration],
        *,
        common: Mapping[str, str],
        credentials_of: Callable[[str], Mapping[str, str]],
        logs: Path,
    ) -> None:
        self._declared = {container.task_definition_arn: container for container in declared}
        self._common = dict(common)
        self._credentials_of = credentials_of
        self._logs = logs
        self._numbers = itertools.count(1)

    async def run_task(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Runs a task to its end.

        Args:
            parameters: Of RunTask, as a state machine spells them.

        Returns:
            The task as `DescribeTasks` gives it, names capitalised as a state machine sees them.

        Raises:
            StateError: There is no such task definition, a parameter is not run here, or the container
                did not end with 0.
        """
        if unknown := sorted(set(parameters) - _TAKEN):
            raise StateError("States.Runtime", f"RunTask: {unknown} are not run here")
        container = self._declared.get(parameters["TaskDefinition"])
        if container is None:
            raise StateError(
                "ECS.InvalidParameterException", f"no task definition {parameters['TaskDefinition']}"
            )
        module, arguments, environment = _overridden(container, parameters.get("Overrides", {}))
        log = self._logs / f"{container.family}-{next(self._numbers):04d}.log"
        code = await self._run(container, module, arguments, environment, log)
        told = {
            "TaskDefinitionArn": container.task_definition_arn,
            "LastStatus": "STOPPED",
            "StopCode": "EssentialContainerExited",
            "Containers": [{"Name": container.name, "ExitCode": code}],
        }
        if code != 0:
            last = " / ".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:])
            raise StateError(
                "States.TaskFailed", f"container {container.name} ended with {code}; {log}: {last}"
            )
        return told

    async def run_scheduled(self, task_definition_arn: str, payload: bytes) -> dict[str, Any]:
        """Runs a task as a schedule starts it.

        Args:
            task_definition_arn: What is run.
            payload: The target's input: RunTask's overrides as the API spells them, `{}` for none.

        Raises:
            StateError: See `run_task`.
        """
        overrides = _capitalised(json.loads(payload))
        return await self.run_task({"TaskDefinition": task_definition_arn, "Overrides": overrides})

    async def _run(
        self,
        container: ContainerDeclaration,
        module: str,
        arguments: list[str],
        environment: Mapping[str, str],
        log: Path,
    ) -> int:
        credentials = await asyncio.to_thread(self._credentials_of, container.role_arn)
        with log.open("ab") as output:
            child = Child(
                "infra.local.container_process",
                [module, *arguments],
                environment={**base_environment(), **self._common, **credentials, **environment},
                files=[],
                log=output,
            )
        try:
            code = await asyncio.to_thread(child.process.wait)
        finally:
            child.kill()  # of a task that was stopped; nothing of one that has ended
        return code


def _overridden(
    container: ContainerDeclaration, overrides: Mapping[str, Any]
) -> tuple[str, list[str], dict[str, str]]:
    """Module, arguments and environment of a container, as declared or as this task wants them."""
    command, environment = container.command, dict(container.environment)
    if unknown := sorted(set(overrides) - {"ContainerOverrides"}):
        raise StateError("States.Runtime", f"Overrides: {unknown} are not run here")
    for override in overrides.get("ContainerOverrides", []):
        if unknown := sorted(set(override) - {"Name", "Command", "Environment"}):
            raise StateError("States.Runtime", f"ContainerOverrides: {unknown} are not run here")
        if override["Name"] != container.name:
            raise StateError("ECS.InvalidParameterException", f"no container {override['Name']!r}")
        command = override.get("Command", command)
        environment |= {each["Name"]: each["Value"] for each in override.get("Environment", [])}
    if list(command[:2]) != ["python", "-m"] or len(command) < 3:
        raise StateError("States.Runtime", f"command {command}: only `python -m …` is run here")
    return command[2], list(command[3:]), environment


def _capitalised(told: Any) -> Any:
    """Parameters of the API as a state machine spells them."""
    if isinstance(told, list):
        return [_capitalised(each) for each in told]
    if isinstance(told, dict):
        return {f"{name[:1].upper()}{name[1:]}": _capitalised(each) for name, each in told.items()}
    return told

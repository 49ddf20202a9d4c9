"""A task as a schedule starts it, on this machine."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from infra.local.containers import Containers
from infra.local.declarations import ContainerDeclaration
from infra.local.state_machines.execution import StateError

ARN = "arn:aws:ecs:us-east-1:000000000000:task-definition/tidy:1"


@pytest.fixture
def containers(tmp_path: Path) -> Containers:
    declared = ContainerDeclaration("tidy", ARN, "tidy", ["python", "-m", "json.tool", "--help"], "role", {})
    return Containers([declared], common={}, credentials_of=lambda role: {}, logs=tmp_path)


def test_a_schedules_task_runs_the_declared_command_or_the_one_of_its_input(
    containers: Containers, tmp_path: Path
) -> None:
    ended = asyncio.run(containers.run_scheduled(ARN, b"{}"))
    assert ended["Containers"] == [{"Name": "tidy", "ExitCode": 0}]
    assert "usage: " in (tmp_path / "tidy-0001.log").read_text()

    told = {"containerOverrides": [{"name": "tidy", "command": ["python", "-m", "json.tool", "--wrong"]}]}
    with pytest.raises(StateError, match=r"container tidy ended with 2.*--wrong"):
        asyncio.run(containers.run_scheduled(ARN, json.dumps(told).encode()))


def test_a_task_definition_that_no_template_declares_is_no_task(containers: Containers) -> None:
    with pytest.raises(StateError, match="no task definition"):
        asyncio.run(containers.run_scheduled(f"{ARN}0", b"{}"))

"""Tasks of the templates: their containers, the command of luca that one runs, the alarms that hear it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import typer

from pipelines.cli import app
from tests.infra.deployed import of_type

TASKS = {each.properties["Family"]: each for each in of_type("AWS::ECS::TaskDefinition")}


def container(family: str) -> dict[str, Any]:
    (found,) = TASKS[family].properties["ContainerDefinitions"]
    return dict(found)


def environment(family: str) -> dict[str, str]:
    return {each["Name"]: each["Value"] for each in container(family)["Environment"]}


def entry_of(words: Sequence[str]) -> tuple[str, str]:
    """The module and the function that a container's command runs; its arguments are ones that luca takes."""
    python, option, module, *arguments = words
    assert (python, option, module) == ("python", "-m", "pipelines.cli")
    command: Any = typer.main.get_command(app)
    context = None
    while hasattr(command, "get_command"):
        context = command.make_context(None, list(arguments), parent=context, resilient_parsing=False)
        name, command, arguments = command.resolve_command(context, arguments)
    command.make_context(name, list(arguments), parent=context)
    return command.callback.__module__, command.callback.__name__


def alarms_that_hear(
    family: str, tell: Callable[[], None], patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> list[dict[str, Any]]:
    """The alarms of a task's metrics, each held against what the task really sends."""
    named = environment(family)
    for name in ("POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_DISABLED"):
        patch.setenv(name, named[name])
    tell()
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    (spoken,) = told["_aws"]["CloudWatchMetrics"]
    service = {"Name": "service", "Value": named["POWERTOOLS_SERVICE_NAME"]}
    heard = [
        alarm.properties
        for alarm in of_type("AWS::CloudWatch::Alarm")
        if service in alarm.properties.get("Dimensions", [])
    ]
    for alarm in heard:
        assert alarm["Namespace"] == spoken["Namespace"]
        assert alarm["MetricName"] in {each["Name"] for each in spoken["Metrics"]}
        dimensions = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
        assert sorted(dimensions) in [sorted(names) for names in spoken["Dimensions"]]
        assert dimensions == {name: told[name] for name in dimensions}
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
        assert alarm["Period"] * alarm["EvaluationPeriods"] <= 604_800
    return heard

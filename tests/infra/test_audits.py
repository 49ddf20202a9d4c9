"""Audits that a schedule starts: a command that `luca` knows, what it reads, and alarms that hear it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from typing import Any

import pytest
import typer

from pipelines.audits.completeness.report import DayReport
from pipelines.audits.completeness.report import emit_metrics as tell_completeness
from pipelines.audits.retention.result import Audit
from pipelines.audits.retention.run import emit_metrics as tell_retention
from pipelines.cli import app
from tests.infra import reachable
from tests.infra.deployed import of_type

TASKS = {each.properties["Family"]: each for each in of_type("AWS::ECS::TaskDefinition")}
ENTRIES = {
    "luca-completeness": ("pipelines.cli.completeness", "completeness"),
    "luca-retention-audit": ("pipelines.cli.retention_audit", "retention"),
}
RESENDING = {"LUCA_LAKE_ENRICHER", "LUCA_BEHAVIOR_EVENTS_DELIVERY"}  # --repair, which a person starts


def container(family: str) -> dict[str, Any]:
    (found,) = TASKS[family].properties["ContainerDefinitions"]
    return dict(found)


def environment(family: str) -> dict[str, str]:
    return {each["Name"]: each["Value"] for each in container(family)["Environment"]}


@pytest.mark.parametrize("family", ENTRIES)
def test_its_command_is_one_that_luca_knows(family: str) -> None:
    python, option, module, *arguments = container(family)["Command"]
    assert (python, option, module) == ("python", "-m", "pipelines.cli")
    command: Any = typer.main.get_command(app)
    context = None
    while hasattr(command, "get_command"):
        context = command.make_context(None, list(arguments), parent=context, resilient_parsing=False)
        name, command, arguments = command.resolve_command(context, arguments)
    assert command.callback.__module__ == ENTRIES[family][0]
    command.make_context(name, list(arguments), parent=context)


@pytest.mark.parametrize("family", ENTRIES)
def test_it_is_given_each_setting_that_it_reads_and_no_other(family: str) -> None:
    asked = reachable.settings(ENTRIES[family]) - RESENDING
    given = {name for name in environment(family) if name.startswith("LUCA_")}
    assert {each for each in asked if not any(fnmatchcase(name, each) for name in given)} == set()
    assert {each for each in given if not any(fnmatchcase(each, name) for name in asked)} == set()


def an_audit() -> None:
    moment = datetime(2026, 2, 4, 9, tzinfo=UTC)
    tell_retention(Audit(moment.isoformat(), moment.date(), (), (), {}, {}, None, 1.0))


def a_day() -> None:
    tell_completeness(DayReport(date(2026, 2, 3), (), frozenset(), datetime(2026, 2, 4, 9, tzinfo=UTC)))


@pytest.mark.parametrize(
    ("family", "tell"), [("luca-retention-audit", an_audit), ("luca-completeness", a_day)]
)
def test_its_alarms_hear_what_it_tells(
    family: str, tell: Callable[[], None], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    named = environment(family)
    for name in ("POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_DISABLED"):
        monkeypatch.setenv(name, named[name])
    tell()
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    (spoken,) = told["_aws"]["CloudWatchMetrics"]
    heard = [
        alarm.properties
        for alarm in of_type("AWS::CloudWatch::Alarm")
        if {"Name": "service", "Value": named["POWERTOOLS_SERVICE_NAME"]}
        in alarm.properties.get("Dimensions", [])
    ]
    assert len(heard) >= 2
    for alarm in heard:
        assert alarm["Namespace"] == spoken["Namespace"]
        assert alarm["MetricName"] in {each["Name"] for each in spoken["Metrics"]}
        dimensions = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
        assert sorted(dimensions) in [sorted(names) for names in spoken["Dimensions"]]
        assert dimensions == {name: told[name] for name in dimensions}
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
        assert alarm["Period"] * alarm["EvaluationPeriods"] <= 604_800

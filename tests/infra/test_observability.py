"""docs/observability.md against the code that counts and the alarms that watch; runbooks of alarms."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import pytest

from infra.local.templates import Resource
from tests.infra.deployed import INFRA, of_type

REPOSITORY = INFRA.parent
PAGE = (REPOSITORY / "docs" / "observability.md").read_text("utf-8")
ALARMS = sorted(of_type("AWS::CloudWatch::Alarm"), key=lambda each: each.properties["AlarmName"])
RUNBOOK = re.compile(r" - (docs/runbooks/[\w-]+\.md)$")
# What the platform promises, and the alarm that tells when the promise is broken.
PROMISES = {
    "events are stored within minutes": "luca-behavior-delayed",
    "what a school sends fits the contract": "luca-behavior-rejected",
    "no event is given up": "luca-behavior-dead-letters",
    "no record of the stream is given up": "luca-lake-dead-letters",
    "the lake follows the store": "luca-stream-delayed",
    "a load comes every hour": "luca-load-late",
    "rows pass the gate": "luca-quarantine-behavior-events",
    "trends are fresh": "luca-trends-old",
    "our books are the government's": "luca-government-discrepancies",
    "nothing outlives its retention": "luca-retention-critical",
    "what is stored reaches the lake": "luca-completeness-gap",
    "the API answers within 120 ms": "luca-api-slow",
}


class Counted(NamedTuple):
    """A metric of the code: its name, `*` for what is composed, and its unit."""

    name: str
    unit: str


class Row(NamedTuple):
    """A line of the page's table of metrics."""

    metric: str
    unit: str
    service: str
    dimensions: str
    meaning: str


def rows() -> list[Row]:
    table = PAGE.split("## Metrics", 1)[1].split("## Alarms", 1)[0]
    found = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table.splitlines()
        if line.startswith("|")
    ]
    return [Row(*cells) for cells in found[2:]]


def counted() -> set[Counted]:
    """Every metric that some code of ours adds."""
    files = [
        path
        for room in ("lambdas", "pipelines", "api", "adapters")
        for path in (REPOSITORY / room).rglob("*.py")
    ]
    return {each for path in files for each in _of_file(path)}


def _of_file(path: Path) -> Iterator[Counted]:
    tree = ast.parse(path.read_text("utf-8"))
    for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]:
        for call in ast.walk(function):
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and call.func.attr == "add_metric"
            ):
                unit = call.args[1]
                assert isinstance(unit, ast.Attribute), f"{path}: a metric's unit is a MetricUnit"
                for name in _spelled(call.args[0], function):
                    yield Counted(name, unit.attr)


def _spelled(argument: ast.expr, function: ast.FunctionDef) -> list[str]:
    """What a metric's name can be: the literal, or what the function gives the variable."""
    if isinstance(argument, ast.Constant):
        return [str(argument.value)]
    if isinstance(argument, ast.JoinedStr):
        return [
            "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in argument.values)
        ]
    assert isinstance(argument, ast.Name), ast.unparse(argument)
    found = []
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == argument.id:
            found += _spelled(node.value, function)
        elif isinstance(node, ast.For) and argument.id in ast.unparse(node.target):
            keys = [each for part in ast.walk(node.iter) if isinstance(part, ast.Dict) for each in part.keys]
            found += [str(key.value) for key in keys if isinstance(key, ast.Constant)]
    assert found, f"{function.name}: nothing says what {argument.id} can be"
    return found


def test_every_metric_is_documented_with_its_unit_and_none_is_invented() -> None:
    documented = {Counted(row.metric, row.unit) for row in rows()}
    emitted = counted()
    assert len(emitted) > 20
    undocumented = [each for each in emitted if not any(_same(each, row) for row in documented)]
    invented = [row for row in documented if not any(_same(each, row) for each in emitted)]
    assert (undocumented, invented) == ([], [])


def _same(each: Counted, row: Counted) -> bool:
    return each.unit == row.unit and fnmatchcase(row.name, each.name)


def alarm_on(alarm: Resource) -> list[tuple[str, str, dict[str, str]]]:
    """Namespace, metric and dimensions of what an alarm watches."""
    said = alarm.properties
    metrics = [each["MetricStat"]["Metric"] for each in said.get("Metrics", []) if "MetricStat" in each]
    return [
        (each["Namespace"], each["MetricName"], {d["Name"]: d["Value"] for d in each["Dimensions"]})
        for each in metrics or [said]
    ]


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda each: each.properties["AlarmName"])
def test_an_alarm_watches_a_metric_that_is_emitted_under_these_dimensions(alarm: Resource) -> None:
    for namespace, metric, dimensions in alarm_on(alarm):
        if namespace != "Luca":
            continue
        found = [
            row for row in rows() if fnmatchcase(metric, row.metric) and row.service == dimensions["service"]
        ]
        assert found, f"no metric {metric} of {dimensions['service']}"
        assert set(dimensions) == {"service", *filter(None, found[0].dimensions.split(", "))}


NAMES = {
    "QueueName": ("AWS::SQS::Queue", "QueueName"),
    "DeliveryStreamName": ("AWS::KinesisFirehose::DeliveryStream", "DeliveryStreamName"),
    "StateMachineArn": ("AWS::Serverless::StateMachine", "Name"),
}


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda each: each.properties["AlarmName"])
def test_an_alarm_watches_what_exists(alarm: Resource) -> None:
    for _, _, dimensions in alarm_on(alarm):
        for name, value in dimensions.items():
            if name in NAMES:
                kind, given = NAMES[name]
                assert value.rpartition(":")[2] in {each.properties[given] for each in of_type(kind)}


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda each: each.properties["AlarmName"])
def test_an_alarm_names_a_runbook_that_speaks_of_it(alarm: Resource) -> None:
    found = RUNBOOK.search(alarm.properties["AlarmDescription"])
    assert found, alarm.properties["AlarmDescription"]
    assert f"`{alarm.properties['AlarmName']}`" in (REPOSITORY / found[1]).read_text("utf-8")
    assert alarm.properties["AlarmActions"] == ["given-AlarmTopic"]
    assert alarm.properties["TreatMissingData"] in {"breaching", "notBreaching", "ignore"}


def test_every_promise_has_its_alarm() -> None:
    assert set(PROMISES.values()) <= {each.properties["AlarmName"] for each in ALARMS}


def when(alarm: Resource) -> str:
    """When an alarm is raised, in words."""
    said = alarm.properties
    sign = {"GreaterThanThreshold": "&gt;", "LessThanThreshold": "&lt;"}[said["ComparisonOperator"]]
    rate = next((each for each in said.get("Metrics", []) if "Expression" in each), None)
    if rate is not None:
        of, period = rate["Label"], said["Metrics"][0]["MetricStat"]["Period"]
    else:
        statistic = said.get("ExtendedStatistic", said.get("Statistic"))
        of = f"{statistic} of {said['Namespace']} {said['MetricName']}"
        period = said["Period"]
    times = f"{said['EvaluationPeriods']} × " if said["EvaluationPeriods"] > 1 else ""
    return f"{of} {sign} {said['Threshold']:,} in {times}{period:,} s"


def table_of_alarms() -> str:
    lines = ["| alarm | raised when | runbook |", "|---|---|---|"]
    for alarm in ALARMS:
        found = RUNBOOK.search(alarm.properties["AlarmDescription"])
        assert found
        page = found[1].removeprefix("docs/")
        lines.append(f"| `{alarm.properties['AlarmName']}` | {when(alarm)} | [{Path(page).stem}]({page}) |")
    return "\n".join(lines)


def test_the_page_lists_every_alarm() -> None:
    expected = table_of_alarms()
    assert expected in PAGE, f"docs/observability.md, section Alarms, should say:\n{expected}"

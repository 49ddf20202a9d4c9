from __future__ import annotations

from itertools import combinations
from typing import Any
from xml.etree import ElementTree

import pytest

from infra.deploy.dashboard import PICTURE, definition, picture
from infra.local.children import REPOSITORY
from infra.local.templates import read_template

WIDGETS = definition()["widgets"]
RESOURCES = [
    each
    for path in sorted((REPOSITORY / "infra").glob("*.yaml"))
    for each in read_template(path).resources.values()
]
# What a dimension names, by the property that declares it.
NAMES = {"QueueName", "FunctionName", "DeliveryStreamName", "TableName"}


def metrics() -> list[list[str]]:
    return [metric for widget in WIDGETS for metric in widget["properties"]["metrics"]]


def test_widgets_stand_beside_each_other_within_the_grid() -> None:
    def cells(widget: dict[str, Any]) -> set[tuple[int, int]]:
        return {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }

    for one, other in combinations(WIDGETS, 2):
        assert not cells(one) & cells(other)
    assert all(each["x"] + each["width"] <= 24 for each in WIDGETS)


@pytest.mark.parametrize("metric", metrics(), ids=lambda metric: f"{metric[1]}-{metric[3]}")
def test_a_metric_is_of_something_that_there_is(metric: list[str]) -> None:
    namespace, name, dimension, value = metric
    if namespace == "Luca":
        handlers = list((REPOSITORY / "lambdas").glob("*.py"))
        assert any(f'"{name}"' in path.read_text() for path in handlers)
        services = {
            each.properties["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
            for each in RESOURCES
            if each.type == "AWS::Serverless::Function"
        }
        assert value in services
    elif dimension in NAMES:
        assert value in {each.properties.get(dimension) for each in RESOURCES}
    else:
        assert (dimension, value) == ("ApiId", "Api")


def test_a_line_is_an_alarms_threshold() -> None:
    thresholds = {
        each.properties["AlarmName"]: each.properties["Threshold"]
        for each in RESOURCES
        if each.type == "AWS::CloudWatch::Alarm"
    }
    lines = [
        line
        for widget in WIDGETS
        for line in widget["properties"].get("annotations", {}).get("horizontal", [])
    ]
    assert len(lines) >= 4
    assert all(thresholds[line["label"]] == line["value"] for line in lines)


def test_the_picture_is_drawn_from_the_definition_as_it_is_now() -> None:
    assert PICTURE.read_text() == picture(definition()), "python -m infra.deploy dashboard"


def test_the_picture_shows_every_widget_and_metric() -> None:
    texts = {each.text for each in ElementTree.fromstring(PICTURE.read_text()).iter() if each.text}
    for widget in WIDGETS:
        assert widget["properties"]["title"] in texts
    for metric in metrics():
        assert f"{metric[0]} {metric[1]}, {metric[3]}" in texts

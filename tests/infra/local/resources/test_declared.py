from __future__ import annotations

import pytest

from infra.local.resources.declared import Declared, same
from infra.local.templates import TemplateError


def test_a_property_that_nobody_takes_is_an_error_with_its_place() -> None:
    declared = Declared("lake.yaml: Pipe", {"Name": "x", "Surprise": 1})
    assert declared.take("Name") == "x"
    with pytest.raises(TemplateError, match=r"lake\.yaml: Pipe: \['Surprise'\]"):
        declared.done()


def test_a_part_carries_its_path() -> None:
    part = Declared("lake.yaml: Pipe", {"Source": {"Stream": {}}}).part("Source").part("Stream")
    with pytest.raises(TemplateError, match=r"lake\.yaml: Pipe\.Source\.Stream: BatchSize is missing"):
        part.take("BatchSize")


def test_a_value_that_is_not_run_is_an_error() -> None:
    with pytest.raises(TemplateError, match=r"Type is 'Schedule': the local cloud knows only \['SQS'\]"):
        Declared("b.yaml: F.Events.E", {"Type": "Schedule"}).only("Type", "SQS")


def test_what_was_made_otherwise_than_declared_is_an_error() -> None:
    with pytest.raises(TemplateError, match=r"Q: VisibilityTimeout was declared as '180', but is '30'"):
        same("b.yaml: Q", "VisibilityTimeout", "180", "30")

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.local.state_machines.definition import DefinitionError, read_machine

PASS: dict[str, Any] = {"Type": "Pass", "End": True}


def read(states: dict[str, Any], **more: Any) -> None:
    read_machine("it", "arn", json.dumps({"StartAt": "A", "States": states, **more}))


@pytest.mark.parametrize(
    ("states", "complaint"),
    [
        ({"A": {**PASS, "Assign": {}}}, r"it\.A: \['Assign'\] are not run here"),
        ({"A": {"Type": "Parallel", "End": True}}, "Type 'Parallel' is not run here"),
        ({"A": {"Type": "Pass"}}, "needs either Next or End"),
        ({"A": {**PASS, "Next": "A"}}, "needs either Next or End"),
        ({"A": {"Type": "Pass", "Next": "B"}}, "goes to 'B', which is no state"),
        ({"B": PASS}, "StartAt 'A' is no state"),
        ({"A": PASS, "B": PASS}, r"nothing leads to \['B'\]"),
        ({"A": {"Type": "Wait", "End": True}}, "needs either Seconds or SecondsPath"),
        ({"A": {"Type": "Task", "Resource": "arn:aws:lambda:f", "End": True}}, "Resource 'arn:aws:lambda:f'"),
        ({"A": {"Type": "Task", "End": True}}, r"\['Resource'\] missing"),
        ({"A": {**PASS, "Parameters": {"x.$": "States.Format('a')"}}}, r"only \$\.name\.name"),
        ({"A": {**PASS, "Parameters": {"x.$": "$.a[0]"}}}, r"only \$\.name\.name"),
        (
            {"A": {"Type": "Choice", "Choices": [{"Variable": "$.a", "StringMatches": "x*", "Next": "A"}]}},
            "choice",
        ),
        ({"A": {"Type": "Choice", "Choices": [{"Variable": "$.a", "IsPresent": True}]}}, "has no Next"),
    ],
)
def test_what_is_not_run_is_refused_with_its_place(states: dict[str, Any], complaint: str) -> None:
    with pytest.raises(DefinitionError, match=complaint):
        read(states)


def test_another_query_language_or_an_express_map_is_refused() -> None:
    with pytest.raises(DefinitionError, match="only JSONPath"):
        read({"A": PASS}, QueryLanguage="JSONata")
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}
    processor = {"ProcessorConfig": config, "StartAt": "B", "States": {"B": PASS}}
    with pytest.raises(DefinitionError, match="ProcessorConfig: only"):
        read({"A": {"Type": "Map", "ItemProcessor": processor, "End": True}})


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(DefinitionError, match="it: no JSON"):
        read_machine("it", "arn", "{")

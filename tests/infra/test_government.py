"""The synchronisation's template and machines: valid, drawn, and of one mind with the code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.sync_grades import GRADE_ATTRIBUTES
from infra.local.state_machines import diagram
from infra.local.state_machines.definition import targets
from lambdas.government_sync import STEPS
from tests.sync.house import all_machine, school_machine
from transforms.sync_responses import MAX_TRIES, Outcome
from transforms.sync_states import MOST_BATCHES

INFRA = Path(__file__).resolve().parents[2] / "infra"
MACHINES = {machine.name: machine for machine in (school_machine(), all_machine())}
# Mission text, section 4.2, its edges; `End` is the diagram's End, the wait between batches its rate limit.
EDGES = {
    "QueryPendingGrades": {"CheckEmpty"},
    "CheckEmpty": {"End", "PrepBatch"},
    "PrepBatch": {"SendToGov"},
    "SendToGov": {"EvaluateResponse"},
    "EvaluateResponse": {"UpdateSuccess", "WaitRetry", "MarkFailed"},
    "WaitRetry": {"CheckRetries"},
    "CheckRetries": {"SendToGov", "MarkFailed"},
    "UpdateSuccess": {"CheckMore"},
    "MarkFailed": {"WriteToDLQ"},
    "WriteToDLQ": {"CheckMore"},
    "CheckMore": {"WaitBetweenBatches", "End"},
    "WaitBetweenBatches": {"PrepBatch"},
    "End": set(),
}


def test_the_schools_machine_has_the_states_and_ways_of_the_mission() -> None:
    states = MACHINES["luca-government-sync"].graph.states
    assert {name: set(targets(state)) for name, state in states.items()} == EDGES


def test_the_machine_and_the_functions_speak_of_the_same_states_and_outcomes() -> None:
    states = MACHINES["luca-government-sync"].graph.states
    tasks = {name for name, state in states.items() if state["Type"] == "Task"}
    assert tasks == {*STEPS, "SendToGov"}
    told = {choice["StringEquals"] for choice in states["EvaluateResponse"]["Choices"]}
    assert told == {Outcome.ACCEPTED.value, Outcome.RETRY.value}
    assert states["CheckRetries"]["Choices"][0]["NumericLessThan"] == MAX_TRIES
    assert states["WaitBetweenBatches"]["Seconds"] == 2


def test_the_longest_execution_has_room_in_its_history() -> None:
    events = {"Task": 5, "Choice": 2, "Wait": 2}
    states = MACHINES["luca-government-sync"].graph.states
    worst = [
        *("PrepBatch", *["SendToGov", "EvaluateResponse", "WaitRetry", "CheckRetries"] * MAX_TRIES),
        *("MarkFailed", "WriteToDLQ", "CheckMore", "WaitBetweenBatches"),
    ]
    assert MOST_BATCHES * sum(events[states[name]["Type"]] for name in worst) < 25_000


@pytest.mark.parametrize("page", sorted(diagram.DOCS.glob("*.md")), ids=lambda page: page.name)
def test_diagrams_in_the_docs_are_drawn_from_the_machines(page: Path) -> None:
    text = page.read_text("utf-8")
    assert diagram.drawn(text) == text, "python -m infra.local.state_machines.diagram"


def test_the_page_about_the_synchronisation_shows_both_machines() -> None:
    text = (diagram.DOCS / "government-sync.md").read_text("utf-8")
    for file in ("government_sync.asl.json", "government_sync_all.asl.json"):
        assert f"<!-- diagram: {file} -->" in text


# Roles


class _Loader(yaml.SafeLoader):
    """CloudFormation's tags as plain values: what is asked here does not follow references."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: f"!{suffix} {node.value}")


def statements(role: str) -> list[dict[str, Any]]:
    template = yaml.load((INFRA / "government.yaml").read_text("utf-8"), _Loader)
    policies = template["Resources"][role]["Properties"]["Policies"]
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def test_only_the_sender_and_the_reconciler_may_read_the_token() -> None:
    may = {
        role
        for role in (
            "GovernmentSyncRole",
            "GovernmentSenderRole",
            "SyncReconcilerRole",
            "GovernmentMachineRole",
        )
        if any("secretsmanager" in str(statement["Action"]) for statement in statements(role))
    }
    assert may == {"GovernmentSenderRole", "SyncReconcilerRole"}


def test_neither_of_them_may_touch_a_grade() -> None:
    for role in ("GovernmentSenderRole", "SyncReconcilerRole"):
        assert not any("luca-TableArn" in str(statement["Resource"]) for statement in statements(role))


def test_the_function_reads_the_attributes_that_its_role_allows() -> None:
    (read,) = [each for each in statements("GovernmentSyncRole") if each.get("Sid") == "ReadGrades"]
    allowed = read["Condition"]["ForAllValues:StringEquals"]["dynamodb:Attributes"]
    assert set(allowed) == set(GRADE_ATTRIBUTES)


def test_the_function_may_change_no_score() -> None:
    (mark,) = [each for each in statements("GovernmentSyncRole") if each.get("Sid") == "MarkGrades"]
    allowed = set(mark["Condition"]["ForAllValues:StringEquals"]["dynamodb:Attributes"])
    assert not allowed & {"consolidated_score", "passed", "evaluations_count", "calculation", "rules_version"}

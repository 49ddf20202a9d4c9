"""Every state machine of the templates: valid, ending, and allowed to do each of its steps and no more."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from cfnlint.api import lint
from cfnlint.core import get_rules

from infra.local.iam.policies import Decision, Request, decide, policy
from infra.local.state_machines import definition
from infra.local.state_machines.definition import Graph, State, read_graph, read_machine, targets
from infra.local.templates import Resource
from tests.infra import deployed

MACHINES = {each.properties["Name"]: each for each in deployed.of_type("AWS::Serverless::StateMachine")}
HERE = f"{deployed.REGION}:{deployed.ACCOUNT}"
# What the service itself needs of a role: traces, and a log whose delivery knows no resources.
OF_THE_SERVICE = {"logs", "xray"}
# https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html, connect-ecs.html and
# iam-policies-eg-dist-map.html
RULE = "StepFunctionsGetEventsFor"

every_machine = pytest.mark.parametrize("name", sorted(MACHINES))


def graph_of(name: str) -> Graph:
    machine = MACHINES[name]
    return read_machine(name, deployed.made_as(machine), deployed.definition(machine)).graph


def graphs(graph: Graph, place: str) -> Iterator[tuple[str, Graph]]:
    """A machine's graph and those inside its maps."""
    yield place, graph
    for name, state in graph.states.items():
        if state["Type"] == "Map":
            yield from graphs(read_graph(state["ItemProcessor"], name), f"{place}.{name}")


def states(name: str) -> list[tuple[str, State]]:
    return [
        (f"{place}.{each}", state)
        for place, graph in graphs(graph_of(name), name)
        for each, state in graph.states.items()
    ]


def without_an_end(graph: Graph) -> set[str]:
    """States from which no way leads to an end."""
    ending = {
        name
        for name, state in graph.states.items()
        if state.get("End") is True or state["Type"] in {"Succeed", "Fail"}
    }
    while True:
        before = {
            name for name, state in graph.states.items() if ending.intersection(targets(state))
        } - ending
        if not before:
            return set(graph.states) - ending
        ending |= before


@every_machine
def test_from_every_state_a_way_leads_to_an_end(name: str) -> None:
    assert {place: without_an_end(graph) for place, graph in graphs(graph_of(name), name)} == {
        place: set() for place, _ in graphs(graph_of(name), name)
    }


def test_a_ring_without_a_way_out_is_found() -> None:
    ring = {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}}
    assert without_an_end(Graph("A", ring)) == {"A", "B"}


def test_every_definition_is_a_machines_and_puts_in_all_that_it_names() -> None:
    files = {each.properties["DefinitionUri"] for each in MACHINES.values()}
    assert files == {path.name for path in deployed.INFRA.glob("*.asl.json")}
    for machine in MACHINES.values():
        text = (deployed.INFRA / machine.properties["DefinitionUri"]).read_text("utf-8")
        assert set(re.findall(r"\$\{(\w+)\}", text)) == set(machine.properties["DefinitionSubstitutions"])


def faults(text: str) -> list[str]:
    """What the schema of the language, as cfn-lint keeps it, says of a definition."""
    properties = {"RoleArn": "arn:aws:iam::000000000000:role/any", "Definition": json.loads(text)}
    machine = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
    template = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"Machine": machine}}
    return [str(each) for each in lint(json.dumps(template), rules(), ["us-east-1"])]


@cache
def rules() -> list[Any]:
    """All rules of cfn-lint, which takes longer to find them than to hold a definition against them."""
    return list(get_rules([], [], []))


@every_machine
def test_it_is_valid_by_the_schema_of_the_language(name: str) -> None:
    text = deployed.definition(MACHINES[name])
    assert faults(text) == []
    assert (
        len(text.encode()) < 1024 * 1024
    )  # https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html


def test_the_schema_would_find_a_fault() -> None:
    text = deployed.definition(MACHINES["luca-government-sync"])
    assert any("Secconds" in each for each in faults(text.replace('"Seconds"', '"Secconds"', 1)))


@every_machine
def test_its_retries_and_its_waiting_end(name: str) -> None:
    machine_ends = json.loads(deployed.definition(MACHINES[name]))["TimeoutSeconds"]
    for place, state in states(name):
        for retrier in state.get("Retry", ()):
            assert retrier["MaxAttempts"] <= 10, place
            assert "BackoffRate" in retrier or retrier["MaxAttempts"] == 0, place
        for catcher in state.get("Catch", ()):
            assert "ResultPath" in catcher, f"{place}: what was caught must not replace the input"
        if state["Type"] == "Task":
            assert state["Retry"], place
            # A child machine has a time-out of its own.
            if state["Resource"] != definition.START_EXECUTION:
                assert state["TimeoutSeconds"] < machine_ends, place


@every_machine
def test_a_function_ends_before_the_step_that_waits_for_it(name: str) -> None:
    takes = {
        deployed.made_as(each): each.properties["Timeout"]
        for each in deployed.of_type("AWS::Serverless::Function")
    }
    for place, state in states(name):
        if state.get("Resource") == definition.LAMBDA_INVOKE:
            assert takes[state["Parameters"]["FunctionName"]] < state["TimeoutSeconds"], place


def demanded(machine: Resource, state: State) -> Iterator[tuple[str, str]]:
    """Actions and resources that a state needs of its machine's role."""
    parameters: dict[str, Any] = state.get("Parameters", {})
    own = deployed.made_as(machine)
    resource = state.get("Resource")
    if resource == definition.LAMBDA_INVOKE:
        yield "lambda:InvokeFunction", parameters["FunctionName"]
    elif resource == definition.START_EXECUTION:
        yield "states:StartExecution", parameters["StateMachineArn"]
        yield from child(parameters["StateMachineArn"])
        yield from told_by_a_rule("StepFunctionsExecutionRule")
    elif resource == definition.RUN_TASK:
        yield "ecs:RunTask", parameters["TaskDefinition"]
        cluster = parameters["Cluster"].rpartition("/")[2]
        for action in ("DescribeTasks", "StopTask"):
            yield f"ecs:{action}", f"arn:aws:ecs:{HERE}:task/{cluster}/1234567890abcdef"
        (task,) = [
            each
            for each in deployed.of_type("AWS::ECS::TaskDefinition")
            if deployed.made_as(each) == parameters["TaskDefinition"]
        ]
        yield "iam:PassRole", task.properties["TaskRoleArn"]
        yield "iam:PassRole", task.properties["ExecutionRoleArn"]
        yield from told_by_a_rule("ECSTaskRule")
    elif state["Type"] == "Map" and definition.is_distributed(state):
        yield "states:StartExecution", own
        # Its children are named after the map; the page of its policy names the machine's own.
        yield from child(own)
        yield from child(f"{own}/Label")
        reader = state["ItemReader"]["Parameters"]
        yield "s3:GetObject", f"arn:aws:s3:::{reader['Bucket']}/loads/behavior_events.shards.json"


def child(machine: str) -> Iterator[tuple[str, str]]:
    """What the machine that waits for another's execution may do with it."""
    execution = machine.replace(":stateMachine:", ":execution:")
    yield "states:DescribeExecution", f"{execution}:0b1c2d"
    yield "states:StopExecution", f"{execution}:0b1c2d"


def told_by_a_rule(kind: str) -> Iterator[tuple[str, str]]:
    for action in ("DescribeRule", "PutRule", "PutTargets"):
        yield f"events:{action}", f"arn:aws:events:{HERE}:rule/{RULE}{kind}"


@every_machine
def test_its_role_may_do_each_of_its_steps(name: str) -> None:
    machine = MACHINES[name]
    allowed = policy(deployed.policy_of(machine.properties["Role"].rpartition("/")[2]))
    asked = [(place, *each) for place, state in states(name) for each in demanded(machine, state)]
    refused = [each for each in asked if decide(Request(each[1], each[2]), [allowed]) is not Decision.ALLOW]
    assert asked
    assert refused == []


def test_a_machines_role_may_do_nothing_that_no_step_needs() -> None:
    for role in {each.properties["Role"].rpartition("/")[2] for each in MACHINES.values()}:
        needed = {
            action
            for name, machine in MACHINES.items()
            if machine.properties["Role"].rpartition("/")[2] == role
            for _, state in states(name)
            for action, _ in demanded(machine, state)
        }
        granted = {action for each in deployed.statements() if each.role == role for action in each.actions}
        assert {each for each in granted if each.split(":")[0] not in OF_THE_SERVICE} == needed

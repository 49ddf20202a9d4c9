"""Reads a definition and refuses what it does not run, so that nothing is skipped in silence."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.local.state_machines import paths

LAMBDA_INVOKE = "arn:aws:states:::lambda:invoke"
START_EXECUTION = "arn:aws:states:::states:startExecution.sync:2"
RUN_TASK = "arn:aws:states:::ecs:runTask.sync"
READ_OBJECT = "arn:aws:states:::s3:getObject"
SERVICES = {
    LAMBDA_INVOKE: ("lambda", "invoke"),
    START_EXECUTION: ("states", "startExecution.sync:2"),
    RUN_TASK: ("ecs", "runTask.sync"),
}

INLINE = {"Mode": "INLINE"}
DISTRIBUTED = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}

State = Mapping[str, Any]

_ANY = {"Type", "Comment", "InputPath", "OutputPath"}
_GOES_ON = {"Next", "End"}
_RETRIES = {"Retry", "Catch"}
_SHAPES = {"Parameters", "ResultSelector", "ResultPath"}
FIELDS: dict[str, set[str]] = {
    "Task": _ANY | _GOES_ON | _RETRIES | _SHAPES | {"Resource", "TimeoutSeconds"},
    "Map": _ANY
    | _GOES_ON
    | _RETRIES
    | {"ItemsPath", "ItemReader", "ItemSelector", "ItemProcessor", "MaxConcurrency", "MaxConcurrencyPath"}
    | {"ToleratedFailurePercentage", "ResultSelector", "ResultPath"},
    "Pass": _ANY | _GOES_ON | {"Result", "Parameters", "ResultPath"},
    "Wait": _ANY | _GOES_ON | {"Seconds", "SecondsPath"},
    "Choice": _ANY | {"Choices", "Default"},
    "Succeed": _ANY,
    "Fail": {"Type", "Comment", "Error", "Cause"},
}
REQUIRED: dict[str, set[str]] = {
    "Task": {"Resource"},
    "Map": {"ItemProcessor"},
    "Choice": {"Choices"},
}
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "StringEquals": lambda value, wanted: isinstance(value, str) and value == wanted,
    "BooleanEquals": lambda value, wanted: isinstance(value, bool) and value is wanted,
    "NumericEquals": lambda value, wanted: _number(value) and value == wanted,
    "NumericLessThan": lambda value, wanted: _number(value) and value < wanted,
    "NumericLessThanEquals": lambda value, wanted: _number(value) and value <= wanted,
    "NumericGreaterThan": lambda value, wanted: _number(value) and value > wanted,
    "NumericGreaterThanEquals": lambda value, wanted: _number(value) and value >= wanted,
}
_RETRIER = {
    *("ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds", "JitterStrategy"),
}


class DefinitionError(ValueError):
    """A definition that cannot be run here; says where and why."""


@dataclass(frozen=True)
class Graph:
    """States and where they begin: a whole machine, or what a map does with each item."""

    start_at: str
    states: Mapping[str, State]


@dataclass(frozen=True)
class Machine:
    """A state machine.

    Attributes:
        name: Its name.
        arn: Its ARN.
        text: The definition, references to functions and machines put in.
        graph: The same, read.
        timeout: Seconds that an execution may take; None: for ever.
    """

    name: str
    arn: str
    text: str
    graph: Graph
    timeout: float | None


def read_machine(name: str, arn: str, text: str) -> Machine:
    """Reads a definition.

    Raises:
        DefinitionError: It is none, or says something that is not run here.
    """
    try:
        definition = json.loads(text)
    except ValueError as wrong:
        raise DefinitionError(f"{name}: no JSON: {wrong}") from wrong
    timeout = definition.get("TimeoutSeconds")
    rest = {key: value for key, value in definition.items() if key not in {"TimeoutSeconds", "Version"}}
    return Machine(name, arn, text, read_graph(rest, name), None if timeout is None else float(timeout))


def read_graph(definition: Any, place: str) -> Graph:
    """Reads states and checks them: fields, paths, and that each leads somewhere and is reached.

    Raises:
        DefinitionError: See `read_machine`.
    """
    _fields(definition, {"StartAt", "States", "Comment", "QueryLanguage", "ProcessorConfig"}, place)
    if definition.get("QueryLanguage", "JSONPath") != "JSONPath":
        raise DefinitionError(
            f"{place}: QueryLanguage {definition['QueryLanguage']!r}: only JSONPath is run here"
        )
    if definition.get("ProcessorConfig", INLINE) not in (INLINE, DISTRIBUTED):
        raise DefinitionError(f"{place}: ProcessorConfig: only {INLINE} and {DISTRIBUTED} are run here")
    states = definition.get("States")
    if not isinstance(states, dict) or not states:
        raise DefinitionError(f"{place}: it has no States")
    for name, state in states.items():
        _check_state(state, f"{place}.{name}")
        for target in targets(state):
            if target not in states:
                raise DefinitionError(f"{place}.{name}: goes to {target!r}, which is no state")
    start_at = definition.get("StartAt")
    if start_at not in states:
        raise DefinitionError(f"{place}: StartAt {start_at!r} is no state")
    if unreached := sorted(states.keys() - _reached(start_at, states)):
        raise DefinitionError(f"{place}: nothing leads to {unreached}")
    return Graph(start_at, states)


def targets(state: State) -> Iterator[str]:
    """The states that may follow a state."""
    for name in ("Next", "Default"):
        if name in state:
            yield state[name]
    for way in (*state.get("Choices", ()), *state.get("Catch", ())):
        yield way["Next"]


def _reached(start_at: str, states: Mapping[str, State]) -> set[str]:
    reached, waiting = {start_at}, [start_at]
    while waiting:
        for target in targets(states[waiting.pop()]):
            if target not in reached:
                reached.add(target)
                waiting.append(target)
    return reached


def _check_state(state: Any, place: str) -> None:
    kind = state.get("Type")
    if kind not in FIELDS:
        raise DefinitionError(f"{place}: Type {kind!r} is not run here")
    _fields(state, FIELDS[kind], place)
    if missing := sorted(REQUIRED.get(kind, set()) - state.keys()):
        raise DefinitionError(f"{place}: {missing} missing")
    if FIELDS[kind] >= _GOES_ON and ("Next" in state) is (state.get("End") is True):
        raise DefinitionError(f"{place}: needs either Next or End: true")
    try:
        _check_paths(state)
    except (paths.PathError, DefinitionError) as wrong:
        raise DefinitionError(f"{place}: {wrong}") from wrong
    if kind == "Task" and state["Resource"] not in SERVICES:
        raise DefinitionError(f"{place}: Resource {state['Resource']!r} is not run here")
    if kind == "Wait" and ("Seconds" in state) is ("SecondsPath" in state):
        raise DefinitionError(f"{place}: needs either Seconds or SecondsPath")
    if kind == "Map":
        _check_map(state, place)
    for number, retrier in enumerate(state.get("Retry", ())):
        _fields(retrier, _RETRIER, f"{place}.Retry[{number}]")
    for number, catcher in enumerate(state.get("Catch", ())):
        _fields(catcher, {"ErrorEquals", "Next", "ResultPath"}, f"{place}.Catch[{number}]")


def is_distributed(state: State) -> bool:
    """Whether a map runs an execution of its own for each item."""
    return bool(state["ItemProcessor"].get("ProcessorConfig", INLINE) == DISTRIBUTED)


def _check_map(state: State, place: str) -> None:
    read_graph(state["ItemProcessor"], f"{place}.ItemProcessor")
    if "MaxConcurrency" in state and "MaxConcurrencyPath" in state:
        raise DefinitionError(f"{place}: has both MaxConcurrency and MaxConcurrencyPath")
    if state.get("ToleratedFailurePercentage", 0) != 0:
        raise DefinitionError(f"{place}: ToleratedFailurePercentage: only 0 is run here")
    reader = state.get("ItemReader")
    if reader is None:
        return
    if not is_distributed(state) or "ItemsPath" in state:
        raise DefinitionError(f"{place}: ItemReader is of distributed maps, and instead of ItemsPath")
    _fields(reader, {"Resource", "ReaderConfig", "Parameters"}, f"{place}.ItemReader")
    if reader.get("Resource") != READ_OBJECT or reader.get("ReaderConfig") != {"InputType": "JSON"}:
        raise DefinitionError(f"{place}.ItemReader: only a JSON list of {READ_OBJECT} is run here")
    asked = {name.removesuffix(".$") for name in reader.get("Parameters", {})}
    if asked != {"Bucket", "Key"}:
        raise DefinitionError(f"{place}.ItemReader: Parameters are Bucket and Key")


def _check_paths(state: State) -> None:
    for name in (
        *("InputPath", "OutputPath", "ResultPath", "SecondsPath", "ItemsPath", "MaxConcurrencyPath"),
    ):
        if state.get(name) is not None:
            paths.parse(state[name])
    for name in ("Parameters", "ResultSelector", "ItemSelector"):
        paths.check_template(state.get(name))
    paths.check_template(state.get("ItemReader", {}).get("Parameters"))
    for rule in state.get("Choices", ()):
        _check_rule(rule)


def _check_rule(rule: Any, *, nested: bool = False) -> None:
    said = set(rule) - {"Next", "Comment"}
    if not nested and "Next" not in rule:
        raise DefinitionError(f"choice {rule!r} has no Next")
    if said in ({"And"}, {"Or"}):
        for part in rule[said.pop()]:
            _check_rule(part, nested=True)
    elif said == {"Not"}:
        _check_rule(rule["Not"], nested=True)
    elif len(said) == 2 and "Variable" in said and (said - {"Variable"}) <= {*COMPARISONS, "IsPresent"}:
        paths.parse(rule["Variable"])
    else:
        raise DefinitionError(f"choice {rule!r} is not understood here")


def _fields(value: Any, known: set[str], place: str) -> None:
    if not isinstance(value, dict):
        raise DefinitionError(f"{place}: expected an object, found {value!r:.80}")
    if unknown := sorted(value.keys() - known):
        raise DefinitionError(f"{place}: {unknown} are not run here")


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

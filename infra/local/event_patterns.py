"""EventBridge event patterns, as pipes filter with.

Patterns are compiled once; an operator that is not known raises then, instead of passing or
stopping records in silence.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_ABSENT = object()

Test = Callable[[Any], bool]


class PatternError(ValueError):
    """An event pattern says something that is not understood."""


def compile_pattern(pattern: dict[str, Any]) -> Test:
    """A test for events.

    Args:
        pattern: The parsed pattern.

    Returns:
        A function: whether an event matches.

    Raises:
        PatternError: An operator is unknown, or the pattern is none.
    """
    return _object(pattern, "pattern")


def _object(pattern: Any, path: str) -> Test:
    if not isinstance(pattern, dict) or not pattern:
        raise PatternError(f"{path}: expected a mapping with at least one field, found {pattern!r}")
    fields = [
        (
            name,
            _alternatives(wanted, f"{path}.{name}")
            if isinstance(wanted, list)
            else _object(wanted, f"{path}.{name}"),
        )
        for name, wanted in pattern.items()
        if name != "$or"
    ]
    either = [_object(branch, f"{path}.$or") for branch in pattern.get("$or", [])]

    def test(event: Any) -> bool:
        if not isinstance(event, dict):
            event = {}  # a leaf where a field is expected: only `exists: false` may still match
        for name, matches in fields:
            if not matches(event.get(name, _ABSENT)):
                return False
        return not either or any(matches(event) for matches in either)

    return test


def _alternatives(wanted: list[Any], path: str) -> Test:
    if not wanted:
        raise PatternError(f"{path}: an empty list matches nothing")
    exact = {(type(each), each) for each in wanted if not isinstance(each, dict | list)}
    operators = [_operator(each, path) for each in wanted if isinstance(each, dict)]
    if any(isinstance(each, list) for each in wanted):
        raise PatternError(f"{path}: a list inside a list is no pattern")

    def one(value: Any) -> bool:
        return (type(value), value) in exact or any(matches(value) for matches in operators)

    def test(value: Any) -> bool:
        if isinstance(value, list):  # an array matches when one of its items does
            return any(one(item) for item in value if not isinstance(item, dict | list))
        if isinstance(value, dict):
            return False
        return one(value)

    return test


def _operator(operator: dict[str, Any], path: str) -> Test:  # noqa: PLR0911  # one an operator
    if len(operator) != 1:
        raise PatternError(f"{path}: {operator!r}: one operator a mapping")
    ((name, argument),) = operator.items()
    match name, argument:
        case "prefix", str():
            return lambda value: isinstance(value, str) and value.startswith(argument)
        case "suffix", str():
            return lambda value: isinstance(value, str) and value.endswith(argument)
        case "equals-ignore-case", str():
            folded = argument.casefold()
            return lambda value: isinstance(value, str) and value.casefold() == folded
        case "exists", bool():
            return lambda value: (value is not _ABSENT) is argument
        case "numeric", [*bounds] if bounds and len(bounds) % 2 == 0:
            return _numeric(bounds, path)
        case "anything-but", str() | int() | float():
            return lambda value: value is not _ABSENT and value != argument
        case "anything-but", [*refused] if not any(isinstance(each, dict | list) for each in refused):
            return lambda value: value is not _ABSENT and value not in refused
        case "anything-but", {"prefix": str(prefix)} if len(argument) == 1:
            return lambda value: isinstance(value, str) and not value.startswith(prefix)
        case "anything-but", {"suffix": str(suffix)} if len(argument) == 1:
            return lambda value: isinstance(value, str) and not value.endswith(suffix)
    raise PatternError(f"{path}: {operator!r} is not understood by infra/local/event_patterns.py")


_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "=": lambda a, b: a == b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def _numeric(bounds: list[Any], path: str) -> Test:
    pairs = list(zip(bounds[::2], bounds[1::2], strict=True))
    for comparison, number in pairs:
        if comparison not in _COMPARISONS or not isinstance(number, int | float):
            raise PatternError(f"{path}: numeric {bounds!r} is not understood")

    def test(value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return all(_COMPARISONS[comparison](value, number) for comparison, number in pairs)

    return test

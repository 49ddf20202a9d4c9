"""Reference paths and payload templates: the part of JSONPath that our machines use.

`$`, `$.name.name`, and the same of the context object with `$$`. Filters, wildcards, indexes and
intrinsic functions are refused.
"""

from __future__ import annotations

import copy
import re
from typing import Any

_PATH = re.compile(r"\$(\$?)((?:\.[A-Za-z_][A-Za-z0-9_-]*)*)")


class PathError(ValueError):
    """A path that is not understood, or that leads nowhere."""


def parse(path: object) -> tuple[bool, tuple[str, ...]]:
    """Whether a path is one of the context object, and its names.

    Raises:
        PathError: It is no path that is understood here.
    """
    match = _PATH.fullmatch(path) if isinstance(path, str) else None
    if match is None:
        raise PathError(f"path {path!r}: only $.name.name and $$.name.name are understood here")
    return bool(match[1]), tuple(match[2].split(".")[1:])


def resolve(path: str, data: Any, context: Any) -> Any:
    """The value that a path leads to.

    Raises:
        PathError: It leads nowhere.
    """
    of_context, names = parse(path)
    value = context if of_context else data
    for name in names:
        if not isinstance(value, dict) or name not in value:
            raise PathError(f"path {path!r}: there is no {name!r} in {_shown(value)}")
        value = value[name]
    return value


def check_template(template: Any) -> None:
    """Whether a payload template can be filled.

    Raises:
        PathError: A field that ends with `.$` has no path that is understood here.
    """
    if isinstance(template, list):
        for each in template:
            check_template(each)
    elif isinstance(template, dict):
        for name, value in template.items():
            if name.endswith(".$"):
                parse(value)
            else:
                check_template(value)


def fill(template: Any, data: Any, context: Any) -> Any:
    """A payload template with the values of its paths.

    Raises:
        PathError: A path leads nowhere.
    """
    if isinstance(template, list):
        return [fill(each, data, context) for each in template]
    if not isinstance(template, dict):
        return template
    return {
        name[:-2] if name.endswith(".$") else name: (
            resolve(value, data, context) if name.endswith(".$") else fill(value, data, context)
        )
        for name, value in template.items()
    }


def place(path: str | None, data: Any, result: Any) -> Any:
    """What a ResultPath makes of a state's input and its result.

    Args:
        path: `$`: the result takes the input's place; None (`null`): the result is dropped.
        data: The input.
        result: The result.

    Raises:
        PathError: The input has something else than an object on the way.
    """
    if path is None:
        return data
    _, names = parse(path)
    if not names:
        return result
    made = copy.deepcopy(data)
    at = made
    for name in names[:-1]:
        if not isinstance(at, dict):
            break
        at = at.setdefault(name, {})
    if not isinstance(at, dict):
        raise PathError(f"ResultPath {path!r}: the input holds {_shown(at)} on the way")
    at[names[-1]] = result
    return made


def _shown(value: Any) -> str:
    return f"an object with {sorted(value)}" if isinstance(value, dict) else f"{value!r:.80}"

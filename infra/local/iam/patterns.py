"""Strings of a policy as patterns: wildcards, and variables whose values are taken literally.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

Context = Mapping[str, str | tuple[str, ...]]
"""Condition keys in lower case to their values; a tuple is a multivalued key."""

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_LITERAL_CHARACTERS = {"*", "?", "$"}


class UnsupportedPolicyError(ValueError):
    """A policy says something that this evaluator does not understand, so nothing may pass by it."""


def matches(
    pattern: str, value: str, context: Context, *, wildcards: bool = True, ignore_case: bool = False
) -> bool:
    """Whether a string of a policy describes a value.

    Args:
        pattern: With `*`, `?` and `${…}`.
        value: Of the request.
        context: Where variables get their values; a value is literal, so that a tag `*` opens nothing.
        wildcards: Whether `*` and `?` mean anything; `StringEquals` takes them literally.
        ignore_case: As actions and `StringEqualsIgnoreCase` do.

    Returns:
        False also where a variable has no value: such a statement never applies.
    """
    if "${" not in pattern:
        return _compiled(_regex(pattern, wildcards), ignore_case).fullmatch(value) is not None
    parts, position = [], 0
    for variable in _VARIABLE.finditer(pattern):
        parts.append(_regex(pattern[position : variable.start()], wildcards))
        substituted = _value(variable[1], context)
        if substituted is None:
            return False
        parts.append(re.escape(substituted))
        position = variable.end()
    parts.append(_regex(pattern[position:], wildcards))
    return _compiled("".join(parts), ignore_case).fullmatch(value) is not None


def variables(pattern: str) -> list[str]:
    """The condition keys that a pattern's variables name, in lower case."""
    names = (name.partition(",")[0].strip().lower() for name in _VARIABLE.findall(pattern))
    return [name for name in names if name not in _LITERAL_CHARACTERS]


def _value(variable: str, context: Context) -> str | None:
    if variable in _LITERAL_CHARACTERS:
        return variable
    name, comma, default = variable.partition(",")
    value = context.get(name.strip().lower())
    if isinstance(value, str):
        return value
    # A multivalued key cannot stand in a variable; as in AWS it counts as absent.
    return default.strip().strip("'") if comma else None


def _regex(text: str, wildcards: bool) -> str:
    if not wildcards:
        return re.escape(text)
    return "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in text)


@lru_cache(4096)
def _compiled(regex: str, ignore_case: bool) -> re.Pattern[str]:
    return re.compile(regex, re.DOTALL | (re.IGNORECASE if ignore_case else 0))

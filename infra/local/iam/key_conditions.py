"""The partition key that a Query names, read from its key condition.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.KeyConditionExpressions.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_TOKEN = re.compile(r"\s*(<=|>=|<>|[=<>(),+-]|[#:]?[A-Za-z_][\w.#-]*(?:\[\d+\][\w.#-]*)*|[#:]\w+)")


class UnreadableRequestError(ValueError):
    """A request whose keys cannot be told: it is denied."""


def queried_keys(body: Mapping[str, Any], partition_key: str) -> list[str]:
    """Every value that a Query compares its partition key with, in order.

    Args:
        body: The Query request.
        partition_key: Attribute name of the table or index.

    Raises:
        UnreadableRequestError: The condition cannot be read, or does not fix the partition key.
    """
    found = _legacy(body, partition_key) if "KeyConditions" in body else _expression(body, partition_key)
    if not found:
        raise UnreadableRequestError(f"the Query does not fix its partition key {partition_key!r}")
    return found


def key_text(value: Any) -> str:
    """A key's typed value as text: `{"S": "TENANT#a"}` is `TENANT#a`."""
    if not isinstance(value, Mapping) or len(value) != 1:
        raise UnreadableRequestError(f"key value {value!r:.80} is no typed value")
    return str(next(iter(value.values())))


def tokens(expression: str) -> list[str]:
    """The words of an expression.

    Raises:
        UnreadableRequestError: Something in it is no word of the language.
    """
    words, position = [], 0
    text = expression.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise UnreadableRequestError(f"expression {expression!r:.200} cannot be read at {position}")
        words.append(match[1])
        position = match.end()
    return words


def _expression(body: Mapping[str, Any], partition_key: str) -> list[str]:
    names = body.get("ExpressionAttributeNames", {})
    values = body.get("ExpressionAttributeValues", {})
    words = tokens(body.get("KeyConditionExpression", ""))
    found = []
    # `a = :v` and nothing else fixes a key; every occurrence counts, so that a second one cannot hide.
    for left, operator, right in zip(words, words[1:], words[2:], strict=False):
        if operator != "=":
            continue
        for name, placeholder in ((left, right), (right, left)):
            if names.get(name, name) == partition_key and placeholder in values:
                found.append(key_text(values[placeholder]))
    return found


def _legacy(body: Mapping[str, Any], partition_key: str) -> list[str]:
    condition = body["KeyConditions"].get(partition_key, {})
    if condition.get("ComparisonOperator") != "EQ":
        return []
    return [key_text(value) for value in condition.get("AttributeValueList", [])]

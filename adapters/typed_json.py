"""DynamoDB's typed JSON, for the plain items that we write: text, whole numbers, maps, lists."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


def to_typed(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item as DynamoDB takes it: `{"points": 3}` becomes `{"points": {"N": "3"}}`.

    Text and whole numbers, nearly all that we write, skip boto3's serializer: it is four times slower.

    Raises:
        TypeError: A value that DynamoDB cannot hold, such as a float.
    """
    typed: dict[str, Any] = {}
    for name, value in item.items():
        kind = type(value)
        if kind is str:
            typed[name] = {"S": value}
        elif kind is int:
            typed[name] = {"N": str(value)}
        else:
            typed[name] = _serialize(value)
    return typed


def from_typed(item: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `to_typed`; whole numbers come back as int, others as Decimal.

    Everything that we write is read here; binary values and sets are left to boto3's deserializer,
    which is eight times slower.
    """
    plain: dict[str, Any] = {}
    for name, value in item.items():
        # Texts and counts, nearly all that we read, without a call each: a profile has five hundred.
        for kind, content in value.items():
            if kind == "S":
                plain[name] = content
            elif kind == "N" and content.isdigit():
                plain[name] = int(content)
            else:
                plain[name] = _plain(value)
    return plain


def _plain(value: Any) -> Any:
    for kind, content in value.items():
        if kind == "S" or kind == "BOOL":  # noqa: PLR1714  # a third faster than a set, and this is the hot path
            return content
        if kind == "N":
            return int(content) if content.isdigit() else _number(content)
        if kind == "M":
            return {name: _plain(inner) for name, inner in content.items()}
        if kind == "L":
            return [_plain(inner) for inner in content]
        if kind == "NULL":
            return None
    return _deserialize(value)


def _number(text: str) -> int | Decimal:
    number = Decimal(text)
    if "." in text and text[-1] in "123456789" and "E" not in text:
        return number  # 84.3: no need to compute that it is not whole
    return int(number) if number == number.to_integral_value() else number

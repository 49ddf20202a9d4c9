"""The arguments of a call, and the types of results that depend on them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlglot import exp

from infra.local.athena.errors import NotSupportedError, QueryError
from infra.local.athena.sql import operators
from infra.local.athena.sql.types import BIGINT, DOUBLE, TIMESTAMP_TZ, UNKNOWN, Type, array, common, decimal


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of one call.

    Attributes:
        name: The function.
        nodes: As parsed.
        sql: As compiled for DuckDB.
        types: Their Trino types.
    """

    name: str
    nodes: Sequence[exp.Expr]
    sql: Sequence[str]
    types: Sequence[Type]

    def literal(self, i: int) -> str:
        """The text of a literal argument.

        Raises:
            NotSupportedError: It is computed.
        """
        node = self.nodes[i]
        if not (isinstance(node, exp.Literal) and node.is_string):
            raise NotSupportedError(f"{self.name} with a computed argument {i + 1}: write it as a literal")
        return node.name

    def common(self) -> Type:
        """The type that all arguments share.

        Raises:
            QueryError: There is none.
        """
        kind = UNKNOWN
        for other in self.types:
            shared = common(kind, other)
            if shared is None:
                raise QueryError(
                    "TYPE_MISMATCH",
                    f"line 1:1: All {self.name} arguments must be the same type: {kind}, {other}",
                )
            kind = shared
        return kind


# --- types of results


def _whole(a: Arguments) -> Type:
    kind = a.types[0]
    return decimal(kind.precision - kind.scale + min(kind.scale, 1), 0) if kind.name == "decimal" else kind


def _round_type(a: Arguments) -> Type:
    kind = a.types[0]
    if kind.name != "decimal":
        return kind
    return _whole(a) if len(a.types) == 1 else decimal(kind.precision + 1, kind.scale)


def _sum_type(a: Arguments) -> Type:
    kind = a.types[0]
    return BIGINT if kind.is_integer else decimal(38, kind.scale) if kind.name == "decimal" else kind


def _avg_type(a: Arguments) -> Type:
    return a.types[0] if a.types[0].name in ("decimal", "real") else DOUBLE


def _concat_type(a: Arguments) -> Type:
    kind = a.common()
    if kind.name not in ("varchar", "array", "varbinary", "unknown"):
        raise QueryError(
            "FUNCTION_NOT_FOUND", f"line 1:1: Cannot apply operator: {a.types[0]} || {a.types[1]}"
        )
    return kind


def _element_type(a: Arguments) -> Type:
    kind = a.types[0]
    if kind.name not in ("array", "map"):
        raise QueryError(
            "FUNCTION_NOT_FOUND", f"line 1:1: Unexpected parameters ({kind}, …) for function element_at"
        )
    return kind.args[-1]


def _zoned(zone: str) -> Type:
    if not re.fullmatch(r"UTC|[A-Za-z_]+(/[A-Za-z_]+)+", zone):
        raise NotSupportedError(f"time zone {zone!r}: write the name of a region, such as 'Europe/Madrid'")
    return Type(TIMESTAMP_TZ.name, fields=() if zone == "UTC" else (zone,))


def _zone_of_second(a: Arguments) -> Type:
    return _zoned(a.literal(1)) if len(a.types) > 1 else TIMESTAMP_TZ


def _percentile_type(a: Arguments) -> Type:
    return array(a.types[0]) if a.types[1].name == "array" else a.types[0]


def _sequence_type(a: Arguments) -> Type:
    kind = common(a.types[0], a.types[1])
    if kind is None:
        raise QueryError(
            "FUNCTION_NOT_FOUND",
            f"line 1:1: Unexpected parameters for function sequence: {a.types[0]}, {a.types[1]}",
        )
    return array(BIGINT if kind.is_integer else kind)


TYPE_RULES: dict[str, Callable[[Arguments], Type]] = {
    "whole": _whole,
    "round": _round_type,
    "mod": lambda a: operators.arithmetic("%", "x", a.types[0], "y", a.types[1])[1],
    "sum": _sum_type,
    "avg": _avg_type,
    "common": Arguments.common,
    "concat": _concat_type,
    "element": _element_type,
    "tz_arg1": _zone_of_second,
    "tz_utc": lambda a: TIMESTAMP_TZ,
    "percentile": _percentile_type,
    "sequence": _sequence_type,
}

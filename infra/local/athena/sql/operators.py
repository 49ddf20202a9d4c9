"""Arithmetic and comparison with Trino's types, rounding and refusals."""

from __future__ import annotations

from infra.local.athena.errors import QueryError
from infra.local.athena.sql import casts
from infra.local.athena.sql.types import (
    DATE,
    DAYS,
    MONTHS,
    TIMESTAMP,
    UNKNOWN,
    Type,
    as_decimal,
    common,
    decimal,
)


def comparison(
    operator: str, left: str, left_type: Type, right: str, right_type: Type, word: str = ""
) -> str:
    """Compares two values.

    Raises:
        QueryError: Their types have none in common: Trino never reads text as a number or a date.
    """
    if left_type.is_datetime and right_type.is_datetime and left_type.fields != right_type.fields:
        # Instants compare whatever zone they are shown in.
        return f"({casts.instant(left, left_type)} {operator} {casts.instant(right, right_type)})"
    kind = common(left_type, right_type)
    if kind is None:
        raise QueryError(
            "TYPE_MISMATCH", f"line 1:1: Cannot apply operator: {left_type} {word or operator} {right_type}"
        )
    return f"({casts.coerce(left, left_type, kind)} {operator} {casts.coerce(right, right_type, kind)})"


def arithmetic(operator: str, left: str, left_type: Type, right: str, right_type: Type) -> tuple[str, Type]:
    """Applies `+ - * / %`.

    Returns:
        DuckDB SQL and the type of the result.

    Raises:
        QueryError: Trino does not define the operator for these types.
    """
    if UNKNOWN in (left_type, right_type):
        kind = right_type if left_type == UNKNOWN else left_type
        return f"CAST(NULL AS {kind.duckdb})" if kind != UNKNOWN else "NULL", kind
    if left_type.is_number and right_type.is_number:
        return _numbers(operator, left, left_type, right, right_type)
    found = _dates(operator, left, left_type, right, right_type)
    if found is None:
        raise QueryError(
            "TYPE_MISMATCH", f"line 1:1: Cannot apply operator: {left_type} {operator} {right_type}"
        )
    return found


def _numbers(operator: str, left: str, left_type: Type, right: str, right_type: Type) -> tuple[str, Type]:
    kind = common(left_type, right_type)
    assert kind is not None  # numbers always have one
    if kind.name == "decimal":
        return _decimals(operator, left, as_decimal(left_type), right, as_decimal(right_type))
    a, b = (f"CAST({sql} AS {kind.duckdb})" for sql in (left, right))
    if kind.is_integer:
        # DuckDB types a literal as small as it fits; the cast keeps Trino's width and overflow.
        return f"({a} {'//' if operator == '/' else operator} {b})", kind
    if operator == "%":
        return f"CAST({a} % {b} AS {kind.duckdb})", kind
    return f"({a} {operator} {b})", kind


def _decimals(operator: str, left: str, a: Type, right: str, b: Type) -> tuple[str, Type]:
    """See https://trino.io/docs/current/functions/decimal.html for precision and scale."""
    x, y = f"CAST({left} AS {a.duckdb})", f"CAST({right} AS {b.duckdb})"
    scale = max(a.scale, b.scale)
    if operator in "+-":
        kind = decimal(scale + max(a.precision - a.scale, b.precision - b.scale) + 1, scale)
        return f"CAST({x} {operator} {y} AS {kind.duckdb})", kind
    if operator == "*":
        if a.scale + b.scale > 38:
            raise QueryError(
                "NUMERIC_VALUE_OUT_OF_RANGE", f"line 1:1: DECIMAL scale {a.scale + b.scale} exceeds 38"
            )
        kind = decimal(a.precision + b.precision, a.scale + b.scale)
        return f"CAST({x} * {y} AS {kind.duckdb})", kind
    if operator == "/":
        kind = decimal(a.precision + b.scale + max(b.scale - a.scale, 0), scale)
        # The quotient is rounded half up to the larger scale, so 10.0 / 3 is 3.3.
        checked = f"CASE WHEN {y} = 0 THEN t_fail('Division by zero') ELSE 0 END"
        quotient = f"CAST({x} AS DOUBLE) / CAST({y} AS DOUBLE) + {checked}"
        return f"CAST({quotient} AS {kind.duckdb})", kind
    kind = decimal(min(a.precision - a.scale, b.precision - b.scale) + scale, scale)
    same = decimal(38, scale).duckdb
    return f"CAST(CAST({x} AS {same}) % CAST({y} AS {same}) AS {kind.duckdb})", kind


# One return for each pair of types that dates and intervals can meet in.
def _dates(  # noqa: PLR0911
    operator: str, left: str, left_type: Type, right: str, right_type: Type
) -> tuple[str, Type] | None:
    if operator == "+" and left_type.is_interval and right_type.is_datetime:
        left, left_type, right, right_type = right, right_type, left, left_type
    if operator in "+-" and left_type.is_datetime and right_type.is_interval:
        if left_type.name == "timestamp with time zone" and right_type == MONTHS:
            local = f"({casts.wall_clock(left, left_type)} {operator} {right})"
            return f"timezone('{casts.zone_of(left_type)}', {local})", left_type
        return f"CAST({left} {operator} {right} AS {left_type.duckdb})", left_type
    if operator == "-" and left_type.is_datetime and right_type.is_datetime:
        kind = common(left_type, right_type) or TIMESTAMP
        a, b = casts.coerce(left, left_type, kind), casts.coerce(right, right_type, kind)
        if kind == DATE:
            return f"to_days(CAST({a} - {b} AS INTEGER))", DAYS
        return f"({a} - {b})", DAYS
    if operator in "+-" and left_type.is_interval and left_type == right_type:
        return f"({left} {operator} {right})", left_type
    if operator == "*" and left_type.is_interval and right_type.is_integer:
        return f"({left} * {right})", left_type
    if operator == "*" and right_type.is_interval and left_type.is_integer:
        return f"({right} * {left})", right_type
    return None

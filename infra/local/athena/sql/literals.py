"""Literals: numbers, text and intervals, typed as Trino types them."""

from __future__ import annotations

import re

from sqlglot import exp

from infra.local.athena.errors import NotSupportedError, QueryError
from infra.local.athena.sql.scope import Value, text
from infra.local.athena.sql.types import BIGINT, DAYS, DOUBLE, INTEGER, MONTHS, VARCHAR, decimal


def literal(node: exp.Literal) -> Value:
    """A number or text: integers by size, a point makes a decimal, an exponent a double.

    Raises:
        QueryError: An integer beyond 64 bits.
    """
    if node.is_string:
        return Value(text(node.name), VARCHAR)
    number = node.name
    if re.fullmatch(r"\d+", number):
        if int(number) > 2**63 - 1:
            raise QueryError("SYNTAX_ERROR", f"line 1:1: Invalid numeric literal: {number}")
        return Value(number, INTEGER if int(number) < 2**31 else BIGINT)
    if "e" in number.lower():
        return Value(number, DOUBLE)
    whole, _, fraction = number.lstrip("+-").partition(".")
    digits = len(whole.lstrip("0")) + len(fraction)
    kind = decimal(max(digits, 1), len(fraction))
    return Value(f"CAST({number} AS {kind.duckdb})", kind)


def interval(node: exp.Interval) -> Value:
    """`INTERVAL '1' DAY`.

    Raises:
        QueryError: Its number is not quoted, or its unit is a plural.
        NotSupportedError: A unit that is not read here.
    """
    unit = node.args["unit"].name.upper() if node.args.get("unit") else ""
    amount = node.this
    if unit.rstrip("S") != unit and unit not in ("S",):
        raise QueryError(
            "SYNTAX_ERROR", f"line 1:1: mismatched input '{unit}': an interval's unit is singular"
        )
    if unit not in ("SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "YEAR"):
        raise NotSupportedError(f"INTERVAL in {unit or 'no unit'}")
    if not (isinstance(amount, exp.Literal) and amount.is_string):
        raise QueryError("SYNTAX_ERROR", "line 1:1: an interval needs its number in quotes: INTERVAL '1' DAY")
    return Value(f"INTERVAL {text(amount.name)} {unit}", MONTHS if unit in ("MONTH", "YEAR") else DAYS)

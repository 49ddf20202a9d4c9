"""Compiles function calls: plain, aggregate with FILTER and ORDER BY, window, and lambda."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlglot import exp

from infra.local.athena.errors import NotSupportedError, QueryError
from infra.local.athena.sql import casts
from infra.local.athena.sql.function_rules import RULES
from infra.local.athena.sql.functions import FUNCTIONS, LAMBDAS, SPECIAL, Function, function
from infra.local.athena.sql.lambdas import Lambdas
from infra.local.athena.sql.result_types import TYPE_RULES, Arguments
from infra.local.athena.sql.scope import Scope, Value, quoted, text
from infra.local.athena.sql.types import BIGINT, INTEGER, TIMESTAMP_TZ, UNKNOWN, Type, common

if TYPE_CHECKING:
    from infra.local.athena.sql.expressions import ExpressionCompiler


@dataclass(slots=True)
class _Call:
    """A call with everything that may surround it."""

    name: str
    arguments: list[exp.Expr]
    distinct: bool = False
    order: list[exp.Expr] = field(default_factory=list)
    condition: exp.Expr | None = None
    window: exp.Window | None = None
    ignore_nulls: bool = False
    within: bool = False


class Calls:
    """Function calls of one statement."""

    def __init__(self, expressions: ExpressionCompiler) -> None:
        self._expressions = expressions
        self._lambdas = Lambdas(expressions)

    def call(self, node: exp.Expr, scope: Scope) -> Value:
        """Compiles a call node, whatever wraps it."""
        call = _unwrap(node)
        name = call.name
        if name in SPECIAL:
            return self._special(call, scope)
        if name in LAMBDAS:
            return self._lambdas.call(name, call.arguments, scope)
        if name in ("current_timestamp", "localtimestamp"):
            raise NotSupportedError(f"{name} with a precision")
        found = function(name)
        self._check_role(found, call)
        return self._apply(found, call, scope)

    def named(self, name: str, arguments: Sequence[exp.Expr | None], scope: Scope) -> Value:
        """Compiles a call that the grammar spells in a way of its own."""
        return self._apply(function(name), _Call(name, [a for a in arguments if a is not None]), scope)

    def row(self, items: Sequence[exp.Expr], scope: Scope) -> Value:
        """`ROW(…)` or `(a, b)`: fields without names."""
        values = [self._expressions.compile(item, scope) for item in items]
        kind = Type("row", tuple(v.type for v in values), tuple("" for _ in values))
        packed = ", ".join(f"{quoted(f'field{i}')} := {v.sql}" for i, v in enumerate(values))
        return self._value(f"struct_pack({packed})", kind)

    def zoned_literal(self, node: exp.Expr, value: Value) -> tuple[Value, Type]:
        """`TIMESTAMP '2025-01-01 00:00:00 Europe/Madrid'`, whose zone becomes part of its type."""
        if not isinstance(node, exp.Literal):
            raise NotSupportedError("CAST of text to timestamp with time zone: use from_iso8601_timestamp")
        match = re.fullmatch(r"\s*(\d+-\d+-\d+(?: [\d:.]+)?)\s*(\S+)?\s*", node.name)
        if match is None:
            raise QueryError("INVALID_LITERAL", f"line 1:1: '{node.name}' is not a valid timestamp literal")
        zone = "UTC" if (match[2] or "UTC") in ("UTC", "Z", "+00:00") else match[2]
        if not re.fullmatch(r"UTC|[A-Za-z_]+/[A-Za-z_/]+", zone):
            raise NotSupportedError(
                f"time zone {zone!r}: write the name of a region, such as 'Europe/Madrid'"
            )
        kind = Type(TIMESTAMP_TZ.name, fields=() if zone == "UTC" else (zone,))
        return self._value(f"timezone({text(zone)}, CAST({text(match[1])} AS TIMESTAMP))", kind), kind

    # --- parts

    def _check_role(self, found: Function, call: _Call) -> None:
        if found.role == "window" and call.window is None:
            raise QueryError(
                "MISSING_OVER", f"line 1:1: Window function {found.name} requires an OVER clause"
            )
        if found.role == "scalar":
            used = [
                w
                for w, on in (
                    ("DISTINCT", call.distinct),
                    ("ORDER BY", call.order),
                    ("FILTER", call.condition),
                    ("OVER", call.window),
                )
                if on
            ]
            if used:
                raise QueryError(
                    "FUNCTION_NOT_AGGREGATE", f"line 1:1: {used[0]} is not allowed for function {found.name}"
                )
        if call.ignore_nulls and found.role != "window":
            raise QueryError(
                "SYNTAX_ERROR", f"line 1:1: IGNORE NULLS is not allowed for function {found.name}"
            )
        if found.name == "listagg" and not call.within:
            raise QueryError("SYNTAX_ERROR", "line 1:1: listagg needs WITHIN GROUP (ORDER BY …)")

    def _apply(self, found: Function, call: _Call, scope: Scope) -> Value:
        star = found.name == "count" and len(call.arguments) == 1 and isinstance(call.arguments[0], exp.Star)
        values = [] if star else [self._expressions.compile(a, scope) for a in call.arguments]
        if any(isinstance(a, exp.Star) for a in call.arguments) and not star:
            raise QueryError("SYNTAX_ERROR", f"line 1:1: '*' is not allowed in {found.name}")
        kinds = [v.type for v in values]
        found.check(kinds)
        arguments = Arguments(found.name, call.arguments, [v.sql for v in values], kinds)
        result = (
            TYPE_RULES[found.result[1:]](arguments) if found.result[0] == "@" else found.result_type(kinds)
        )
        if found.sql[0] == "@":
            rule, _, detail = found.sql[1:].partition(" ")
            sql = RULES[rule](arguments, result, detail)
        else:
            sql = _fill(found.sql, _as_double(found, arguments), result)
        if found.role == "scalar":
            return self._value(f"({sql})", result)
        return self._value(self._aggregate(found, call, sql, result, scope), result)

    def _aggregate(self, found: Function, call: _Call, sql: str, result: Type, scope: Scope) -> str:
        if sql == "count()":
            sql = "count(*)"
        if call.distinct or call.order or call.ignore_nulls:
            head, _, rest = sql.partition("(")
            order = f" ORDER BY {', '.join(self.ordered(o, scope) for o in call.order)}" if call.order else ""
            nulls = " IGNORE NULLS" if call.ignore_nulls else ""
            sql = f"{head}({'DISTINCT ' if call.distinct else ''}{rest[:-1]}{order}{nulls})"
        if call.condition is not None:
            sql += f" FILTER (WHERE {self._expressions.predicate(call.condition, scope, 'FILTER')})"
        if call.window is not None:
            sql += f" OVER ({self._over(call.window, scope)})"
        return _fill(found.wrap, [sql], result) if found.wrap else sql

    def _over(self, window: exp.Window, scope: Scope) -> str:
        if window.args.get("alias") is not None:
            named = scope.windows.get(window.args["alias"].name.lower())
            if named is None:
                raise QueryError(
                    "INVALID_WINDOW_REFERENCE",
                    f"line 1:1: Cannot resolve WINDOW name {window.args['alias'].name}",
                )
            # `OVER (w ROWS …)` takes what w does not say itself.
            own = {key: value for key, value in window.args.items() if key in ("order", "spec") and value}
            window = exp.Window(**{**named.args, **own})
        if window.args.get("first"):
            raise NotSupportedError("KEEP (DENSE_RANK FIRST …)")
        parts = []
        if window.args.get("partition_by"):
            keys = ", ".join(self._expressions.compile(k, scope).sql for k in window.args["partition_by"])
            parts.append(f"PARTITION BY {keys}")
        if window.args.get("order"):
            parts.append(
                f"ORDER BY {', '.join(self.ordered(o, scope) for o in window.args['order'].expressions)}"
            )
        if window.args.get("spec"):
            parts.append(self._frame(window.args["spec"], scope))
        return " ".join(parts)

    def _frame(self, spec: exp.WindowSpec, scope: Scope) -> str:
        if spec.args.get("exclude"):
            raise QueryError("SYNTAX_ERROR", "line 1:1: mismatched input 'EXCLUDE'")

        def bound(which: str) -> str:
            value, side = spec.args.get(which), spec.args.get(f"{which}_side") or ""
            if value is None:
                return "CURRENT ROW"
            words = value if isinstance(value, str) else self._expressions.compile(value, scope).sql
            return f"{words} {side}".strip()

        return f"{spec.args['kind']} BETWEEN {bound('start')} AND {bound('end')}"

    def ordered(self, node: exp.Expr, scope: Scope, value: str | None = None) -> str:
        """One item of an ORDER BY. NULLS LAST is Trino's default in both directions."""
        if not isinstance(node, exp.Ordered):
            return f"{value or self._expressions.compile(node, scope).sql} ASC NULLS LAST"
        if node.args.get("with_fill"):
            raise NotSupportedError("WITH FILL")
        sql = value or self._expressions.compile(node.this, scope).sql
        direction = "DESC" if node.args.get("desc") else "ASC"
        return f"{sql} {direction} NULLS {'FIRST' if node.args.get('nulls_first') else 'LAST'}"

    def _special(self, call: _Call, scope: Scope) -> Value:
        compile_, arguments = self._expressions.compile, call.arguments
        if call.window or call.condition or call.distinct or call.order:
            raise QueryError("FUNCTION_NOT_AGGREGATE", f"line 1:1: {call.name} is not an aggregate")
        values = [compile_(a, scope) for a in arguments]
        if call.name == "row":
            return self.row(arguments, scope)
        if call.name == "coalesce" and len(values) > 1:
            kind = self._expressions.shared_type(values, "All COALESCE operands")
            return self._value(
                f"coalesce({', '.join(casts.coerce(v.sql, v.type, kind) for v in values)})", kind
            )
        if call.name == "nullif" and len(values) == 2:
            kind2 = common(values[0].type, values[1].type)
            if kind2 is None:
                raise QueryError(
                    "TYPE_MISMATCH",
                    f"line 1:1: Types are not comparable with NULLIF: {values[0].type} vs {values[1].type}",
                )
            second = casts.coerce(values[1].sql, values[1].type, kind2)
            first = casts.coerce(values[0].sql, values[0].type, kind2)
            return self._value(
                f"(CASE WHEN {first} = {second} THEN NULL ELSE {values[0].sql} END)", values[0].type
            )
        if call.name == "try" and len(values) == 1:
            return self._value(f"TRY({values[0].sql})", values[0].type)
        if call.name == "grouping" and values:
            kind = BIGINT if len(values) > 31 else INTEGER
            return self._value(f"CAST(grouping({', '.join(v.sql for v in values)}) AS {kind.duckdb})", kind)
        raise QueryError("SYNTAX_ERROR", f"line 1:1: Invalid number of arguments for '{call.name}' function")

    @staticmethod
    def _value(sql: str, kind: Type) -> Value:
        return Value(sql, kind)


def is_aggregate(node: exp.Expr) -> bool:
    """Whether a node calls an aggregate that makes its query a grouping one (no OVER around it)."""
    if not isinstance(node, exp.Anonymous):
        return False
    found = FUNCTIONS.get(str(node.this).lower())
    if found is None or found.role != "aggregate":
        return False
    parent = node.parent
    while isinstance(parent, (exp.Filter, exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls)):
        parent = parent.parent
    return not isinstance(parent, exp.Window) or node.find_ancestor(exp.Window) is not parent


def _unwrap(node: exp.Expr) -> _Call:
    call = _Call("", [])
    order: list[exp.Expr] = []
    while not isinstance(node, exp.Anonymous):
        if isinstance(node, exp.Window):
            call.window = node
        elif isinstance(node, exp.Filter):
            call.condition = node.expression.this
        elif isinstance(node, exp.IgnoreNulls):
            call.ignore_nulls = True
        elif isinstance(node, exp.WithinGroup):
            call.within, order = True, list(node.expression.expressions)
        elif not isinstance(node, exp.RespectNulls):
            raise NotSupportedError(f"a call around {type(node).__name__}: {node.sql('trino')[:120]}")
        node = node.this
    if not isinstance(node.this, str):
        raise NotSupportedError(f"the quoted function name {node.this}")
    call.name, call.arguments, call.order = node.this.lower(), list(node.expressions), order
    if call.arguments and isinstance(call.arguments[-1], exp.Order):
        last = call.arguments[-1]
        call.order, call.arguments[-1] = list(last.expressions), last.this
    if len(call.arguments) == 1 and isinstance(call.arguments[0], exp.Distinct):
        distinct = call.arguments[0]
        call.distinct, call.arguments = True, list(distinct.expressions)
        if call.arguments and isinstance(call.arguments[-1], exp.Order):
            last = call.arguments[-1]
            call.order, call.arguments[-1] = list(last.expressions), last.this
    return call


def _as_double(found: Function, arguments: Arguments) -> list[str]:
    """Arguments of kind `d` become doubles, as Trino converts them on the way in."""
    converted = []
    for i, (sql, kind) in enumerate(zip(arguments.sql, arguments.types, strict=True)):
        wanted = found.kinds[min(i, len(found.kinds) - 1)][0]
        double = wanted == "d" and kind.name != "double"
        converted.append(f"CAST({sql} AS DOUBLE)" if double or (kind == UNKNOWN and wanted == "d") else sql)
    return converted


def _fill(template: str, arguments: Sequence[str], result: Type) -> str:
    """Puts arguments into a template of the table, where `{*}` stands for all of them."""

    def part(match: re.Match[str]) -> str:
        key = match[1]
        if key == "*":
            return ", ".join(arguments)
        return result.duckdb if key == "r" else arguments[int(key)]

    return re.sub(r"\{(\*|r|\d)\}", part, template)

"""Compiles one Trino expression to DuckDB, with its type.

Every kind of node that is understood has a method; any other is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlglot import exp

from infra.local.athena.errors import NotSupportedError, QueryError
from infra.local.athena.sql import casts, literals, operators
from infra.local.athena.sql.calls import Calls
from infra.local.athena.sql.scope import Scope, Value, quoted, text
from infra.local.athena.sql.types import (
    BOOLEAN,
    DATE,
    TIMESTAMP,
    TIMESTAMP_TZ,
    UNKNOWN,
    VARBINARY,
    VARCHAR,
    Type,
    array,
    common,
    parse_type,
)

if TYPE_CHECKING:
    from infra.local.athena.sql.queries import QueryCompiler


_COMPARISONS = {exp.EQ: "=", exp.NEQ: "<>", exp.GT: ">", exp.GTE: ">=", exp.LT: "<", exp.LTE: "<="}
_ARITHMETIC = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}
_PARTS = {
    "YEAR": "year", "QUARTER": "quarter", "MONTH": "month", "WEEK": "week", "DAY": "day",
    "DAY_OF_MONTH": "day", "DAY_OF_WEEK": "day_of_week", "DOW": "day_of_week", "DAYOFWEEK": "day_of_week",
    "DAY_OF_YEAR": "day_of_year", "DOY": "day_of_year", "YEAR_OF_WEEK": "year_of_week", "YOW": "year_of_week",
    "HOUR": "hour", "MINUTE": "minute", "SECOND": "second",
}  # fmt: skip


class ExpressionCompiler:
    """Compiles expressions of one statement.

    Args:
        queries: Compiles the subqueries met on the way.
    """

    def __init__(self, queries: QueryCompiler) -> None:
        self.queries = queries
        self.calls = Calls(self)
        # Set while a predicate is compiled a second time, over a table of partitions.
        self.pruning_scan: int | None = None
        self._handlers: dict[type[exp.Expr], Callable[..., Value]] = {
            exp.Paren: self._wrapped,
            exp.Literal: lambda n, s: literals.literal(n),
            exp.Boolean: lambda n, s: Value("true" if n.this else "false", BOOLEAN),
            exp.Null: lambda n, s: Value("NULL", UNKNOWN),
            exp.HexString: lambda n, s: Value(f"unhex({text(n.name)})", VARBINARY),
            exp.Column: self._column,
            exp.Identifier: self._variable,
            exp.Dot: self._dot,
            exp.Neg: self._negative,
            exp.Not: self._not,
            exp.And: self._logic,
            exp.Or: self._logic,
            exp.Between: self._between,
            exp.In: self._in,
            exp.Is: self._is,
            exp.NullSafeEQ: lambda n, s: self._compare(n, s, "IS NOT DISTINCT FROM"),
            exp.NullSafeNEQ: lambda n, s: self._compare(n, s, "IS DISTINCT FROM"),
            exp.Like: self._like,
            exp.Escape: self._escape,
            exp.DPipe: self._concatenation,
            exp.Case: self._case,
            exp.If: self._if,
            exp.Cast: self._cast,
            exp.TryCast: self._cast,
            exp.Interval: lambda n, s: literals.interval(n),
            exp.Extract: self._extract,
            exp.AtTimeZone: self._at_time_zone,
            exp.Array: self._array,
            exp.Bracket: self._bracket,
            exp.Trim: self._trim,
            exp.Substring: lambda n, s: self.calls.named(
                "substr", [n.this, n.args.get("start"), n.args.get("length")], s
            ),
            exp.StrPosition: lambda n, s: self.calls.named("strpos", [n.this, n.args.get("substr")], s),
            exp.Exists: self._exists,
            exp.Subquery: self._scalar_subquery,
            exp.Select: self._scalar_subquery,
            exp.Anonymous: self.calls.call,
            exp.Filter: self.calls.call,
            exp.Window: self.calls.call,
            exp.WithinGroup: self.calls.call,
            exp.CurrentDate: lambda n, s: Value("CAST(now() AS DATE)", DATE),
            exp.CurrentTimestamp: lambda n, s: Value("now()", TIMESTAMP_TZ),
            exp.Localtimestamp: lambda n, s: Value("CAST(now() AS TIMESTAMP)", TIMESTAMP),
            exp.Tuple: self._tuple,
            **dict.fromkeys(_COMPARISONS, lambda n, s: self._compare(n, s, _COMPARISONS[type(n)])),
            **dict.fromkeys(_ARITHMETIC, self._arithmetic),
        }

    def compile(self, node: exp.Expr | None, scope: Scope) -> Value:
        """Compiles a node.

        Raises:
            QueryError: Athena would refuse it.
            NotSupportedError: This server does not know the construct.
        """
        if node is None:
            raise QueryError("SYNTAX_ERROR", "line 1:1: an expression is missing")
        handler = self._handlers.get(type(node))
        if handler is None:
            raise NotSupportedError(f"{type(node).__name__.upper()}: {node.sql('trino')[:200]}")
        return handler(node, scope)

    def predicate(self, node: exp.Expr, scope: Scope, where: str) -> str:
        """Compiles a condition.

        Raises:
            QueryError: It is not boolean.
        """
        value = self.compile(node, scope)
        if value.type not in (BOOLEAN, UNKNOWN):
            raise QueryError(
                "TYPE_MISMATCH", f"line 1:1: {where} must evaluate to a boolean: actual type {value.type}"
            )
        return value.sql

    def _wrapped(self, node: exp.Expr, scope: Scope) -> Value:
        inner = self.compile(node.this, scope)
        return Value(f"({inner.sql})", inner.type, inner.origins)

    def _column(self, node: exp.Column, scope: Scope) -> Value:
        parts = [p.name.lower() for p in node.parts]
        if len(parts) == 1 and parts[0] in scope.variables:
            return Value(quoted(parts[0]), scope.variables[parts[0]])
        if parts[0] in scope.variables:
            return self._fields(Value(quoted(parts[0]), scope.variables[parts[0]]), parts[1:])
        found = scope.find(parts)
        if found is None:
            raise QueryError("COLUMN_NOT_FOUND", f"line 1:1: Column '{'.'.join(parts)}' cannot be resolved")
        column, rest = found
        sql = column.sql
        if self.pruning_scan is not None:
            sql = next(quoted(o.key) for o in column.origins if o.scan == self.pruning_scan)
        value = Value(sql, column.type, () if rest else column.origins)
        return self._fields(value, rest)

    def _variable(self, node: exp.Identifier, scope: Scope) -> Value:
        name = node.name.lower()
        if name not in scope.variables:
            raise QueryError("COLUMN_NOT_FOUND", f"line 1:1: Column '{name}' cannot be resolved")
        return Value(quoted(name), scope.variables[name])

    def _fields(self, value: Value, names: list[str]) -> Value:
        for name in names:
            if value.type.name != "row" or name not in value.type.fields:
                raise QueryError("COLUMN_NOT_FOUND", f"line 1:1: Column '{name}' cannot be resolved")
            field = value.type.args[value.type.fields.index(name)]
            value = Value(f"struct_extract({value.sql}, {text(name)})", field)
        return value

    def _dot(self, node: exp.Dot, scope: Scope) -> Value:
        return self._fields(self.compile(node.this, scope), [node.expression.name.lower()])

    def _negative(self, node: exp.Neg, scope: Scope) -> Value:
        value = self.compile(node.this, scope)
        if not (value.type.is_number or value.type.is_interval or value.type == UNKNOWN):
            raise QueryError("TYPE_MISMATCH", f"line 1:1: Cannot negate {value.type}")
        return Value(f"(-{value.sql})", value.type)

    def _not(self, node: exp.Not, scope: Scope) -> Value:
        return Value(f"(NOT {self.predicate(node.this, scope, 'Value of logical NOT expression')})", BOOLEAN)

    def _logic(self, node: exp.And | exp.Or, scope: Scope) -> Value:
        word = "AND" if isinstance(node, exp.And) else "OR"
        terms = [self.predicate(term, scope, f"Logical expression term ({word})") for term in node.flatten()]
        return Value(f"({f' {word} '.join(terms)})", BOOLEAN)

    def _compare(self, node: exp.Binary, scope: Scope, operator: str) -> Value:
        right_node = node.expression
        if isinstance(right_node, (exp.Any, exp.All)):
            return self._quantified(node, scope, operator)
        left, right = self.compile(node.this, scope), self.compile(right_node, scope)
        return Value(operators.comparison(operator, left.sql, left.type, right.sql, right.type), BOOLEAN)

    def _quantified(self, node: exp.Binary, scope: Scope, operator: str) -> Value:
        word = "ANY" if isinstance(node.expression, exp.Any) else "ALL"
        left = self.compile(node.this, scope)
        query = self.queries.subquery(node.expression.this, scope, columns=1)
        operators.comparison(operator, left.sql, left.type, "x", query.columns[0].type)
        return Value(f"({left.sql} {operator} {word} ({query.sql}))", BOOLEAN)

    def _between(self, node: exp.Between, scope: Scope) -> Value:
        value = self.compile(node.this, scope)
        low, high = self.compile(node.args["low"], scope), self.compile(node.args["high"], scope)
        if node.args.get("symmetric"):
            raise QueryError("SYNTAX_ERROR", "line 1:1: mismatched input 'SYMMETRIC'")
        above = operators.comparison(">=", value.sql, value.type, low.sql, low.type)
        below = operators.comparison("<=", value.sql, value.type, high.sql, high.type)
        return Value(f"({above} AND {below})", BOOLEAN)

    def _in(self, node: exp.In, scope: Scope) -> Value:
        value = self.compile(node.this, scope)
        query = node.args.get("query")
        if query is not None:
            inner = self.queries.subquery(query, scope, columns=1)
            operators.comparison("=", value.sql, value.type, "x", inner.columns[0].type, word="IN")
            return Value(f"({value.sql} IN ({inner.sql}))", BOOLEAN)
        if node.args.get("unnest") or node.args.get("field"):
            raise QueryError("SYNTAX_ERROR", "line 1:1: mismatched input after IN: expecting '('")
        items = [self.compile(item, scope) for item in node.expressions]
        kind = value.type
        for item in items:
            shared = common(kind, item.type)
            if shared is None:
                raise QueryError(
                    "TYPE_MISMATCH",
                    f"line 1:1: IN value and list items must be the same type: {value.type}, {item.type}",
                )
            kind = shared
        listed = ", ".join(casts.coerce(i.sql, i.type, kind) for i in items)
        return Value(f"({casts.coerce(value.sql, value.type, kind)} IN ({listed}))", BOOLEAN)

    def _is(self, node: exp.Is, scope: Scope) -> Value:
        if not isinstance(node.expression, exp.Null):
            raise QueryError("SYNTAX_ERROR", "line 1:1: mismatched input after IS: expecting NULL")
        return Value(f"({self.compile(node.this, scope).sql} IS NULL)", BOOLEAN)

    def _like(self, node: exp.Like, scope: Scope, escape: str = "") -> Value:
        left, right = self.compile(node.this, scope), self.compile(node.expression, scope)
        for side in (left, right):
            if side.type not in (VARCHAR, UNKNOWN):
                raise QueryError(
                    "TYPE_MISMATCH", f"line 1:1: LIKE needs varchar on both sides (actual: {side.type})"
                )
        word = "NOT LIKE" if node.args.get("negate") else "LIKE"
        return Value(f"({left.sql} {word} {right.sql}{escape})", BOOLEAN)

    def _escape(self, node: exp.Escape, scope: Scope) -> Value:
        if not isinstance(node.this, exp.Like):
            raise NotSupportedError(node.sql("trino"))
        return self._like(node.this, scope, f" ESCAPE {self.compile(node.expression, scope).sql}")

    def _concatenation(self, node: exp.DPipe, scope: Scope) -> Value:
        return self.calls.named("concat", [node.this, node.expression], scope)

    def _case(self, node: exp.Case, scope: Scope) -> Value:
        subject = self.compile(node.this, scope) if node.this else None
        branches: list[tuple[str, Value]] = []
        for branch in node.args["ifs"]:
            if subject is None:
                condition = self.predicate(branch.this, scope, "CASE WHEN clause")
            else:
                value = self.compile(branch.this, scope)
                condition = operators.comparison("=", subject.sql, subject.type, value.sql, value.type)
            branches.append((condition, self.compile(branch.args["true"], scope)))
        default = node.args.get("default")
        return self.choice(branches, self.compile(default, scope) if default is not None else None, "CASE")

    def _if(self, node: exp.If, scope: Scope) -> Value:
        default = node.args.get("false")
        condition = self.predicate(node.this, scope, "IF condition")
        chosen = (condition, self.compile(node.args["true"], scope))
        return self.choice([chosen], self.compile(default, scope) if default is not None else None, "IF")

    def choice(self, branches: list[tuple[str, Value]], default: Value | None, what: str) -> Value:
        """A CASE whose results share a type."""
        results = [value for _, value in branches] + ([default] if default else [])
        kind = self.shared_type(results, f"All {what} results")
        sql = " ".join(f"WHEN {c} THEN {casts.coerce(v.sql, v.type, kind)}" for c, v in branches)
        otherwise = f" ELSE {casts.coerce(default.sql, default.type, kind)}" if default else ""
        return Value(f"(CASE {sql}{otherwise} END)", kind)

    def shared_type(self, values: list[Value], what: str) -> Type:
        """The type that all values convert to.

        Raises:
            QueryError: There is none.
        """
        kind = UNKNOWN
        for value in values:
            shared = common(kind, value.type)
            if shared is None:
                raise QueryError(
                    "TYPE_MISMATCH", f"line 1:1: {what} must be the same type: {kind}, {value.type}"
                )
            kind = shared
        return kind

    def _cast(self, node: exp.Cast, scope: Scope) -> Value:
        value = self.compile(node.this, scope)
        spelled = node.to.sql("trino")
        target = parse_type(spelled)
        if node.to.this == exp.DType.CHAR:
            raise NotSupportedError("CAST AS char(n) pads with blanks; use varchar")
        if (
            target == TIMESTAMP
            and isinstance(node.this, exp.Literal)
            and re.search(r"\.\d{4,}", node.this.name)
        ):
            raise NotSupportedError(f"'{node.this.name}': timestamps have milliseconds here")
        size = re.fullmatch(r"VARCHAR\((\d+)\)", spelled.upper())
        if target.name == "timestamp with time zone" and value.type == VARCHAR:
            value, target = self.calls.zoned_literal(node.this, value)
        sql = casts.cast(
            value.sql,
            value.type,
            target,
            attempt=isinstance(node, exp.TryCast),
            length=int(size[1]) if size else None,
        )
        origins = value.origins if value.type == target and size is None else ()
        return Value(sql, target, origins)

    def _extract(self, node: exp.Extract, scope: Scope) -> Value:
        part = _PARTS.get(node.name.upper())
        if part is None:
            raise QueryError("SYNTAX_ERROR", f"line 1:1: Invalid EXTRACT field: {node.name}")
        return self.calls.named(part, [node.expression], scope)

    def _at_time_zone(self, node: exp.AtTimeZone, scope: Scope) -> Value:
        return self.calls.named("at_timezone", [node.this, node.args["zone"]], scope)

    def _array(self, node: exp.Array, scope: Scope) -> Value:
        items = [self.compile(item, scope) for item in node.expressions]
        kind = self.shared_type(items, "All ARRAY elements")
        return Value(f"[{', '.join(casts.coerce(i.sql, i.type, kind) for i in items)}]", array(kind))

    def _bracket(self, node: exp.Bracket, scope: Scope) -> Value:
        value = self.compile(node.this, scope)
        if len(node.expressions) != 1 or isinstance(node.expressions[0], exp.Slice):
            raise QueryError(
                "SYNTAX_ERROR",
                "line 1:1: mismatched input ':' in a subscript; use slice(array, start, length)",
            )
        index = self.compile(node.expressions[0], scope)
        if value.type.name == "array" and (index.type.is_integer or index.type == UNKNOWN):
            return Value(f"t_subscript({value.sql}, {index.sql})", value.type.args[0])
        if value.type.name == "map" and common(value.type.args[0], index.type):
            key = casts.coerce(index.sql, index.type, value.type.args[0])
            return Value(f"t_map_at({value.sql}, {key})", value.type.args[1])
        if value.type.name == "row" and index.sql.isdigit():
            position = int(index.sql)
            if not 1 <= position <= len(value.type.args):
                raise QueryError(
                    "INVALID_FUNCTION_ARGUMENT",
                    f"line 1:1: Subscript expression index out of bounds: {position}",
                )
            field = value.type.fields[position - 1] or f"field{position - 1}"
            return Value(f"struct_extract({value.sql}, {text(field)})", value.type.args[position - 1])
        raise QueryError("TYPE_MISMATCH", f"line 1:1: Cannot use {index.type} for subscript of {value.type}")

    def _trim(self, node: exp.Trim, scope: Scope) -> Value:
        position = (node.args.get("position") or "BOTH").upper()
        name = {"BOTH": "trim", "LEADING": "ltrim", "TRAILING": "rtrim"}[position]
        return self.calls.named(name, [node.this, node.args.get("expression")], scope)

    def _exists(self, node: exp.Exists, scope: Scope) -> Value:
        return Value(f"EXISTS ({self.queries.subquery(node.this, scope).sql})", BOOLEAN)

    def _scalar_subquery(self, node: exp.Expr, scope: Scope) -> Value:
        query = self.queries.subquery(node, scope, columns=1)
        return Value(f"({query.sql})", query.columns[0].type)

    def _tuple(self, node: exp.Tuple, scope: Scope) -> Value:
        return self.calls.row(node.expressions, scope)

    def _arithmetic(self, node: exp.Binary, scope: Scope) -> Value:
        left, right = self.compile(node.this, scope), self.compile(node.expression, scope)
        sql, kind = operators.arithmetic(_ARITHMETIC[type(node)], left.sql, left.type, right.sql, right.type)
        return Value(sql, kind)

"""Functions that take a lambda, such as `transform(a, x -> …)` and `reduce(a, start, …)`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from infra.local.athena.errors import NotSupportedError, QueryError
from infra.local.athena.sql import casts
from infra.local.athena.sql.scope import Scope, Value, quoted
from infra.local.athena.sql.types import BOOLEAN, UNKNOWN, Type, array, common, map_of

if TYPE_CHECKING:
    from infra.local.athena.sql.expressions import ExpressionCompiler


class Lambdas:
    """Lambda calls of one statement."""

    def __init__(self, expressions: ExpressionCompiler) -> None:
        self._expressions = expressions

    def call(self, name: str, arguments: Sequence[exp.Expr], scope: Scope) -> Value:
        """Compiles a call.

        Raises:
            QueryError: The arguments do not fit the function.
        """
        expected = {"reduce": 4, "zip_with": 3}.get(name, 2)
        if len(arguments) != expected:
            raise QueryError(
                "FUNCTION_NOT_FOUND", f"line 1:1: {name} takes {expected} arguments, not {len(arguments)}"
            )
        first = self._expressions.compile(arguments[0], scope)
        if name in ("map_filter", "transform_values"):
            return self._over_map(name, first, arguments[1], scope)
        if first.type.name != "array":
            raise QueryError(
                "FUNCTION_NOT_FOUND",
                f"line 1:1: Unexpected parameters ({first.type}, function) for function {name}",
            )
        element = first.type.args[0]
        if name == "reduce":
            return self._reduce(first, element, arguments, scope)
        if name == "zip_with":
            return self._zip_with(first, arguments, scope)
        names, body = self._body(arguments[1], [element], scope)
        if name == "transform":
            return Value(f"list_transform({first.sql}, lambda {names[0]}: {body.sql})", array(body.type))
        if body.type not in (BOOLEAN, UNKNOWN):
            raise QueryError(
                "TYPE_MISMATCH", f"line 1:1: the lambda of {name} must return a boolean, not {body.type}"
            )
        if name == "filter":
            return Value(f"list_filter({first.sql}, lambda {names[0]}: {body.sql})", first.type)
        verdicts = f"list_transform({first.sql}, lambda {names[0]}: {body.sql})"
        # SQL's three values: one certain answer decides, else an unknown one makes it unknown.
        decides, otherwise = ("false", "true") if name == "all_match" else ("true", "false")
        sql = (
            f"CASE WHEN {first.sql} IS NULL THEN NULL WHEN list_contains({verdicts}, {decides}) THEN"
            f" {decides} WHEN len({verdicts}) <> list_count({verdicts}) THEN NULL ELSE {otherwise} END"
        )
        return Value(f"(NOT {sql})" if name == "none_match" else f"({sql})", BOOLEAN)

    def _body(self, node: exp.Expr, types: Sequence[Type], scope: Scope) -> tuple[list[str], Value]:
        if not isinstance(node, exp.Lambda) or len(node.expressions) != len(types):
            raise QueryError(
                "TYPE_MISMATCH",
                f"line 1:1: expected a lambda with {len(types)} parameters: {node.sql('trino')}",
            )
        names = [parameter.name.lower() for parameter in node.expressions]
        inner = scope.with_variables(dict(zip(names, types, strict=True)))
        return [quoted(n) for n in names], self._expressions.compile(node.this, inner)

    def _reduce(self, first: Value, element: Type, arguments: Sequence[exp.Expr], scope: Scope) -> Value:
        start = self._expressions.compile(arguments[1], scope)
        state = start.type
        (s, x), step = self._body(arguments[2], [state, element], scope)
        if step.type != state:
            state = common(state, step.type) or state
            (s, x), step = self._body(arguments[2], [state, element], scope)
        if common(state, step.type) != state:
            raise QueryError(
                "TYPE_MISMATCH",
                f"line 1:1: reduce starts with {state} and continues with {step.type}: cast the start",
            )
        if element != state:
            raise NotSupportedError(f"reduce of {element} into {state}: transform the array to {state} first")
        (last,), final = self._body(arguments[3], [state], scope)
        total = (
            f"list_reduce({first.sql}, lambda {s}, {x}: CAST({step.sql} AS {state.duckdb}), "
            f"{casts.coerce(start.sql, start.type, state)})"
        )
        # The final lambda sees the state once: as the only element of a list.
        return Value(f"list_extract(list_transform([{total}], lambda {last}: {final.sql}), 1)", final.type)

    def _zip_with(self, first: Value, arguments: Sequence[exp.Expr], scope: Scope) -> Value:
        second = self._expressions.compile(arguments[1], scope)
        if second.type.name != "array":
            raise QueryError(
                "FUNCTION_NOT_FOUND", f"line 1:1: Unexpected parameters for function zip_with: {second.type}"
            )
        (a, b), body = self._body(arguments[2], [first.type.args[0], second.type.args[0]], scope)
        at = quoted("zip i")
        picked = body.sql.replace(a, f"list_extract({first.sql}, {at})").replace(
            b, f"list_extract({second.sql}, {at})"
        )
        size = f"greatest(len({first.sql}), len({second.sql}))"
        return Value(f"list_transform(range(1, {size} + 1), lambda {at}: {picked})", array(body.type))

    def _over_map(self, name: str, first: Value, node: exp.Expr, scope: Scope) -> Value:
        if first.type.name != "map":
            raise QueryError(
                "FUNCTION_NOT_FOUND",
                f"line 1:1: Unexpected parameters ({first.type}, function) for function {name}",
            )
        key, value = first.type.args
        (k, v), body = self._body(node, [key, value], scope)
        entry = quoted("map entry")
        sql = body.sql.replace(k, f"{entry}.key").replace(v, f"{entry}.value")
        entries = f"map_entries({first.sql})"
        if name == "map_filter":
            return Value(f"map_from_entries(list_filter({entries}, lambda {entry}: {sql}))", first.type)
        pairs = f"list_transform({entries}, lambda {entry}: struct_pack(key := {entry}.key, value := {sql}))"
        return Value(f"map_from_entries({pairs})", map_of(key, body.type))

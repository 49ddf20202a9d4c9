"""Compiles Trino queries to DuckDB: names resolved, types known, scans left as placeholders."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from sqlglot import exp

from infra.local.athena.errors import NotSupportedError, QueryError
from infra.local.athena.sql import casts
from infra.local.athena.sql.calls import is_aggregate
from infra.local.athena.sql.expressions import ExpressionCompiler
from infra.local.athena.sql.plan import NOTHING, Compiled, Scan
from infra.local.athena.sql.pruning import collect_filters
from infra.local.athena.sql.relations import Relations
from infra.local.athena.sql.scope import Column, Cte, Scope, Value, quoted
from infra.local.athena.sql.types import UNKNOWN, common

_SELECT_PARTS = {
    "with_", "expressions", "from_", "joins", "laterals", "where", "group", "having", "order", "limit",
    "offset", "distinct", "windows",
}  # fmt: skip
_SET_PARTS = {"with_", "this", "expression", "distinct", "order", "limit", "offset"}


def refuse_extras(node: exp.Expr, known: Iterable[str]) -> None:
    """Refuses a node that carries a clause nobody reads: ignoring it would change the answer."""
    extras = [name for name, value in node.args.items() if value and name not in known]
    if extras:
        raise QueryError(
            "SYNTAX_ERROR", f"line 1:1: mismatched input: {', '.join(extras)} in '{node.sql('trino')[:120]}'"
        )


class QueryCompiler:
    """Compiles one statement.

    Args:
        resolve: Finds a table or view: (catalog, database, table) to what `relations` needs.
    """

    def __init__(self, resolve: Callable[[str, str, str], object], database: str) -> None:
        self.scans: list[Scan] = []
        self.database = database
        self.expressions = ExpressionCompiler(self)
        self.relations = Relations(self, resolve)
        self._ctes = 0

    def compile(self, node: exp.Expr, scope: Scope | None = None) -> Compiled:
        """Compiles a query of any form.

        Raises:
            QueryError: Athena would refuse it.
            NotSupportedError: This server would get it wrong.
        """
        scope = scope if scope is not None else Scope()
        if isinstance(node, exp.Subquery):
            return self._parenthesized(node, scope)
        if isinstance(node, exp.Values):
            return self.relations.values(node, scope)
        if isinstance(node, exp.Select):
            return self._select(node, scope)
        if isinstance(node, exp.SetOperation):
            return self._set_operation(node, scope)
        if isinstance(node, exp.Table):
            return self._select(exp.select("*").from_(node), scope)
        raise NotSupportedError(f"{type(node).__name__}: {node.sql('trino')[:120]}")

    def subquery(self, node: exp.Expr, scope: Scope, columns: int | None = None) -> Compiled:
        """Compiles a subquery inside an expression, which may name columns around it."""
        compiled = self.compile(node, scope.inside())
        if columns is not None and len(compiled.columns) != columns:
            raise QueryError(
                "SYNTAX_ERROR",
                "line 1:1: Multiple columns returned by subquery are not yet supported. Found"
                f" {len(compiled.columns)}",
            )
        return compiled

    def _parenthesized(self, node: exp.Subquery, scope: Scope) -> Compiled:
        refuse_extras(node, {"this", "with_", "order", "limit", "offset", "alias"})
        prefix = self._with(node, scope)
        inner = self.compile(node.this, scope)
        if not any(node.args.get(part) for part in ("order", "limit", "offset")):
            return Compiled(f"{prefix}({inner.sql})", inner.columns)
        tail = self._tail(node, scope, list(inner.columns), [c.sql for c in inner.columns], output_only=True)
        return Compiled(f"{prefix}SELECT * FROM ({inner.sql}){tail}", self._limited(node, inner.columns))

    @staticmethod
    def _limited(node: exp.Expr, columns: Sequence[Column]) -> Sequence[Column]:
        """A LIMIT depends on the rows before it: no predicate may reach below."""
        limited = node.args.get("limit") or node.args.get("offset")
        return [replace(c, origins=()) for c in columns] if limited else columns

    # --- WITH

    def _with(self, node: exp.Expr, scope: Scope) -> str:
        clause = node.args.get("with_")
        if clause is None:
            return ""
        if clause.args.get("recursive"):
            raise NotSupportedError("WITH RECURSIVE")
        parts = []
        for cte in clause.expressions:
            refuse_extras(cte, {"this", "alias"})
            name = cte.alias.lower()
            inner = self.compile(cte.this, replace(scope, ctes=dict(scope.ctes)))
            columns = self.relations.renamed(inner.columns, cte.args["alias"])
            self._ctes += 1
            unique = f"{name}~{self._ctes}"
            uses = sum(1 for t in node.find_all(exp.Table) if t.name.lower() == name and not t.args.get("db"))
            if uses > 1:
                # Read by several: a predicate of one reader must not take rows from another.
                columns = [replace(c, origins=()) for c in columns]
            scope.ctes[name] = Cte(tuple(columns), unique)
            parts.append(f"{quoted(unique)} AS ({inner.sql})")
        return f"WITH {', '.join(parts)} "

    # --- SELECT

    def _select(self, node: exp.Select, scope: Scope) -> Compiled:
        refuse_extras(node, _SELECT_PARTS)
        # A parent's columns are seen through `inside()`; here begins a FROM of its own.
        windows = {w.name.lower(): w for w in node.args.get("windows") or []}
        scope = replace(scope, relations=[], merged={}, windows=windows)
        prefix = self._with(node, scope)
        before = len(self.scans)
        source = self._from(node, scope)
        where = node.args.get("where")
        if where is not None and where.this == exp.false():
            # So dbt asks for the columns of a query; Athena reads nothing to answer it.
            for scan in self.scans[before:]:
                scan.filters.append(NOTHING)
        condition = ""
        if where is not None:
            if any(is_aggregate(n) for n in self._own_nodes(where)):
                raise QueryError(
                    "EXPRESSION_NOT_SCALAR",
                    "line 1:1: WHERE clause cannot contain aggregations or window functions",
                )
            condition = f" WHERE {self.expressions.predicate(where.this, scope, 'WHERE clause')}"
            collect_filters(self, where.this, scope)
        outputs, internal, values = self._projections(node, scope)
        group = self._group(node, scope, values)
        having = node.args.get("having")
        if having is not None:
            group += f" HAVING {self.expressions.predicate(having.this, scope, 'HAVING clause')}"
        distinct = ""
        if node.args.get("distinct") is not None:
            if node.args["distinct"].args.get("on"):
                raise QueryError("SYNTAX_ERROR", "line 1:1: mismatched input 'ON' after DISTINCT")
            distinct = "DISTINCT "
        outputs = self._surviving_origins(node, outputs, values)
        listed = ", ".join(f"{v.sql} AS {name}" for v, name in zip(values, internal, strict=True))
        tail = self._tail(node, scope, outputs, [v.sql for v in values], output_only=bool(distinct))
        return Compiled(
            f"{prefix}SELECT {distinct}{listed}{source}{condition}{group}{tail}", self._limited(node, outputs)
        )

    def _from(self, node: exp.Select, scope: Scope) -> str:
        clause = node.args.get("from_")
        if node.args.get("laterals"):
            raise QueryError("SYNTAX_ERROR", "line 1:1: mismatched input 'LATERAL VIEW'")
        if clause is None:
            return ""
        return f" FROM {self.relations.source(clause.this, scope)}" + "".join(
            self.relations.join(join, scope) for join in node.args.get("joins") or []
        )

    def _projections(self, node: exp.Select, scope: Scope) -> tuple[list[Column], list[str], list[Value]]:
        names: list[str] = []
        values: list[Value] = []
        for item in node.expressions:
            if isinstance(item, exp.Star) or (
                isinstance(item, exp.Column) and isinstance(item.this, exp.Star)
            ):
                refuse_extras(item if isinstance(item, exp.Star) else item.this, ())
                alias = item.table.lower() if isinstance(item, exp.Column) else None
                for column in scope.star(alias):
                    names.append(column.name)
                    values.append(Value(column.sql, column.type, column.origins))
                continue
            body = item.this if isinstance(item, exp.Alias) else item
            values.append(self.expressions.compile(body, scope))
            if isinstance(item, exp.Alias):
                names.append(item.alias.lower())
            else:
                names.append(body.name.lower() if isinstance(body, (exp.Column, exp.Dot)) else "")
                if isinstance(body, exp.Dot):
                    names[-1] = body.expression.name.lower()
        internal = self.relations.internal_names(names)
        outputs = [Column(n, v.type, i, v.origins) for n, v, i in zip(names, values, internal, strict=True)]
        return outputs, internal, values

    @staticmethod
    def _own_nodes(node: exp.Expr) -> Iterable[exp.Expr]:
        """The nodes of a clause without those of its subqueries."""
        return node.walk(prune=lambda n: isinstance(n, exp.Query) and n is not node)

    def _aggregates(self, node: exp.Select) -> bool:
        parts: list[exp.Expr] = [*node.expressions]
        if node.args.get("having") is not None:
            parts.append(node.args["having"])
        return any(is_aggregate(n) for part in parts for n in self._own_nodes(part))

    def _surviving_origins(
        self, node: exp.Select, outputs: list[Column], values: Sequence[Value]
    ) -> list[Column]:
        """Keeps an origin only where dropping input rows by it drops whole output rows by it."""
        windows = any(isinstance(n, exp.Window) for item in node.expressions for n in self._own_nodes(item))
        group = node.args.get("group")
        if windows or (group is None and self._aggregates(node)):
            return [replace(c, origins=()) for c in outputs]
        if group is None:
            return outputs
        if any(group.args.get(k) for k in ("grouping_sets", "cube", "rollup")) or any(
            not isinstance(e, (exp.Column, exp.Literal)) for e in group.expressions
        ):
            return [replace(c, origins=()) for c in outputs]
        positions = {int(e.name) for e in group.expressions if isinstance(e, exp.Literal) and not e.is_string}
        named = {e.name.lower() for e in group.expressions if isinstance(e, exp.Column)}
        kept = []
        for i, column in enumerate(outputs, 1):
            by_key = i in positions or (column.origins and column.origins[0].key in named)
            kept.append(column if by_key else replace(column, origins=()))
        return kept

    def _group(self, node: exp.Select, scope: Scope, values: Sequence[Value]) -> str:
        group = node.args.get("group")
        if group is None:
            return ""
        refuse_extras(group, {"expressions", "grouping_sets", "cube", "rollup"})
        items = [self._group_item(e, scope, len(values)) for e in group.expressions]
        return f" GROUP BY {', '.join(items)}"

    def _group_item(self, node: exp.Expr, scope: Scope, width: int) -> str:
        if isinstance(node, exp.Literal) and not node.is_string:
            if not (node.name.isdigit() and 1 <= int(node.name) <= width):
                raise QueryError(
                    "INVALID_COLUMN_REFERENCE",
                    f"line 1:1: GROUP BY position {node.name} is not in select list",
                )
            return node.name
        if isinstance(node, exp.GroupingSets):
            return f"GROUPING SETS ({', '.join(self._group_item(e, scope, width) for e in node.expressions)})"
        if isinstance(node, (exp.Rollup, exp.Cube)):
            word = "ROLLUP" if isinstance(node, exp.Rollup) else "CUBE"
            return f"{word} ({', '.join(self._group_item(e, scope, width) for e in node.expressions)})"
        if isinstance(node, exp.Tuple):
            return f"({', '.join(self._group_item(e, scope, width) for e in node.expressions)})"
        if isinstance(node, exp.Paren):
            return f"({self._group_item(node.this, scope, width)})"
        return self.expressions.compile(node, scope).sql

    # --- ORDER BY, LIMIT

    def _tail(
        self,
        node: exp.Expr,
        scope: Scope,
        outputs: Sequence[Column],
        values: Sequence[str],
        *,
        output_only: bool,
    ) -> str:
        sql = ""
        order = node.args.get("order")
        if order is not None:
            items = [self._order_item(o, scope, outputs, values, output_only) for o in order.expressions]
            sql += f" ORDER BY {', '.join(items)}"
        limit = node.args.get("limit")
        offset = node.args.get("offset")
        if isinstance(limit, exp.Fetch):
            options = limit.args.get("limit_options")
            if options is not None and (options.args.get("with_ties") or options.args.get("percent")):
                raise NotSupportedError("FETCH FIRST … WITH TIES")
            sql += f" LIMIT {self._count(limit.args.get('count') or exp.Literal.number(1))}"
        elif limit is not None:
            refuse_extras(limit, {"expression"})
            if not (isinstance(limit.expression, exp.Column) and limit.expression.name.upper() == "ALL"):
                sql += f" LIMIT {self._count(limit.expression)}"
        if offset is not None:
            sql += f" OFFSET {self._count(offset.expression)}"
        return sql

    @staticmethod
    def _count(node: exp.Expr) -> str:
        if not (isinstance(node, exp.Literal) and node.name.isdigit()):
            raise QueryError(
                "SYNTAX_ERROR", f"line 1:1: mismatched input '{node.sql('trino')}': LIMIT needs a number"
            )
        return node.name

    def _order_item(
        self,
        node: exp.Expr,
        scope: Scope,
        outputs: Sequence[Column],
        values: Sequence[str],
        output_only: bool,
    ) -> str:
        body = node.this if isinstance(node, exp.Ordered) else node
        ordered = self.expressions.calls.ordered
        if isinstance(body, exp.Literal) and not body.is_string:
            if not (body.name.isdigit() and 1 <= int(body.name) <= len(outputs)):
                raise QueryError(
                    "INVALID_COLUMN_REFERENCE",
                    f"line 1:1: ORDER BY position {body.name} is not in select list",
                )
            return ordered(node, scope, body.name)
        if isinstance(body, exp.Column) and len(body.parts) == 1:
            same = [c for c in outputs if c.name == body.name.lower()]
            if len(same) > 1:
                raise QueryError("AMBIGUOUS_NAME", f"line 1:1: Column '{body.name.lower()}' is ambiguous")
            if same:
                return ordered(node, scope, same[0].sql)
        # Inside an expression Trino also reads the names of the output first.
        seen = {
            c.name: Column(c.name, c.type, c.sql if output_only else f"({v})")
            for c, v in zip(outputs, values, strict=True)
            if c.name
        }
        own = replace(scope, merged={**scope.merged, **seen})
        sql = self.expressions.compile(body, own).sql
        if output_only and sql not in values and sql not in {c.sql for c in outputs}:
            raise QueryError(
                "EXPRESSION_NOT_IN_DISTINCT",
                "line 1:1: For SELECT DISTINCT, ORDER BY expressions must appear in select list",
            )
        if output_only and sql in values:
            return ordered(node, scope, str(list(values).index(sql) + 1))
        return ordered(node, scope, sql)

    # --- UNION, INTERSECT, EXCEPT

    def _set_operation(self, node: exp.SetOperation, scope: Scope) -> Compiled:
        refuse_extras(node, _SET_PARTS)
        scope = replace(scope, ctes=dict(scope.ctes))
        prefix = self._with(node, scope)
        left, right = self.compile(node.this, scope), self.compile(node.expression, scope)
        word = {exp.Union: "UNION", exp.Intersect: "INTERSECT", exp.Except: "EXCEPT"}[type(node)]
        if len(left.columns) != len(right.columns):
            raise QueryError(
                "TYPE_MISMATCH",
                f"line 1:1: {word} query has different number of fields: {len(left.columns)},"
                f" {len(right.columns)}",
            )
        columns = []
        for i, (a, b) in enumerate(zip(left.columns, right.columns, strict=True), 1):
            kind = common(a.type, b.type)
            if kind is None:
                raise QueryError(
                    "TYPE_MISMATCH",
                    f"line 1:1: column {i} in {word} query has incompatible types: {a.type}, {b.type}",
                )
            columns.append(
                Column(a.name, kind, a.sql, a.origins + b.origins if a.type == b.type == kind else ())
            )
        all_ = "" if node.args.get("distinct") else " ALL"
        if all_ and word != "UNION":
            raise NotSupportedError(f"{word} ALL")
        body = f"{self._as_types(left, columns)} {word}{all_} {self._as_types(right, columns)}"
        tail = self._tail(node, Scope(ctes=scope.ctes), columns, [c.sql for c in columns], output_only=True)
        return Compiled(f"{prefix}{body}{tail}", self._limited(node, columns))

    @staticmethod
    def _as_types(side: Compiled, columns: Sequence[Column]) -> str:
        if all(b.type in (a.type, UNKNOWN) for a, b in zip(side.columns, columns, strict=True)):
            return f"(SELECT * FROM ({side.sql}))"
        items = []
        for have, want in zip(side.columns, columns, strict=True):
            sql = (
                f"CAST({have.sql} AS {want.type.duckdb})"
                if have.type == UNKNOWN
                else casts.coerce(have.sql, have.type, want.type)
            )
            items.append(f"{sql} AS {want.sql}")
        return f"(SELECT {', '.join(items)} FROM ({side.sql}))"

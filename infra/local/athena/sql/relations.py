"""What may stand in FROM: tables, views, subqueries, VALUES, UNNEST, and their joins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from infra.local.athena.errors import NotSupportedError, QueryError
from infra.local.athena.sql import casts, operators
from infra.local.athena.sql.plan import Compiled, Scan, TableColumn
from infra.local.athena.sql.pruning import collect_filters
from infra.local.athena.sql.scope import Column, Origin, Relation, Scope, Value, quoted
from infra.local.athena.sql.types import BIGINT, UNKNOWN, VARCHAR, common

if TYPE_CHECKING:
    from infra.local.athena.sql.queries import QueryCompiler


@dataclass(frozen=True, slots=True)
class ResolvedTable:
    """A table as the compiler sees it: columns, then partition keys; its Glue record goes to the scan."""

    database: str
    name: str
    columns: Sequence[TableColumn]
    keys: Sequence[TableColumn]
    record: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ResolvedView:
    """A view: its text and the database that unqualified names in it belong to."""

    database: str
    name: str
    query: exp.Expression
    home: str


class Relations:
    """The FROM clauses of one statement."""

    def __init__(self, queries: QueryCompiler, resolve: Callable[[str, str, str], object]) -> None:
        self._queries = queries
        self._resolve = resolve
        self._open_views: list[tuple[str, str]] = []

    def source(self, node: exp.Expr, scope: Scope) -> str:
        """Compiles one item of FROM and adds its columns to the scope.

        Returns:
            DuckDB SQL of the item, with its alias.
        """
        if node.args.get("sample"):
            raise NotSupportedError("TABLESAMPLE")
        if node.args.get("pivots"):
            raise QueryError("SYNTAX_ERROR", "line 1:1: mismatched input 'PIVOT'")
        if isinstance(node, exp.Table):
            sql = self._table(node, scope)
        elif isinstance(node, exp.Unnest):
            return self._unnest(node, scope)
        elif isinstance(node, exp.Lateral):
            return self._lateral(node, scope)
        elif isinstance(node, exp.Values):
            sql = self._derived(self.values(node, scope), node.args.get("alias"), scope)
        elif (
            isinstance(node, exp.Subquery)
            and isinstance(node.this, (exp.Table, exp.Subquery, exp.Unnest))
            and not node.args.get("alias")
        ):
            sql = self.source(node.this, scope)
            sql = f"({sql}{self._joins(node.this, scope)})"
        elif isinstance(node, exp.Subquery):
            inner = self._queries.compile(node.this, Scope(parent=scope.parent, ctes=dict(scope.ctes)))
            sql = self._derived(inner, node.args.get("alias"), scope)
        else:
            raise NotSupportedError(f"{type(node).__name__} in FROM: {node.sql('trino')[:120]}")
        return sql + self._joins(node, scope)

    def _joins(self, node: exp.Expr, scope: Scope) -> str:
        """Joins of a parenthesised table, which sqlglot hangs on the table itself."""
        return "".join(self.join(join, scope) for join in node.args.get("joins") or [])

    # --- joins

    def join(self, node: exp.Join, scope: Scope) -> str:
        """Compiles one JOIN and what it joins."""
        method, side, kind = ((node.args.get(k) or "").upper() for k in ("method", "side", "kind"))
        if method or kind not in ("", "CROSS", "INNER", "OUTER"):
            raise NotSupportedError(f"{method} {kind} JOIN".strip())
        before = len(scope.relations)
        right = self.source(node.this, scope)
        condition = ""
        if node.args.get("using"):
            condition = self._using(node, scope, before, side)
        elif node.args.get("on") is not None:
            condition = f" ON {self._queries.expressions.predicate(node.args['on'], scope, 'JOIN ON clause')}"
            if not side:
                collect_filters(self._queries, node.args["on"], scope)
        if side in ("LEFT", "FULL"):
            scope.relations[before:] = [r.without_origins() for r in scope.relations[before:]]
        if side in ("RIGHT", "FULL"):
            scope.relations[:before] = [r.without_origins() for r in scope.relations[:before]]
        if not condition:
            if side or kind == "INNER":
                raise QueryError("SYNTAX_ERROR", "line 1:1: mismatched input: expecting 'ON' or 'USING'")
            return f" CROSS JOIN {right}"
        return f" {side or 'INNER'} JOIN {right}{condition}"

    def _using(self, node: exp.Join, scope: Scope, before: int, side: str) -> str:
        terms = []
        for identifier in node.args["using"]:
            name = identifier.name.lower()
            left = [c for r in scope.relations[:before] for c in r.columns if c.name == name]
            right = [c for r in scope.relations[before:] for c in r.columns if c.name == name]
            if name in scope.merged:
                left = [scope.merged[name]]
            if len(left) != 1 or len(right) != 1:
                raise QueryError(
                    "COLUMN_NOT_FOUND",
                    f"line 1:1: Column '{name}' is missing from one side of join, or ambiguous",
                )
            a, b = left[0], right[0]
            kind = common(a.type, b.type) or a.type
            terms.append(operators.comparison("=", a.sql, a.type, b.sql, b.type))
            both = f"coalesce({casts.coerce(a.sql, a.type, kind)}, {casts.coerce(b.sql, b.type, kind)})"
            origins = {"": a.origins + b.origins, "LEFT": a.origins, "RIGHT": b.origins}.get(side, ())
            scope.merged[name] = Column(
                name, kind, both if side else a.sql, origins if kind == a.type == b.type else ()
            )
        return f" ON {' AND '.join(terms)}"

    # --- tables, views, CTEs

    def _table(self, node: exp.Table, scope: Scope) -> str:
        if not isinstance(node.this, exp.Identifier):
            raise NotSupportedError(f"the table function {node.this.sql('trino')[:80]}")
        extras = [
            k for k, v in node.args.items() if v and k not in ("this", "db", "catalog", "alias", "joins")
        ]
        if extras:
            raise NotSupportedError(f"{', '.join(extras)} on table {node.name}")
        name, database = node.name.lower(), node.db.lower()
        alias = node.args.get("alias")
        cte = scope.ctes.get(name) if not database else None
        if cte is not None:
            columns = self.renamed(cte.columns, alias)
            return self._add(
                quoted(cte.name), list(cte.columns), columns, alias.name if alias else name, scope
            )
        found = self._resolve(node.catalog.lower(), database or self._queries.database, name)
        if isinstance(found, ResolvedView):
            return self._view(found, node, scope)
        assert isinstance(found, ResolvedTable)
        return self._scan(found, node, scope)

    def _view(self, view: ResolvedView, node: exp.Table, scope: Scope) -> str:
        key = (view.database, view.name)
        if key in self._open_views:
            raise QueryError(
                "VIEW_IS_RECURSIVE", f"line 1:1: View '{view.database}.{view.name}' is recursive"
            )
        outer, self._queries.database = self._queries.database, view.home
        self._open_views.append(key)
        try:
            inner = self._queries.compile(view.query.copy(), Scope())
        except QueryError as error:
            raise QueryError(
                "INVALID_VIEW",
                f"line 1:1: Failed analyzing stored view 'awsdatacatalog.{view.database}.{view.name}':"
                f" {error}",
            ) from error
        finally:
            self._queries.database = outer
            self._open_views.pop()
        alias = node.args.get("alias")
        name = alias.name if alias else view.name
        return self._add(
            f"({inner.sql})",
            list(inner.columns),
            self.renamed(inner.columns, alias),
            name,
            scope,
            schema="" if alias else view.database,
        )

    def _scan(self, table: ResolvedTable, node: exp.Table, scope: Scope) -> str:
        number = len(self._queries.scans)
        scan = Scan(
            number, table.database, table.name, f'"scan {number} \u27ea{table.name}\u27eb"', table.record
        )
        self._queries.scans.append(scan)
        keys = {k.name for k in table.keys}
        columns = [
            Column(c.name, c.type, quoted(c.name), (Origin(number, c.name),) if c.name in keys else ())
            for c in (*table.columns, *table.keys)
        ]
        alias = node.args.get("alias")
        named = self.renamed(columns, alias)
        hidden = (
            [Column("$path", VARCHAR, quoted("$path"), hidden=True)]
            if table.database != "information_schema"
            else []
        )
        schema = "" if alias else table.database
        return self._add(
            scan.token,
            columns + hidden,
            [*named, *hidden],
            alias.name if alias else table.name,
            scope,
            schema=schema,
        )

    def _derived(self, inner: Compiled, alias: exp.TableAlias | None, scope: Scope) -> str:
        name = alias.name if alias and alias.this else f"derived {len(scope.relations)}"
        return self._add(
            f"({inner.sql})", list(inner.columns), self.renamed(inner.columns, alias), name, scope
        )

    def _add(
        self,
        sql: str,
        inner: Sequence[Column],
        named: Sequence[Column],
        alias: str,
        scope: Scope,
        schema: str = "",
    ) -> str:
        """Puts a relation into the scope; its DuckDB columns keep the names they have inside."""
        alias = alias.lower()
        if any(r.alias == alias for r in scope.relations):
            taken = quoted(f"{alias} {len(scope.relations)}")
        else:
            taken = quoted(alias)
        columns = tuple(replace(c, sql=f"{taken}.{i.sql}") for c, i in zip(named, inner, strict=True))
        scope.relations.append(Relation(alias, columns, schema))
        return f"{sql} AS {taken}"

    @staticmethod
    def renamed(columns: Sequence[Column], alias: exp.TableAlias | None) -> list[Column]:
        """Applies the column names of `AS t (a, b)`.

        Raises:
            QueryError: The list has another length.
        """
        names = [c.name.lower() for c in alias.args.get("columns") or []] if alias else []
        if not names:
            return list(columns)
        if len(names) != len(columns):
            raise QueryError(
                "MISMATCHED_COLUMN_ALIASES",
                f"line 1:1: Column alias list has {len(names)} entries but '{alias.name if alias else ''}'"
                f" has {len(columns)} columns available",
            )
        return [replace(c, name=n) for c, n in zip(columns, names, strict=True)]

    @staticmethod
    def internal_names(names: Sequence[str]) -> list[str]:
        """DuckDB names for output columns: unique even where Trino's repeat or are missing."""
        seen: dict[str, int] = {}
        internal = []
        for i, name in enumerate(names):
            base = name or f"_col{i}"
            seen[base] = seen.get(base, 0) + 1
            internal.append(quoted(base if seen[base] == 1 else f"{base} {seen[base]}"))
        return internal

    # --- VALUES, UNNEST, LATERAL

    def values(self, node: exp.Values, scope: Scope) -> Compiled:
        """Compiles `VALUES (1, 'a'), …`."""
        rows = []
        for row in node.expressions:
            items = (
                row.expressions
                if isinstance(row, exp.Tuple)
                else [row.this if isinstance(row, exp.Paren) else row]
            )
            rows.append([self._queries.expressions.compile(item, scope) for item in items])
        if len({len(row) for row in rows}) != 1:
            raise QueryError("TYPE_MISMATCH", "line 1:1: Values rows have mismatched sizes")
        kinds = [
            self._queries.expressions.shared_type(list(column), "Values rows")
            for column in zip(*rows, strict=True)
        ]
        lines = ", ".join(
            "("
            + ", ".join(
                f"CAST({casts.coerce(v.sql, v.type, k)} AS {k.duckdb})" if k != UNKNOWN else v.sql
                for v, k in zip(row, kinds, strict=True)
            )
            + ")"
            for row in rows
        )
        names = [quoted(f"_col{i}") for i in range(len(kinds))]
        columns = [Column("", k, n) for k, n in zip(kinds, names, strict=True)]
        return Compiled(f'SELECT * FROM (VALUES {lines}) AS "values"({", ".join(names)})', columns)

    def _unnest(self, node: exp.Unnest, scope: Scope) -> str:
        values = [self._queries.expressions.compile(e, scope) for e in node.expressions]
        columns: list[tuple[Value, str]] = []  # (value with the column's type, DuckDB list)
        for value in values:
            columns += self._unnested(value)
        position = node.args.get("offset")
        alias = node.args.get("alias")
        kinds = [v.type for v, _ in columns] + ([BIGINT] if position else [])
        lists = [sql for _, sql in columns]
        longest = (
            f"greatest({', '.join(f'coalesce(len({s}), 0)' for s in lists)})"
            if len(lists) > 1
            else f"coalesce(len({lists[0]}), 0)"
        )
        names = [f"u{i}" for i in range(len(kinds))]
        items = [f"list_extract({sql}, i) AS {n}" for sql, n in zip(lists, names, strict=False)]
        if position:
            items.append(f"CAST(i AS BIGINT) AS {names[-1]}")
        inner = f"LATERAL (SELECT {', '.join(items)} FROM (SELECT unnest(range(1, {longest} + 1)) AS i))"
        wanted = [c.name.lower() for c in alias.args.get("columns") or []] if alias else []
        if position is not None and isinstance(position, exp.Identifier) and len(wanted) == len(kinds) - 1:
            wanted.append(position.name.lower())
        if wanted and len(wanted) != len(kinds):
            raise QueryError(
                "MISMATCHED_COLUMN_ALIASES",
                f"line 1:1: Column alias list has {len(wanted)} entries but UNNEST has {len(kinds)} columns"
                " available",
            )
        own = [Column("", k, quoted(n)) for k, n in zip(kinds, names, strict=True)]
        named = [replace(c, name=w) for c, w in zip(own, wanted, strict=True)] if wanted else own
        return self._add(
            inner, own, named, alias.name if alias and alias.this else f"unnest {len(scope.relations)}", scope
        )

    @staticmethod
    def _unnested(value: Value) -> list[tuple[Value, str]]:
        if value.type.name == "map":
            key, item = value.type.args
            return [(Value("", key), f"map_keys({value.sql})"), (Value("", item), f"map_values({value.sql})")]
        if value.type.name != "array":
            raise QueryError("TYPE_MISMATCH", f"line 1:1: Cannot unnest type: {value.type}")
        element = value.type.args[0]
        if element.name != "row":
            return [(Value("", element), value.sql)]
        fields = []
        for i, (kind, name) in enumerate(zip(element.args, element.fields, strict=True)):
            field = (name or f"field{i}").replace("'", "''")
            fields.append(
                (Value("", kind), f"list_transform({value.sql}, lambda t_r: struct_extract(t_r, '{field}'))")
            )
        return fields

    def _lateral(self, node: exp.Lateral, scope: Scope) -> str:
        if not isinstance(node.this, exp.Subquery):
            raise NotSupportedError(f"LATERAL {node.this.sql('trino')[:80]}")
        inner = self._queries.compile(node.this.this, scope.inside())
        alias = node.args.get("alias")
        columns = [replace(c, origins=()) for c in inner.columns]
        name = alias.name if alias else f"lateral {len(scope.relations)}"
        return self._add(f"LATERAL ({inner.sql})", columns, self.renamed(columns, alias), name, scope)

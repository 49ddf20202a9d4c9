"""Which predicates may decide, before any file is read, that a partition cannot matter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from infra.local.athena.sql.scope import Column, Scope

if TYPE_CHECKING:
    from infra.local.athena.sql.queries import QueryCompiler

_VOLATILE = frozenset(("random", "rand", "uuid", "now"))


def collect_filters(queries: QueryCompiler, condition: exp.Expr, scope: Scope) -> None:
    """Hands every conjunct that speaks of partition keys only to the scans they come from.

    A conjunct qualifies when each of its columns is, unchanged, a partition key of the same
    scan, it holds no subquery and it would give the same answer twice. Columns lose their
    origin in `queries` wherever a row's fate depends on other rows (aggregates, windows,
    LIMIT, the missing side of an outer join, a CTE with several readers).

    Args:
        queries: The statement's compiler, whose scans collect the filters.
        condition: WHERE, or ON of an inner join.
        scope: The names it sees.
    """
    for term in condition.flatten() if isinstance(condition, exp.And) else [condition]:
        conjunct = term.unnest()
        if isinstance(conjunct, exp.And):
            collect_filters(queries, conjunct, scope)
            continue
        columns = _columns(conjunct, scope)
        if columns is None:
            continue
        shared = set.intersection(*({o.scan for o in c.origins} for c in columns)) if columns else set()
        for scan in shared:
            # A self-join of a UNION may bring a scan twice; one origin each keeps it unambiguous.
            if all(sum(o.scan == scan for o in c.origins) == 1 for c in columns):
                queries.expressions.pruning_scan = scan
                try:
                    sql = queries.expressions.compile(conjunct, scope).sql
                finally:
                    queries.expressions.pruning_scan = None
                queries.scans[scan].filters.append(sql)


def _columns(node: exp.Expr, scope: Scope) -> list[Column] | None:
    """The columns of a predicate, or None when it may not prune."""
    columns = []
    for inner in node.walk():
        if isinstance(inner, (exp.Query, exp.Lambda, exp.Window)):
            return None
        if isinstance(inner, exp.Anonymous) and str(inner.this).lower() in _VOLATILE:
            return None
        if isinstance(inner, exp.Column):
            own = Scope(relations=scope.relations, merged=scope.merged)
            found = own.find([p.name.lower() for p in inner.parts])
            if found is None or found[1] or not found[0].origins:
                return None
            columns.append(found[0])
    return columns

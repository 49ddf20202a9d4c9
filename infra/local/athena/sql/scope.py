"""What names mean at one place of a query: relations, their columns, and where values come from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from sqlglot import exp

from infra.local.athena.errors import QueryError
from infra.local.athena.sql.types import Type


@dataclass(frozen=True, slots=True)
class Origin:
    """A column is, unchanged, the partition key of one scan: predicates on it may prune files.

    Attributes:
        scan: Number of the scan in its query.
        key: Name of the partition key.
    """

    scan: int
    key: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a query can name.

    Attributes:
        name: Lower-case name; empty when nothing can name it.
        type: Its Trino type.
        sql: How DuckDB names it from inside the query.
        origins: Partition keys that it passes through, one for each branch of a UNION.
        hidden: `"$path"`: can be named, is not part of `*`.
    """

    name: str
    type: Type
    sql: str
    origins: tuple[Origin, ...] = ()
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Value:
    """A compiled expression.

    Attributes:
        sql: DuckDB's.
        type: Trino's.
        origins: Set when the expression is a plain partition key.
    """

    sql: str
    type: Type
    origins: tuple[Origin, ...] = ()


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, subquery, CTE or UNNEST in FROM.

    Attributes:
        alias: Lower-case name by which its columns are qualified.
        columns: Its columns, in order.
        schema: Glue database of a table without alias, so that `db.table.column` can be read.
    """

    alias: str
    columns: tuple[Column, ...]
    schema: str = ""

    def without_origins(self) -> Relation:
        """The same relation on the side of an outer join that may be missing."""
        return replace(self, columns=tuple(replace(c, origins=()) for c in self.columns))


@dataclass(frozen=True, slots=True)
class Cte:
    """A WITH query that is in reach.

    Attributes:
        columns: Its output, `sql` being DuckDB's name of each.
        name: DuckDB's name of the CTE, unique in the statement.
    """

    columns: tuple[Column, ...]
    name: str


@dataclass(slots=True)
class Scope:
    """The names in reach of an expression.

    Attributes:
        relations: What FROM has listed so far.
        merged: Columns that USING has made one.
        parent: The query around this one, for correlation.
        ctes: WITH queries in reach.
        variables: Parameters of the lambdas around the expression.
        windows: What the query's WINDOW clause names.
    """

    relations: list[Relation] = field(default_factory=list)
    merged: dict[str, Column] = field(default_factory=dict)
    parent: Scope | None = None
    ctes: dict[str, Cte] = field(default_factory=dict)
    variables: dict[str, Type] = field(default_factory=dict)
    windows: dict[str, exp.Window] = field(default_factory=dict)

    def inside(self) -> Scope:
        """An empty scope for a subquery of this one."""
        return Scope(parent=self, ctes=dict(self.ctes))

    def with_variables(self, variables: dict[str, Type]) -> Scope:
        """This scope inside a lambda."""
        return replace(self, variables={**self.variables, **variables})

    def find(self, parts: list[str]) -> tuple[Column, list[str]] | None:
        """Resolves a dotted name.

        Args:
            parts: Lower-case identifiers: `[column]`, `[alias, column]`, `[column, field]` …

        Returns:
            The column and the parts left over, which are fields of a row; None if unknown.

        Raises:
            QueryError: Two relations have the column.
        """
        for taken, candidates in self._readings(parts):
            if len(candidates) > 1:
                raise QueryError("AMBIGUOUS_NAME", f"line 1:1: Column '{'.'.join(parts)}' is ambiguous")
            if candidates:
                return candidates[0], parts[taken:]
        return self.parent.find(parts) if self.parent else None

    def _readings(self, parts: list[str]) -> Iterator[tuple[int, list[Column]]]:
        if len(parts) >= 3:
            schema, alias, name = parts[:3]
            yield (
                3,
                [
                    c
                    for r in self.relations
                    if (r.schema, r.alias) == (schema, alias)
                    for c in r.columns
                    if c.name == name
                ],
            )
        if len(parts) >= 2:
            yield (
                2,
                [c for r in self.relations if r.alias == parts[0] for c in r.columns if c.name == parts[1]],
            )
        if parts[0] in self.merged:
            yield 1, [self.merged[parts[0]]]
        yield 1, [c for r in self.relations for c in r.columns if c.name == parts[0]]

    def star(self, alias: str | None) -> list[Column]:
        """The columns of `*` or `alias.*`.

        Raises:
            QueryError: No relation has the alias, or there is nothing to list.
        """
        chosen = [r for r in self.relations if alias is None or r.alias == alias]
        if not chosen:
            what = (
                f"Unable to resolve reference {alias}"
                if alias
                else "SELECT * not allowed in queries without FROM clause"
            )
            raise QueryError("SYNTAX_ERROR", f"line 1:1: {what}")
        merged = list(self.merged.values()) if alias is None else []
        names = set(self.merged) if alias is None else set()
        return merged + [c for r in chosen for c in r.columns if not c.hidden and c.name not in names]


def quoted(name: str) -> str:
    """A DuckDB identifier."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A DuckDB string literal."""
    return "'" + value.replace("'", "''") + "'"

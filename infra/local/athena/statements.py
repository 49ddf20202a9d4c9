"""One statement from text to outcome: which kind it is, and who runs it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlglot import exp

from infra.local.athena.catalog import view_record
from infra.local.athena.context import Outcome, StatementContext, output_columns
from infra.local.athena.errors import NotSupportedError, QueryError
from infra.local.athena.hive.ddl import DdlRunner
from infra.local.athena.hive.show import ShowRunner
from infra.local.athena.information_schema import CATALOG
from infra.local.athena.results import lines, rendered
from infra.local.athena.sql import dialect
from infra.local.athena.sql.dialect import Token, TokenType
from infra.local.athena.sql.plan import TableColumn
from infra.local.athena.write_statements import WriteStatements, refuse_unnamed

_NOT_HERE = (
    "PREPARE", "EXECUTE", "DEALLOCATE", "OPTIMIZE", "VACUUM", "CALL", "GRANT", "SET", "USE", "ANALYZE",
)  # fmt: skip


class StatementRunner:
    """Runs one statement.

    Args:
        context: What it works with.
    """

    def __init__(self, context: StatementContext) -> None:
        self._context = context
        self._writes = WriteStatements(context)

    def run(self, sql: str) -> Outcome:
        """Runs the statement.

        Raises:
            QueryError: It fails in Athena, or this server refuses it.
            QueryStoppedError: It was cancelled.
        """
        outcome = self._dispatch(sql)
        outcome.bytes_scanned = self._context.bytes_scanned
        return outcome

    def _dispatch(self, sql: str) -> Outcome:
        kind, tokens = statement_kind(sql)
        if kind in ("SHOW", "DESCRIBE", "DESC"):
            shown = ShowRunner(self._context.catalog, self._context.database).run(sql)
            if shown is not None:
                return Outcome("UTILITY", kind, shown)
        if kind == "EXPLAIN":
            return self._explain(sql)
        if kind == "UNLOAD":
            return self._writes.unload(sql, tokens)
        if kind in ("ALTER", "MSCK", "DROP") or (kind == "CREATE" and not _has_query(tokens)):
            ran = DdlRunner(self._context.catalog, self._context.store, self._context.database).run(sql)
            if ran is not None:
                return Outcome("DDL", f"{kind}_{tokens[1].text.upper()}" if len(tokens) > 1 else kind, ran)
        if kind in _NOT_HERE:
            raise NotSupportedError(f"{kind} statements")
        return self._tree(dialect.parse(sql), sql)

    def _tree(self, tree: exp.Expression, sql: str) -> Outcome:
        if isinstance(tree, exp.Create):
            kind = str(tree.args.get("kind")).upper()
            if kind == "VIEW":
                return self._create_view(tree, sql)
            if kind == "TABLE" and tree.expression is not None:
                return self._writes.create_table_as(tree)
        if isinstance(tree, exp.Insert):
            return self._writes.insert(tree)
        if isinstance(tree, (exp.Delete, exp.Update, exp.Merge)):
            raise NotSupportedError(
                f"{type(tree).__name__.upper()} needs an Iceberg table: this server has Hive tables only"
            )
        if isinstance(tree, (exp.Query, exp.Values)):
            return self._select(tree)
        raise QueryError("SYNTAX_ERROR", f"line 1:1: mismatched input '{sql.split(maxsplit=1)[0]}'")

    def _select(self, tree: exp.Expr) -> Outcome:
        sql, compiled = self._context.bound(tree)
        columns = output_columns(compiled)
        return Outcome("DML", "SELECT", rendered(self._context.session.arrow(sql), columns))

    def _explain(self, sql: str) -> Outcome:
        match = re.match(r"\s*EXPLAIN\s*(\((?:\s*\w+\s+\w+\s*,?)*\)|ANALYZE\b)?", _uncommented(sql), re.I)
        assert match is not None  # its first token is EXPLAIN
        if (match[1] or "").upper() == "ANALYZE":
            raise NotSupportedError("EXPLAIN ANALYZE")
        query = _uncommented(sql)[match.end() :]
        compiler, compiled = self._context.compile(dialect.parse(query))
        plan = ["Query Plan", f"- Output[columnNames = {[c.name for c in output_columns(compiled)]}]"]
        for scan in compiler.scans:
            plan.append(f"    - TableScan[table = {CATALOG}:{scan.database}:{scan.table}]")
            plan += [f"          partition predicate: {f}" for f in scan.filters]
        return Outcome("UTILITY", "EXPLAIN", lines("Query Plan", plan))

    def _create_view(self, tree: exp.Create, sql: str) -> Outcome:
        target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
        if isinstance(tree.this, exp.Schema):
            raise QueryError(
                "SYNTAX_ERROR", "line 1:1: mismatched input '(': a view's columns are named in its query"
            )
        database, name = (target.db or self._context.database).lower(), target.name.lower()
        _, compiled = self._context.compile(tree.expression)
        columns = [TableColumn(c.name, c.type) for c in output_columns(compiled)]
        refuse_unnamed(compiled)
        existing = self._context.catalog.find(database, name)
        if existing is not None and (
            existing.get("TableType") != "VIRTUAL_VIEW" or not tree.args.get("replace")
        ):
            raise QueryError(
                "TABLE_ALREADY_EXISTS", f"line 1:1: '{CATALOG}.{database}.{name}' already exists"
            )
        text = sql[_query_start(dialect.tokens_of(sql)) :].strip().rstrip(";")
        self._context.catalog.put_table(
            database, view_record(name, text, self._context.database, columns), replace=existing is not None
        )
        return Outcome("DDL", "CREATE_VIEW", lines("result", []))


def statement_kind(sql: str) -> tuple[str, list[Token]]:
    """The first word of a statement, and its tokens where Trino's grammar can read them."""
    if re.match(r"EXPLAIN\b", _uncommented(sql), re.I):  # sqlglot would take the rest as one string
        return "EXPLAIN", []
    try:
        tokens = dialect.tokens_of(sql)
    except QueryError:
        # Hive's DDL has strings and marks that are not Trino's.
        words = sql.split()
        if not words or words[0].upper() not in (
            "CREATE",
            "ALTER",
            "DROP",
            "MSCK",
            "SHOW",
            "DESCRIBE",
            "DESC",
        ):
            raise
        return words[0].upper(), []
    if not tokens:
        raise QueryError("SYNTAX_ERROR", "line 1:1: the query is empty")
    return tokens[0].text.upper().split()[0], tokens


def _uncommented(sql: str) -> str:
    """The statement without the comments before it."""
    return re.sub(r"\A(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*", "", sql, flags=re.S)


def _has_query(tokens: Sequence[Token]) -> bool:
    """CREATE … AS SELECT and CREATE VIEW go to Trino's engine, other DDL to Hive's."""
    return any(
        t.token_type in (TokenType.SELECT, TokenType.VALUES, TokenType.WITH) and t.text.upper() != "WITH"
        for t in tokens
    ) or any(t.token_type == TokenType.VIEW for t in tokens[:4])


def _query_start(tokens: Sequence[Token]) -> int:
    """Where the query of CREATE VIEW begins: after its first AS."""
    for token in tokens:
        if token.token_type == TokenType.ALIAS:
            return token.end + 1
    raise QueryError("SYNTAX_ERROR", "line 1:1: CREATE VIEW needs AS")

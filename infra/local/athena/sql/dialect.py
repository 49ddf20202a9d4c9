"""Reads Trino SQL into sqlglot's tree, keeping what the author wrote.

sqlglot accepts every dialect's functions and operators at once. Here a function call stays the
name that was written, so that `functions` can decide whether Athena has it, and operators of
other dialects are refused before they are parsed.
"""

from __future__ import annotations

import itertools
import re
from typing import Any, ClassVar, cast

import sqlglot
from sqlglot import exp
from sqlglot.dialects.trino import Trino
from sqlglot.errors import ErrorLevel, ParseError, TokenError
from sqlglot.parsers.athena import AthenaTrinoParser
from sqlglot.tokenizer_core import Token, TokenType

from infra.local.athena.errors import QueryError

__all__ = ["MAX_QUERY_BYTES", "Token", "TokenType", "parse", "tokens_of"]

MAX_QUERY_BYTES = 262_144  # https://docs.aws.amazon.com/athena/latest/ug/service-limits.html

_FOREIGN_OPERATORS = frozenset(
    ("::", "==", "->>", "#>", "#>>", "<=>", "**", "~", "&", "^", "@>", "<@", "?|", "~~")
)
_SPECIAL_SYNTAX = ("CAST", "TRY_CAST", "EXTRACT", "POSITION", "TRIM", "SUBSTRING")


class _TrinoParser(AthenaTrinoParser):
    FUNCTIONS: ClassVar[dict[str, Any]] = {}
    FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
        name: parser for name, parser in AthenaTrinoParser.FUNCTION_PARSERS.items() if name in _SPECIAL_SYNTAX
    }


class _Trino(Trino):
    # Subscripts stay as written: sqlglot would shift some of them to count from zero.
    INDEX_OFFSET = 0


_DIALECT = _Trino()


def tokens_of(sql: str) -> list[Token]:
    """Splits a statement into tokens.

    Raises:
        QueryError: A string or comment is not closed, or an operator is not Trino's.
    """
    try:
        tokens = _DIALECT.tokenize(sql)
    except TokenError as error:
        raise QueryError("SYNTAX_ERROR", f"line 1:1: {error}") from error
    for token in tokens:
        if token.text in _FOREIGN_OPERATORS and token.token_type not in (
            TokenType.STRING,
            TokenType.IDENTIFIER,
        ):
            raise QueryError(
                "SYNTAX_ERROR", f"line {token.line}:{token.col}: mismatched input '{token.text}'"
            )
    for token, following in itertools.pairwise(tokens):
        if token.token_type == TokenType.INTERVAL and (
            following.token_type == TokenType.NUMBER
            or (
                following.token_type == TokenType.STRING
                and not re.fullmatch(r"\s*[+-]?\d+\s*", following.text)
            )
        ):
            raise QueryError(
                "SYNTAX_ERROR",
                f"line {token.line}:{token.col}: mismatched input '{following.text}': write INTERVAL '1' DAY",
            )
    return tokens


def parse(sql: str) -> exp.Expression:
    """Parses one Trino statement.

    Raises:
        QueryError: It is no statement, or more than one.
    """
    tokens = tokens_of(sql)
    while tokens and tokens[-1].token_type == TokenType.SEMICOLON:
        tokens.pop()
    if any(t.token_type == TokenType.SEMICOLON for t in tokens):
        raise QueryError("SYNTAX_ERROR", "Only one sql statement is allowed. Split the query at ';'")
    if not tokens:
        raise QueryError("SYNTAX_ERROR", "line 1:1: the query is empty")
    parser = _TrinoParser(dialect=_DIALECT, error_level=ErrorLevel.RAISE)
    try:
        tree = parser.parse(_typed_decimals(tokens), sql)[0]
    except ParseError as error:
        first = error.errors[0] if error.errors else {}
        where = f"line {first.get('line', 1)}:{first.get('col', 1)}"
        raise QueryError(
            "SYNTAX_ERROR", f"{where}: {first.get('description', error)} near '{first.get('highlight', '')}'"
        ) from error
    except (sqlglot.errors.SqlglotError, RecursionError) as error:
        raise QueryError("SYNTAX_ERROR", f"line 1:1: {error}") from error
    if tree is None:
        raise QueryError("SYNTAX_ERROR", "line 1:1: the query is empty")
    return cast(exp.Expression, tree)


def _typed_decimals(tokens: list[Token]) -> list[Token]:
    """`DECIMAL '1.50'` is a literal of type decimal(3,2), which a CAST to DECIMAL would round."""
    kept: list[Token] = []
    for token in tokens:
        before = kept[-1] if kept else None
        if token.token_type == TokenType.STRING and before and before.text.upper() == "DECIMAL":
            kept[-1] = Token(TokenType.NUMBER, token.text, token.line, token.col, token.start, token.end)
        else:
            kept.append(token)
    return kept

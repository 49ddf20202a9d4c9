"""Date patterns of MySQL (`date_format`, `date_parse`) and Joda (`format_datetime`) for DuckDB."""

from __future__ import annotations

import re

from infra.local.athena.errors import NotSupportedError, QueryError
from infra.local.athena.sql.scope import text

# https://trino.io/docs/current/functions/datetime.html#mysql-date-functions
_MYSQL = {
    "a": "%a", "b": "%b", "d": "%d", "e": "%-d", "f": "%f", "H": "%H", "h": "%I", "I": "%I", "i": "%M",
    "j": "%j", "k": "%-H", "l": "%-I", "M": "%B", "m": "%m", "c": "%-m", "p": "%p",
    "r": "%I:%M:%S %p", "S": "%S", "s": "%S", "T": "%H:%M:%S", "v": "%V", "W": "%A",
    "Y": "%Y", "y": "%y", "x": "%G", "%": "%%",
}  # fmt: skip
_ONLY_PRINTING = frozenset("vx")
# DuckDB parses a number with or without a leading zero under the padded name only.
_PARSING = {"e": "%d", "k": "%H", "l": "%I", "c": "%m"}
# Trino itself refuses these: https://trino.io/docs/current/functions/datetime.html
_REFUSED = frozenset("DUuVwX")

_JODA = {
    "yyyy": "%Y", "YYYY": "%Y", "y": "%Y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%-m",
    "dd": "%d", "d": "%-d", "HH": "%H", "H": "%-H", "hh": "%I", "h": "%-I", "mm": "%M", "m": "%-M",
    "ss": "%S", "s": "%-S", "SSS": "%g", "EEEE": "%A", "EEE": "%a", "E": "%a", "a": "%p",
    "D": "%-j", "DDD": "%j", "xxxx": "%G", "ww": "%V", "w": None, "e": "%u",
}  # fmt: skip


def mysql_pattern(pattern: str, *, parsing: bool = False) -> str:
    """A MySQL pattern as one for DuckDB.

    Raises:
        QueryError: Trino has no such specifier.
        NotSupportedError: This server cannot honour it.
    """
    parts = []
    for literal, letter in re.findall(r"([^%]+)|%(.)", pattern):
        if literal:
            parts.append(literal)
            continue
        if letter in _REFUSED:
            raise QueryError(
                "INVALID_FUNCTION_ARGUMENT", f"line 1:1: %{letter} not supported in date format string"
            )
        if parsing and letter in _ONLY_PRINTING:
            raise NotSupportedError(f"date_parse with %{letter}")
        parts.append((_PARSING.get(letter) if parsing else None) or _MYSQL.get(letter, letter))
    return "".join(parts)


def mysql_to_text(sql: str, pattern: str) -> str:
    """`date_format` of a naive date or timestamp."""
    return f"strftime({sql}, {text(mysql_pattern(pattern))})"


_JODA_TOKEN = re.compile(r"'((?:[^']|'')*)'|(([A-Za-z])\3*)|([^A-Za-z']+)")


def joda_pattern(pattern: str, zone: str = "UTC") -> str:
    """A Joda pattern as one for DuckDB.

    Raises:
        NotSupportedError: It holds letters that DuckDB cannot print the same way.
    """
    out = []
    for token in _JODA_TOKEN.finditer(pattern):
        letters = token[2]
        if not letters:
            literal = token[4] if token[1] is None else (token[1] or "'").replace("''", "'")
            out.append(literal.replace("%", "%%"))
            continue
        known = _JODA.get(letters)
        if letters in ("Z", "ZZ", "ZZZ", "z") and zone == "UTC":
            known = {"Z": "+0000", "ZZ": "+00:00"}.get(letters, "UTC")
        if known is None:
            raise NotSupportedError(f"the date pattern letters '{letters}' in '{pattern}'")
        out.append(known)
    return "".join(out)


def joda_to_text(sql: str, pattern: str, zone: str) -> str:
    """`format_datetime` of a naive date or timestamp that stands in `zone`."""
    return f"strftime({sql}, {text(joda_pattern(pattern, zone))})"

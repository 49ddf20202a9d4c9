"""The types of Athena's engine, and their names in Trino, Hive (Glue) and DuckDB."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from infra.local.athena.errors import NotSupportedError, QueryError


@dataclass(frozen=True, slots=True)
class Type:
    """A Trino type.

    Attributes:
        name: Trino's name without parameters: `bigint`, `decimal`, `array`, `row` …
        args: Element type of an array, key and value of a map, fields of a row.
        fields: Names of a row's fields, empty strings where a field has none.
        precision: Digits of a decimal.
        scale: Digits after the point of a decimal.
    """

    name: str
    args: tuple[Type, ...] = ()
    fields: tuple[str, ...] = ()
    precision: int = 0
    scale: int = 0

    def __str__(self) -> str:
        """The type as Trino prints it."""
        return _render(self, _TRINO, "array({0})", "map({0}, {1})", "row", "{name} {type}")

    @property
    def glue(self) -> str:
        """The type as the Glue catalog holds it.

        Raises:
            QueryError: Hive has no such type.
        """
        unsupported = self.name in _NO_HIVE
        if unsupported:
            raise QueryError("NOT_SUPPORTED", f"Unsupported Hive type: {self}")
        return _render(self, _HIVE, "array<{0}>", "map<{0},{1}>", "struct", "{name}:{type}")

    @property
    def duckdb(self) -> str:
        """The DuckDB type that carries this one."""
        return _render(self, _DUCKDB, "{0}[]", "MAP({0}, {1})", "STRUCT", '"{name}" {type}')

    @property
    def athena(self) -> str:
        """The name in a result's column info, without parameters."""
        return {"real": "float"}.get(self.name, self.name)

    @property
    def is_integer(self) -> bool:
        """Whether the type is one of the four integers."""
        return self.name in _INTEGERS

    @property
    def is_number(self) -> bool:
        """Whether arithmetic applies."""
        return self.is_integer or self.name in ("real", "double", "decimal")

    @property
    def is_datetime(self) -> bool:
        """Whether the type is a date or a timestamp of either kind."""
        return self.name in ("date", "timestamp", "timestamp with time zone")

    @property
    def is_interval(self) -> bool:
        """Whether the type is one of the two intervals."""
        return self.name.startswith("interval")


_INTEGERS = ("tinyint", "smallint", "integer", "bigint")
_INTEGER_DIGITS = {"tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19}
_TRINO = {"timestamp": "timestamp(3)", "timestamp with time zone": "timestamp(3) with time zone"}
_HIVE = {"integer": "int", "real": "float", "varchar": "string", "varbinary": "binary"}
_NO_HIVE = {
    "timestamp with time zone",
    "json",
    "time",
    "uuid",
    "interval day to second",
    "interval year to month",
}
_DUCKDB = {
    "real": "FLOAT",
    "varbinary": "BLOB",
    "timestamp with time zone": "TIMESTAMPTZ",
    "interval day to second": "INTERVAL",
    "interval year to month": "INTERVAL",
    "unknown": '"NULL"',
}
_FROM_OTHERS = {
    "int": "integer",
    "int4": "integer",
    "float": "real",
    "string": "varchar",
    "char": "varchar",
    "text": "varchar",
    "binary": "varbinary",
    "blob": "varbinary",
    "bool": "boolean",
    "struct": "row",
    "list": "array",
    "hugeint": "bigint",
    "uhugeint": "bigint",
    "ubigint": "bigint",
    "uinteger": "bigint",
    "usmallint": "integer",
    "utinyint": "smallint",
    "interval": "interval day to second",
    "timestamp_ms": "timestamp",
    "timestamp_ns": "timestamp",
    "timestamp_s": "timestamp",
    "sqlnull": "unknown",
    "null": "unknown",
}

BOOLEAN, TINYINT, SMALLINT = Type("boolean"), Type("tinyint"), Type("smallint")
INTEGER, BIGINT, REAL, DOUBLE = Type("integer"), Type("bigint"), Type("real"), Type("double")
VARCHAR, VARBINARY, JSON, UUID = Type("varchar"), Type("varbinary"), Type("json"), Type("uuid")
DATE, TIMESTAMP, TIME = Type("date"), Type("timestamp"), Type("time")
TIMESTAMP_TZ = Type("timestamp with time zone")
DAYS, MONTHS = Type("interval day to second"), Type("interval year to month")
UNKNOWN = Type("unknown")
_SIMPLE = {
    t.name
    for t in (
        BOOLEAN, TINYINT, SMALLINT, INTEGER, BIGINT, REAL, DOUBLE, VARCHAR, VARBINARY, JSON, UUID,
        DATE, TIMESTAMP, TIME, TIMESTAMP_TZ, DAYS, MONTHS, UNKNOWN,
    )
}  # fmt: skip


def decimal(precision: int, scale: int) -> Type:
    """A decimal, its precision capped at Trino's 38 digits."""
    return Type("decimal", precision=min(38, precision), scale=scale)


def array(element: Type) -> Type:
    """An array of one element type."""
    return Type("array", (element,))


def map_of(key: Type, value: Type) -> Type:
    """A map."""
    return Type("map", (key, value))


def as_decimal(kind: Type) -> Type:
    """The decimal that an integer counts as beside a decimal; a decimal stays itself."""
    return decimal(_INTEGER_DIGITS[kind.name], 0) if kind.is_integer else kind


def common(left: Type, right: Type) -> Type | None:
    """The type that both convert to by themselves, or None when Trino wants a CAST.

    Raises:
        NotSupportedError: Two time zones would have to share one column.
    """
    if right in (left, UNKNOWN):
        return left
    if left == UNKNOWN:
        return right
    if left.is_number and right.is_number:
        return _common_number(left, right)
    if left.is_datetime and right.is_datetime:
        order = (DATE.name, TIMESTAMP.name, TIMESTAMP_TZ.name)
        found = max(left, right, key=lambda t: order.index(t.name))
        if left.fields != right.fields:
            # Each value would show its own zone; a column here has one.
            raise NotSupportedError(
                f"values in different time zones together: {left.fields or 'UTC'}, {right.fields or 'UTC'}"
            )
        return found
    if left.name == right.name and left.args and len(left.args) == len(right.args):
        args = [common(a, b) for a, b in zip(left.args, right.args, strict=True)]
        if all(args):
            fields = left.fields if left.fields == right.fields else tuple("" for _ in left.fields)
            return Type(left.name, tuple(a for a in args if a), fields)
    return None


def _common_number(left: Type, right: Type) -> Type:
    if left.is_integer and right.is_integer:
        return max(left, right, key=lambda t: _INTEGERS.index(t.name))
    if DOUBLE in (left, right):
        return DOUBLE
    if REAL in (left, right):
        return REAL
    a, b = as_decimal(left), as_decimal(right)
    scale = max(a.scale, b.scale)
    return decimal(max(a.precision - a.scale, b.precision - b.scale) + scale, scale)


def _render(kind: Type, names: dict[str, str], array_: str, map_: str, row: str, field: str) -> str:
    def go(t: Type) -> str:
        if t.name == "array":
            return array_.format(go(t.args[0]))
        if t.name == "map":
            return map_.format(go(t.args[0]), go(t.args[1]))
        if t.name == "row":
            named = [
                field.format(name=n or f"field{i}", type=go(a)) if n or row != "row" else go(a)
                for i, (a, n) in enumerate(zip(t.args, t.fields, strict=True))
            ]
            return f"{row}<{','.join(named)}>" if row == "struct" else f"{row}({', '.join(named)})"
        if t.name == "decimal":
            return f"decimal({t.precision},{t.scale})"
        return names.get(t.name, t.name)

    return go(kind)


_TOKEN = re.compile(r"\s*(\"[^\"]*\"|`[^`]*`|[A-Za-z_$][\w$ -]*\w|[A-Za-z_$]|\d+|[<>(),:\[\]])")


@lru_cache(4096)
def parse_type(text: str) -> Type:
    """Reads a type in any of the three spellings.

    Args:
        text: `array<struct<a:int>>`, `array(row(a integer))`, `STRUCT(a INTEGER)[]` …

    Raises:
        QueryError: It is none.
    """
    tokens = [m[1] for m in _TOKEN.finditer(text)]
    parser = _TypeParser(tokens, text)
    kind = parser.type()
    if parser.tokens:
        raise QueryError("TYPE_NOT_FOUND", f"Unknown type: {text}")
    return kind


class _TypeParser:
    def __init__(self, tokens: list[str], text: str) -> None:
        self.tokens = tokens
        self.text = text

    def type(self) -> Type:
        word = self._pop().strip('"').lower()
        word = re.sub(r"\s+", " ", word)
        kind = self._named(word)
        while self._next("["):
            self._pop()
            self._pop()
            kind = array(kind)
        return kind

    def _named(self, word: str) -> Type:
        word = _FROM_OTHERS.get(word, word)
        if word in ("array", "map", "row") and self._next("<", "("):
            return self._nested(word)
        numbers: list[int] = []
        if self._next("("):
            self._pop()
            while not self._next(")"):
                token = self._pop()
                if token.isdigit():
                    numbers.append(int(token))
            self._pop()
        if self.tokens and self.tokens[0].lower() in ("with time zone", "without time zone"):
            suffix = self._pop().lower()
            word += " with time zone" if suffix.startswith("with ") else ""
        if word in ("decimal", "numeric"):
            precision, scale = (*numbers, 0, 0)[:2] if numbers else (38, 0)
            return decimal(precision, scale)
        if word not in _SIMPLE:
            raise QueryError("TYPE_NOT_FOUND", f"Unknown type: {self.text}")
        return Type(word)

    def _nested(self, word: str) -> Type:
        self._pop()
        args: list[Type] = []
        names: list[str] = []
        while not self._next(">", ")"):
            if word == "row":
                name, kind = self._field()
                names.append(name)
                args.append(kind)
            else:
                args.append(self.type())
            if self._next(","):
                self._pop()
        self._pop()
        return Type(word, tuple(args), tuple(names))

    def _field(self) -> tuple[str, Type]:
        """`name:type`, `name type` (one token, as names may hold spaces) or a bare type."""
        if len(self.tokens) > 1 and self.tokens[1] == ":":
            name = self._pop().strip('"`').lower()
            self._pop()
            return name, self.type()
        head = self.tokens[0]
        if head[0] in '"`':
            return self._pop().strip('"`').lower(), self.type()
        name, space, rest = head.partition(" ")
        if space and not head.lower().startswith(("timestamp w", "interval ")):
            self.tokens[0] = rest.strip()
            return name.lower(), self.type()
        return "", self.type()

    def _next(self, *tokens: str) -> bool:
        return bool(self.tokens) and self.tokens[0] in tokens

    def _pop(self) -> str:
        if not self.tokens:
            raise QueryError("TYPE_NOT_FOUND", f"Unknown type: {self.text}")
        return self.tokens.pop(0)

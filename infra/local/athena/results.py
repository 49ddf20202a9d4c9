"""Results as Athena gives them: text of every value, the CSV object, pages of rows."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from infra.local.athena.sql.casts import zone_of
from infra.local.athena.sql.types import VARCHAR, Type


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """Name and type of a result's column."""

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class ResultSet:
    """A finished result.

    Attributes:
        columns: As Trino names and types them.
        table: One string column for each; null is SQL's NULL.
        header: Whether the first row of GetQueryResults repeats the names, as for SELECT.
        released: Whether the rows were dropped from memory.
    """

    columns: Sequence[ResultColumn]
    table: pa.Table
    header: bool = True
    released: bool = False

    def release(self) -> ResultSet:
        """The same result without its rows, which lie in its object."""
        return ResultSet(self.columns, self.table.slice(0, 0), self.header, released=True)

    def reread(self, body: bytes) -> ResultSet:
        """The result with the rows of its object, where '' and nothing are different values."""
        names = [f"c{i}" for i in range(len(self.columns))]
        table = pyarrow.csv.read_csv(
            io.BytesIO(body),
            pyarrow.csv.ReadOptions(column_names=names, skip_rows=1),
            pyarrow.csv.ParseOptions(newlines_in_values=True),
            pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
        return ResultSet(self.columns, table, self.header)

    def page(self, start: int, size: int) -> tuple[list[list[str | None]], int | None]:
        """Rows from `start` on, counting the header as row 0, and where the next page starts."""
        total = self.table.num_rows + self.header
        rows: list[list[str | None]] = []
        if start == 0 and self.header:
            rows.append([c.name for c in self.columns])
        first = start - self.header if start else 0
        cut = self.table.slice(first, size - len(rows))
        columns = [column.to_pylist() for column in cut.columns]
        rows += [list(values) for values in zip(*columns, strict=True)] if columns else []
        end = start + len(rows)
        return rows, end if end < total else None

    def csv(self) -> bytes:
        """The result object: every value in quotes, NULL as nothing at all."""
        sink = io.BytesIO()
        sink.write(",".join(_quoted(c.name) for c in self.columns).encode() + b"\n")
        if self.table.num_rows:
            options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="all_valid")
            pyarrow.csv.write_csv(self.table, sink, options)
        return sink.getvalue()

    def text(self) -> bytes:
        """The object of a DDL or utility statement: plain lines."""
        rows = (
            zip(*(c.to_pylist() for c in self.table.columns), strict=True) if self.table.num_columns else []
        )
        return "".join("\t".join(v or "" for v in row) + "\n" for row in rows).encode()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def lines(name: str, values: Sequence[str], *more: str) -> ResultSet:
    """The result of a utility statement: text under one column (others are declared, as in DESCRIBE)."""
    columns = [ResultColumn(n, VARCHAR) for n in (name, *more)]
    return ResultSet(columns, pa.table({name: pa.array(values, pa.string())}), header=False)


def rendered(table: pa.Table, columns: Sequence[ResultColumn]) -> ResultSet:
    """Turns DuckDB's values into Athena's text."""
    arrays = [_strings(array, column.type) for array, column in zip(table.columns, columns, strict=True)]
    names = [f"c{i}" for i in range(len(arrays))]  # Trino's may repeat
    return ResultSet(columns, pa.table(dict(zip(names, arrays, strict=True))))


def _strings(array: Any, kind: Type) -> Any:
    """A column of DuckDB's as a column of text (both `pa.ChunkedArray`)."""
    if kind.name in ("varchar", "json") or pa.types.is_null(array.type):
        return array.cast(pa.string())
    if kind.is_integer or kind.name in ("boolean", "date"):
        return array.cast(pa.string())
    if kind.name == "decimal":
        return (
            array.cast(pa.decimal128(38, kind.scale)).cast(pa.string())
            if kind.scale
            else array.cast(pa.string())
        )
    if kind.name == "timestamp":
        return array.cast(pa.timestamp("ms"), safe=False).cast(pa.string())
    if kind.name == "timestamp with time zone":
        local: Any = pc.local_timestamp(array.cast(pa.timestamp("ms", zone_of(kind)), safe=False))
        parts: list[Any] = [local.cast(pa.string()), zone_of(kind), " "]
        return pc.binary_join_element_wise(*parts)
    render = renderer(kind)
    chunks = [
        pa.array([None if v is None else render(v) for v in chunk.to_pylist()], pa.string())
        for chunk in array.chunks
    ]
    return pa.chunked_array(chunks, pa.string())


def renderer(kind: Type) -> Callable[[Any], str]:
    """A function from a Python value of the type to its text; nested values print without quotes."""
    if kind.name == "array":
        item = renderer(kind.args[0])
        return lambda v: f"[{', '.join('null' if x is None else item(x) for x in v)}]"
    if kind.name == "map":
        key, value = (renderer(a) for a in kind.args)
        return lambda v: (
            "{" + ", ".join(f"{key(k)}={'null' if x is None else value(x)}" for k, x in _pairs(v)) + "}"
        )
    if kind.name == "row":
        fields = [renderer(a) for a in kind.args]
        labels = [n or f"field{i}" for i, n in enumerate(kind.fields)]
        return lambda v: (
            "{"
            + ", ".join(
                f"{label}={'null' if x is None else field(x)}"
                for label, field, x in zip(labels, fields, v.values(), strict=True)
            )
            + "}"
        )
    if kind.name in ("double", "real"):
        return java_double
    return _SIMPLE.get(kind.name, str)


def _pairs(value: Any) -> list[tuple[Any, Any]]:
    return list(value.items()) if isinstance(value, dict) else list(value)


def java_double(value: float) -> str:
    """A double as Java prints it: `1.0E7` from ten million on and below a thousandth."""
    if math.isnan(value):
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    plain = repr(value)
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return plain
    sign, digits, exponent = Decimal(plain).as_tuple()
    text = "".join(map(str, digits)).rstrip("0") or "0"
    power = len(digits) + int(exponent) - 1
    return f"{'-' if sign else ''}{text[0]}.{text[1:] or '0'}E{power}"


def _interval(value: Any) -> str:
    total = int(value.total_seconds() * 1000) if hasattr(value, "total_seconds") else None
    if total is None:
        months, days, nanos = value
        if not days and not nanos:
            return f"{'-' if months < 0 else ''}{abs(months) // 12}-{abs(months) % 12}"
        total = days * 86_400_000 + nanos // 1_000_000
    sign, total = ("-" if total < 0 else ""), abs(total)
    days, rest = divmod(total, 86_400_000)
    return (
        f"{sign}{days}"
        f" {rest // 3_600_000:02}:{rest // 60_000 % 60:02}:{rest // 1000 % 60:02}.{rest % 1000:03}"
    )


_SIMPLE: dict[str, Callable[[Any], str]] = {
    "boolean": lambda v: "true" if v else "false",
    "timestamp": lambda v: v.strftime("%Y-%m-%d %H:%M:%S.") + f"{v.microsecond // 1000:03}",
    "timestamp with time zone": lambda v: (
        v.strftime("%Y-%m-%d %H:%M:%S.") + f"{v.microsecond // 1000:03} UTC"
    ),
    "varbinary": lambda v: " ".join(f"{b:02x}" for b in v),
    "time": lambda v: v.strftime("%H:%M:%S.") + f"{v.microsecond // 1000:03}",
    "interval day to second": _interval,
    "interval year to month": _interval,
}

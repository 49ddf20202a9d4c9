"""JSON records to an Arrow table with the types of a Glue table's columns.

The whole buffer is converted at once; only when that fails is each record looked at alone, so
that one bad record costs time but takes no other with it.
https://docs.aws.amazon.com/firehose/latest/dev/record-format-conversion.html
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

PARSE_ERROR = "DataFormatConversion.ParseError"
MALFORMED_DATA = "DataFormatConversion.MalformedData"

_SIMPLE: dict[str, pa.DataType] = {
    "string": pa.string(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "int": pa.int32(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
    "date": pa.date32(),
}
Column: TypeAlias = "pa.ChunkedArray[Any]"

_DECIMAL = re.compile(r"decimal\((\d+),\s*(\d+)\)")


class UnknownColumnTypeError(ValueError):
    """A column of the Glue table has a type that the conversion does not know."""


@dataclass(frozen=True)
class Unconverted:
    """A record that does not fit, and why."""

    raw: bytes
    code: str
    message: str


def arrow_schema(columns: Sequence[tuple[str, str]]) -> pa.Schema:
    """The Arrow schema of a Glue table.

    Args:
        columns: Names and Glue types.

    Raises:
        UnknownColumnTypeError: A type is not known.
    """
    return pa.schema([pa.field(name, _arrow_type(name, glue_type)) for name, glue_type in columns])


def _arrow_type(name: str, glue_type: str) -> pa.DataType:
    text = glue_type.lower().strip()
    if text in _SIMPLE:
        return _SIMPLE[text]
    if found := _DECIMAL.fullmatch(text):
        return pa.decimal128(int(found[1]), int(found[2]))
    if text.startswith("array<") and text.endswith(">"):
        return pa.list_(_arrow_type(name, text[6:-1]))
    raise UnknownColumnTypeError(
        f"column {name!r} has type {glue_type!r}: known are {sorted(_SIMPLE)}, decimal, array"
    )


def convert(lines: Sequence[bytes], schema: pa.Schema) -> tuple[pa.Table, list[Unconverted]]:
    """Records as a table, and those that do not fit.

    Args:
        lines: One JSON object each, in order of arrival.
        schema: Of the table; other fields of a record are dropped, missing ones are null.

    Returns:
        Rows in order of arrival; timestamps in UTC without a zone.
    """
    try:
        return _all_at_once(b"\n".join(lines), schema), []
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return _one_by_one(lines, schema)


def _as_text(data_type: pa.DataType) -> bool:
    return bool(
        pa.types.is_timestamp(data_type) or pa.types.is_date(data_type) or pa.types.is_decimal(data_type)
    )


def _all_at_once(data: bytes, schema: pa.Schema) -> pa.Table:
    if not data:
        return schema.empty_table()
    # Times and decimals travel as text: Arrow's JSON reader knows fewer forms than its casts.
    read = pa.schema([pa.field(f.name, pa.string() if _as_text(f.type) else f.type) for f in schema])
    table = pyarrow.json.read_json(
        io.BytesIO(data),
        read_options=pyarrow.json.ReadOptions(block_size=max(len(data) + 1, 1024)),
        parse_options=pyarrow.json.ParseOptions(explicit_schema=read, unexpected_field_behavior="ignore"),
    )
    columns = [_cast(table.column(field.name), field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _cast(column: Column, data_type: pa.DataType) -> Column:
    if pa.types.is_timestamp(data_type) and pa.types.is_string(column.type):
        if pc.any(pc.ends_with(column, "Z")).as_py():
            if not pc.all(pc.ends_with(column, "Z")).as_py():
                raise pa.ArrowInvalid("times with and without a zone")
            column = pc.utf8_slice_codeunits(column, 0, -1)
        return column.cast(data_type)
    return column if column.type == data_type else column.cast(data_type)


def _one_by_one(lines: Sequence[bytes], schema: pa.Schema) -> tuple[pa.Table, list[Unconverted]]:
    converters = [(field.name, _converter(field.type)) for field in schema]
    columns: list[list[Any]] = [[] for _ in converters]
    failed: list[Unconverted] = []
    for line in lines:
        try:
            record = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
            failed.append(Unconverted(line, PARSE_ERROR, f"Encountered malformed JSON. {wrong}"))
            continue
        if not isinstance(record, dict):
            failed.append(Unconverted(line, MALFORMED_DATA, "The top level of a record must be an object."))
            continue
        try:
            row = [None if (v := record.get(name)) is None else to(v) for name, to in converters]
        except (ValueError, TypeError, InvalidOperation, pa.ArrowInvalid) as wrong:
            failed.append(Unconverted(line, MALFORMED_DATA, f"Data does not match the schema. {wrong}"))
            continue
        for column, value in zip(columns, row, strict=True):
            column.append(value)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema), failed


def _converter(data_type: pa.DataType) -> Callable[[Any], Any]:
    if pa.types.is_string(data_type):
        return lambda value: value if isinstance(value, str) else msgspec.json.encode(value).decode()
    if pa.types.is_timestamp(data_type):
        return _moment
    if pa.types.is_date(data_type):
        return date.fromisoformat
    if pa.types.is_boolean(data_type):
        return _boolean
    if pa.types.is_list(data_type):
        return _list_of(_converter(data_type.value_type))
    convert_value: Callable[[Any], Any] = lambda value: value  # noqa: E731
    if pa.types.is_decimal(data_type):
        convert_value = lambda value: Decimal(str(value))  # noqa: E731
    elif pa.types.is_integer(data_type):
        convert_value = _integer
    elif pa.types.is_floating(data_type):
        convert_value = float

    def checked(value: Any) -> Any:
        return pa.scalar(convert_value(value), data_type).as_py()  # raises when it does not fit

    return checked


def _list_of(item: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def converted(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise ValueError(f"For input: {value!r}, expected an array.")
        return [None if each is None else item(each) for each in value]

    return converted


def _moment(value: Any) -> datetime:
    """A time as the OpenX deserializer reads it: ISO text, or seconds or milliseconds since 1970."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value / 1000 if isinstance(value, int) and abs(value) > 10**11 else value
        return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    found = datetime.fromisoformat(value)
    return found if found.tzinfo is None else found.astimezone(UTC).replace(tzinfo=None)


def _integer(value: Any) -> int:
    if isinstance(value, bool | float):
        raise ValueError(f"For input: {value!r}, expected an integer.")
    return int(value)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"For input: {value!r}, expected a boolean.")
    return value

"""Athena: SQL in, rows out, and an error that says what Athena said.

PyAthena starts a query and waits for it; its result is read from where Athena put it, at once,
instead of a thousand rows a call.
"""

from __future__ import annotations

import io
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import pyarrow as pa
from pyarrow import csv
from pyathena import connect
from pyathena.error import DatabaseError

from adapters import lake

if TYPE_CHECKING:
    import pandas as pd

POLL = 0.1  # seconds between two looks at a query: far below what Athena takes to start one

_TYPES: dict[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "float": pa.float32(),
    "real": pa.float32(),
    "double": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("ms"),
}


class QueryFailedError(RuntimeError):
    """A query that Athena refused, failed or cancelled.

    Attributes:
        query_id: Athena's, or None where it was refused at once.
        reason: Athena's own words.
        sql: The query.
    """

    def __init__(self, query_id: str | None, work_group: str, reason: str, sql: str) -> None:
        super().__init__(f"Athena query {query_id or '(refused)'} in work group {work_group!r}: {reason}")
        self.query_id = query_id
        self.reason = reason
        self.sql = sql


def query(sql: str, *, work_group: str, database: str, answers: str | None = None) -> pd.DataFrame:
    """Runs a statement and waits for its rows.

    Args:
        sql: One statement of Athena's dialect.
        work_group: Decides where the result is kept and how much may be scanned.
        database: Glue database of unqualified names.
        answers: `s3://…/` where the result is kept, in a work group that lets the query say so.

    Returns:
        A row each. Whole numbers stay whole (a column with NULLs becomes one of objects), dates are
        `date`, decimals `Decimal`, timestamps datetime64[ms]; arrays, maps and rows are Athena's text.

    Raises:
        QueryFailedError: Athena refused it, or it failed or was cancelled.
    """
    cursor = _execute(sql, work_group, database, answers)
    if cursor.output_location and cursor.output_location.endswith(".csv"):
        kinds = {
            column[0]: arrow_type(column[1], column[4], column[5]) for column in cursor.description or []
        }
        return _read(cursor.output_location, kinds).to_pandas(integer_object_nulls=True)
    import pandas as pd  # noqa: PLC0415 - what loads and the command line rarely need

    # DDL and utility statements (SHOW, DESCRIBE …) leave a text without quotes.
    rows = cursor.fetchall() if cursor.description else []
    return pd.DataFrame(rows, columns=[column[0] for column in cursor.description or []])


def query_text(sql: str, *, work_group: str, database: str) -> pa.Table:
    """Runs a SELECT and reads its result as text, for results of up to millions of rows.

    Returns:
        A table of strings, NULL being null.

    Raises:
        QueryFailedError: As of `query`.
    """
    cursor = _execute(sql, work_group, database)
    return _read(cursor.output_location, {column[0]: pa.string() for column in cursor.description})


def address(work_group: str, database: str) -> str:
    """SQLAlchemy's URL of Athena, for tools that bring their own queries. Credentials are not in it."""
    region = _session().region_name
    return (
        f"awsathena+rest://@athena.{region}.amazonaws.com:443/{database}"
        f"?work_group={work_group}&poll_interval={POLL}"
    )


@cache
def _session() -> boto3.Session:
    """Making a session costs 40 ms; a client of it 2 ms."""
    return boto3.Session()


def _execute(sql: str, work_group: str, database: str, answers: str | None = None) -> Any:
    cursor = connect(
        work_group=work_group,
        schema_name=database,
        s3_staging_dir=answers,
        poll_interval=POLL,
        session=_session(),
    ).cursor()
    try:
        cursor.execute(sql)
    except DatabaseError as error:
        raise QueryFailedError(cursor.query_id, work_group, str(error), sql) from error
    return cursor


def _read(location: str, kinds: dict[str, pa.DataType]) -> pa.Table:
    parsers: list[Any] = [csv.ISO8601]
    # Athena quotes every value, and writes NULL as nothing at all.
    return csv.read_csv(
        io.BytesIO(lake.read_uri(location)),
        # An empty line is a row whose only value is NULL.
        parse_options=csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=csv.ConvertOptions(
            column_types=kinds,
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            null_values=[""],
            true_values=["true"],
            false_values=["false"],
            timestamp_parsers=parsers,
        ),
    )


def arrow_type(kind: str, precision: int | None = None, scale: int | None = None) -> pa.DataType:
    """The Arrow type of one of Athena's or Glue's; those that Arrow reads no other way are text.

    Args:
        kind: Such as `bigint` or `decimal(7,3)`.
        precision: Digits of a decimal of which `kind` does not say them.
        scale: Likewise, those after the point.
    """
    name, *arguments = re.split(r"[(,)]", kind)
    if name == "decimal":
        digits = [int(argument) for argument in arguments if argument] or [precision or 38, scale or 0]
        return pa.decimal128(*digits)
    return _TYPES.get(name, pa.string())

"""What must hold of a landing file before any of its rows is judged.

A file that breaks one of these is set aside in the ledger with its reason, and the load goes on
with the others: one truncated object must not stop every school.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from expectations.rules import Owner
from transforms.bilingual import Words
from transforms.lake_schema import Column, LakeTable, glue_type, widens


class FileFault(StrEnum):
    """Why a landing file is set aside; the name under which it is counted."""

    VANISHED = "vanished"
    CHANGED = "changed"
    UNREADABLE = "unreadable"
    SCHEMA = "schema"
    EMPTY = "empty"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class FileRule:
    """A statement about each landing file.

    Attributes:
        fault: The name of its breach.
        holds: The statement.
        why: What would go wrong otherwise.
        owner: Who mends it.
    """

    fault: FileFault
    holds: str
    why: Words
    owner: Owner = Owner.PLATFORM  # a landing file is our own writing


FILE_RULES = (
    FileRule(
        FileFault.VANISHED,
        "a claimed file is there",
        Words("its rows would be missing without a word", "faltarían sus filas sin que nadie lo dijera"),
    ),
    FileRule(
        FileFault.CHANGED,
        "a claimed file has the ETag that it was claimed with",
        Words(
            "a load run twice would publish two different things under one name",
            "una carga ejecutada dos veces publicaría dos cosas distintas con un mismo nombre",
        ),
    ),
    FileRule(
        FileFault.UNREADABLE,
        "a file is a whole Parquet file",
        Words(
            "Athena fails on a truncated file, and with it the load of every school",
            "Athena falla con un archivo truncado, y con él la carga de todas las escuelas",
        ),
    ),
    FileRule(
        FileFault.SCHEMA,
        "the columns and types in the file's footer are the contract's, or those of an earlier version of it",
        Words(
            "Athena reads a missing column as NULL and says nothing",
            "Athena lee como NULL una columna que falta y no dice nada",
        ),
    ),
    FileRule(
        FileFault.EMPTY,
        "a file has rows",
        Words(
            "Firehose writes none without; something else did",
            "Firehose no escribe ninguno vacío; lo escribió otra cosa",
        ),
    ),
    FileRule(
        FileFault.TIME,
        "times lie in the years 1 to 9999",
        Words(
            "Athena cannot print others, and one would fail the query for every school",
            "Athena no puede mostrar otras, y una sola haría fallar la consulta de todas las escuelas",
        ),
    ),
)

_FIRST, _LAST = -62_135_596_800_000, 253_402_300_799_999  # 0001-01-01 and 9999-12-31, ms since 1970


def drift(schema: pa.Schema, table: LakeTable) -> list[str]:
    """How a landing file's schema differs from the contract; empty where it does not.

    The order of columns does not matter. Timestamps may have any unit, because Firehose writes
    INT96, which Arrow reads as nanoseconds; they may not have a zone. A file that was written before
    the contract's version of today may lack the columns that came since, and have the narrower types.

    Args:
        schema: From the file's footer.
        table: Its lake table.

    Returns:
        One difference each, such as `points is string, the contract says int32`.
    """
    found = {field.name: field.type for field in schema}
    wanted = {column.name: column for column in table.columns}
    differences = []
    for name, column in wanted.items():
        if name not in found:
            differences += [f"{name} is missing"] if column.since == 1 else []
        elif not _reads(found[name], column):
            differences.append(f"{name} is {found[name]}, the contract says {column.type}")
    differences += [f"{name!r:.60} is no column of the contract" for name in found if name not in wanted]
    if len(schema.names) != len(found):
        differences.append("a column's name appears twice")
    return differences


def _reads(found: pa.DataType, column: Column) -> bool:
    """Whether a file's column can be read as the contract's."""
    if pa.types.is_timestamp(column.type):
        return pa.types.is_timestamp(found) and found.tz is None
    if pa.types.is_dictionary(found):
        found = found.value_type
    if found == column.type:
        return True
    try:
        return widens(glue_type(found), column.glue_type)
    except ValueError:  # a type that no column of the lake ever had
        return False


def impossible_times(rows: pa.Table) -> Iterator[str]:
    """The timestamp columns of a file that hold a time outside the years 1 to 9999.

    Args:
        rows: As `transforms.lake_schema` types them: timestamps in ms.
    """
    for field in rows.schema:
        if pa.types.is_timestamp(field.type):
            span: Any = pc.min_max(rows[field.name])
            low, high = (span[end].value for end in ("min", "max"))  # as_py fails on such times
            if low is not None and (low < _FIRST or high > _LAST):
                yield field.name

"""Delimited text as Hive's two SerDes read it."""

from __future__ import annotations

import contextlib
import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

csv.field_size_limit(32 * 1024 * 1024)  # Athena's own limit for a line


@dataclass(frozen=True, slots=True)
class TextFormat:
    r"""The layout of a text table.

    Attributes:
        quoting: OpenCSVSerde: quoted fields, no NULL. Else LazySimpleSerDe: no quotes, `\N` is NULL.
        delimiter: Between fields.
        quote: Around a field that holds a delimiter.
        escape: Before a quote inside such a field.
        skip: Lines of the header.
    """

    quoting: bool
    delimiter: str
    quote: str
    escape: str
    skip: int

    @staticmethod
    def of(record: dict[str, Any]) -> TextFormat:
        """The layout that a Glue record declares."""
        serde = record["StorageDescriptor"]["SerdeInfo"]
        given = serde.get("Parameters", {})
        quoting = "OpenCSVSerde" in serde.get("SerializationLibrary", "")
        delimiter = given.get("separatorChar" if quoting else "field.delim") or ("," if quoting else "\x01")
        return TextFormat(
            quoting,
            delimiter,
            given.get("quoteChar", '"'),
            given.get("escapeChar", "\\"),
            int(record.get("Parameters", {}).get("skip.header.line.count", 0)),
        )


def read_rows(path: Path, width: int, layout: TextFormat) -> list[list[str | None]]:
    """Reads a file.

    Args:
        path: A local file; one that ends in `.gz` is unpacked.
        width: Number of columns: what a line lacks is NULL, what it has beyond is dropped.
        layout: How lines are to be read.

    Returns:
        One list of values for each column.
    """
    columns: list[list[str | None]] = [[] for _ in range(width)]
    with contextlib.ExitStack() as stack:
        if path.suffix == ".gz":
            lines: TextIO = stack.enter_context(gzip.open(path, "rt", encoding="utf-8", newline=""))
        else:
            lines = stack.enter_context(path.open(encoding="utf-8", newline=""))
        for fields in _fields(lines, layout):
            for i, column in enumerate(columns):
                column.append(fields[i] if i < len(fields) else None)
    return columns


def _fields(lines: TextIO, layout: TextFormat) -> Iterator[list[str | None]]:
    if layout.quoting:
        rows = csv.reader(
            lines,
            delimiter=layout.delimiter,
            quotechar=layout.quote,
            escapechar=layout.escape,
            doublequote=True,
        )
        for i, row in enumerate(rows):
            if i >= layout.skip and row:
                yield list(row)
        return
    for i, line in enumerate(lines):
        if i >= layout.skip:
            yield [None if f == "\\N" else f for f in line.rstrip("\r\n").split(layout.delimiter)]

"""A subject's rows in Parquet: counted with as few bytes as will do, and left out of what is written anew."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from adapters.object_versions import VersionFile
from pipelines.erasure.subject import Subject

pc: Any = pyarrow.compute  # its stubs know one kind of array a call
_write_table: Any = pq.write_table  # nor do they know of all its options

STUDENT, SCHOOL = "student_key", "school_id"


class UnreadableRowsError(RuntimeError):
    """An object that should hold rows cannot be read, so nobody can say that it holds none of the subject."""


def count(file: VersionFile, subject: Subject) -> int:
    """How many rows of a Parquet file are the subject's.

    Reads the footer, and of the row groups whose statistics do not exclude the subject the one or two
    columns that decide.

    Raises:
        UnreadableRowsError: It is no Parquet file.
        ObjectChangedError, ObjectVanishedError: As of `VersionFile`.
    """
    try:
        parquet = pq.ParquetFile(pa.PythonFile(file, mode="r"))
        names = parquet.schema_arrow.names
        if not _decides(names, subject):
            return int(parquet.metadata.num_rows) if subject.student_id is None else 0
        columns = [name for name in (STUDENT, SCHOOL) if name in names]
        groups = [
            group for group in range(parquet.metadata.num_row_groups) if _may_hold(parquet, group, subject)
        ]
        return sum(
            int(pc.sum(_mine(parquet.read_row_group(group, columns=columns), subject)).as_py() or 0)
            for group in groups
        )
    except pa.ArrowException as error:
        raise UnreadableRowsError(
            f"s3://{file.version.bucket}/{file.version.key} is no Parquet file and may hold anything: "
            f"{error}; restore it or delete it, then run the erasure again"
        ) from error


def without(body: bytes, subject: Subject) -> bytes | None:
    """A Parquet file's bytes without the subject's rows, in the same columns, types and compression.

    Returns:
        The new file; None where no row is left.
    """
    parquet = pq.ParquetFile(io.BytesIO(body))
    rows = parquet.read()
    kept = rows if not _decides(rows.schema.names, subject) else rows.filter(pc.invert(_mine(rows, subject)))
    if subject.student_id is None and not _decides(rows.schema.names, subject):
        kept = rows.slice(0, 0)
    if not kept.num_rows:
        return None
    group = parquet.metadata.row_group(0)
    kinds = {group.column(number).physical_type for number in range(group.num_columns)}
    sink = io.BytesIO()
    _write_table(
        kept,
        sink,
        compression=group.column(0).compression.lower().replace("uncompressed", "none"),
        row_group_size=max(group.num_rows, 1),
        # Athena writes its timestamps so; another type under the same name would be another schema.
        use_deprecated_int96_timestamps="INT96" in kinds,
        store_schema=False,
    )
    return sink.getvalue()


def kept(rows: pa.Table, subject: Subject) -> pa.Table:
    """Rows of one school's partition without the subject's."""
    return rows.slice(0, 0) if subject.student_id is None else rows.filter(pc.invert(_mine(rows, subject)))


def _decides(names: list[str], subject: Subject) -> bool:
    """Whether the columns can tell the subject's rows from others; the school's folder alone cannot."""
    return SCHOOL in names if subject.student_id is None else STUDENT in names


def _mine(rows: pa.Table, subject: Subject) -> Any:
    school = SCHOOL in rows.schema.names
    mine = pc.equal(rows[SCHOOL], subject.school_id) if school else pa.scalar(True)
    if subject.student_id is not None:
        known = pc.is_in(rows[STUDENT], value_set=pa.array(sorted(subject.pseudonyms), pa.string()))
        mine = pc.and_(known, mine)
    return pc.fill_null(mine, False)


def _may_hold(parquet: pq.ParquetFile, group: int, subject: Subject) -> bool:
    """Whether a row group's statistics let one of the subject's values be in it."""
    wanted = {SCHOOL: [subject.school_id]}
    if subject.student_id is not None:
        wanted[STUDENT] = sorted(subject.pseudonyms)
    chunks = parquet.metadata.row_group(group)
    for chunk in map(chunks.column, range(chunks.num_columns)):
        values, statistics = wanted.get(chunk.path_in_schema), chunk.statistics
        if values is None or statistics is None or not statistics.has_min_max:
            continue
        least, most = str(statistics.min), str(statistics.max)
        if not any(least <= value <= most for value in values):
            return False
    return True

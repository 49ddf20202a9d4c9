"""Digests of rows: what tells whether two rows, or two sets of rows, are the same.

Two rows are the same if all their columns are but those of their load and of their partition. Each has a
digest of 128 bits, and a partition the sum of its rows' digests, which does not depend on their order.
"""

from __future__ import annotations

from collections.abc import Collection
from hashlib import blake2b
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from transforms.lake_schema import LOAD_ID, LakeTable

pc: Any = pyarrow.compute  # its stubs know one kind of array a call

Digests: TypeAlias = npt.NDArray[np.uint64]
"""Two columns: a digest's halves."""

KEY_VERSION = "pseudonym_version"
DELIVERY = ("received_at", "correlation_id")
SEPARATOR, _MISSING = "\x1f", "\x00"  # no text of the lake has control characters


def digests(rows: pa.Table, table: LakeTable) -> Digests:
    """A digest of each row's content: of all columns of the lake's schema but `load_id`.

    Args:
        rows: With at least these columns, in any order.
        table: The lake table.
    """
    columns = [_text(rows[name]) for name in table.lake_schema.names if name != LOAD_ID.name]
    joined = pc.binary_join_element_wise(
        *columns, SEPARATOR, null_handling="replace", null_replacement=_MISSING
    )
    hashed = b"".join(blake2b(text.encode(), digest_size=16).digest() for text in joined.to_pylist())
    return np.frombuffer(hashed, dtype="<u8").astype(np.uint64).reshape(-1, 2)


def without_pseudonyms(rows: pa.Table, versions: Collection[int]) -> pa.Table:
    """Rows without the pseudonyms that other versions of the school's key have made than some."""
    known = pc.is_in(rows[KEY_VERSION], value_set=pa.array(sorted(versions), pa.int32()))
    for name in ("student_key", "teacher_key", KEY_VERSION):
        rows = _set(rows, name, pc.if_else(known, rows[name], pa.scalar(None, rows[name].type)))
    return rows


def without_delivery(rows: pa.Table) -> pa.Table:
    """Rows without what another delivery of the same event changes."""
    for name in DELIVERY:
        rows = _set(rows, name, pa.nulls(rows.num_rows, rows[name].type))
    return rows


def _set(rows: pa.Table, name: str, values: Any) -> pa.Table:
    place = rows.schema.get_field_index(name)
    return rows.set_column(place, rows.schema.field(place), values)


def digest_of(many: Digests) -> str:
    """The digest of some rows in any order, 32 hex digits; each row counts as often as it is there."""
    high, low = np.add.reduce(many, axis=0, dtype=np.uint64) if len(many) else (0, 0)
    return f"{int(high):016x}{int(low):016x}"


def _text(column: Any) -> Any:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    elif pa.types.is_date(column.type):
        column = column.cast(pa.int32())
    return column.cast(pa.string()).combine_chunks()

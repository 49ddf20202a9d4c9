"""Rows in any order, parted by the partition that they belong to, in bounded memory.

They are sorted by partition some at a time. What is sorted and beyond the limit lies in local files that are
mapped into memory, so that a partition is put together from slices of them and nothing else is read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from adapters.catalog import PartitionValues

BYTES_IN_MEMORY = 96 * 2**20  # of a mart; dbt builds four at once, in a container of 2 GB

pc: Any = pyarrow.compute  # its stubs know one kind of array a call


class NoPartitionError(ValueError):
    """A row belongs to no partition: one of its keys is null."""


def parted(
    rows: Iterable[pa.Table], keys: Sequence[str], folder: Path, limit: int = BYTES_IN_MEMORY
) -> dict[PartitionValues, list[pa.Table]]:
    """Parts rows.

    Args:
        rows: Some at a time, all of one schema.
        keys: The columns that say to which partition a row belongs.
        folder: On a local disk, for what is beyond the limit. It must stay while the answer is in use.
        limit: Bytes of Arrow.

    Returns:
        By the partition's values as Glue has them, in the order of the keys: its rows without the keys, in
        pieces.

    Raises:
        NoPartitionError: A key is null.
    """
    pieces: dict[PartitionValues, list[pa.Table]] = defaultdict(list)
    for number, (some, is_last) in enumerate(_gathered(rows, limit)):
        by_partition, ends = _sorted(some, keys)
        if not is_last:
            by_partition = _on_disk(by_partition, folder / f"{number}.arrow")
        start = 0
        for values, end in ends.items():
            pieces[values].append(by_partition.slice(start, end - start))
            start = end
    return pieces


def in_order(pieces: Sequence[pa.Table]) -> pa.Table:
    """A partition's rows, sorted by all columns from the first on, so that equal rows make equal files."""
    rows = pa.concat_tables(pieces).combine_chunks()
    by = [(field.name, "ascending") for field in rows.schema if not pa.types.is_nested(field.type)]
    return rows.take(pc.sort_indices(rows, sort_keys=by))


def _gathered(rows: Iterable[pa.Table], limit: int) -> Iterator[tuple[pa.Table, bool]]:
    """Some rows together, and whether there are no more."""
    waiting: list[pa.Table] = []
    for some in (each for each in rows if each.num_rows):
        if waiting and sum(each.nbytes for each in waiting) + some.nbytes > limit:
            yield pa.concat_tables(waiting).combine_chunks(), False
            waiting = []
        waiting.append(some)
    if waiting:
        yield pa.concat_tables(waiting).combine_chunks(), True


def _sorted(rows: pa.Table, keys: Sequence[str]) -> tuple[pa.Table, Mapping[PartitionValues, int]]:
    """Rows in the order of their partitions, without the keys, and the row behind the last of each."""
    group = np.zeros(rows.num_rows, dtype=np.int64)
    known: list[list[str]] = []
    for key in keys:
        if rows[key].null_count:
            raise NoPartitionError(
                f"{rows[key].null_count:,} rows have no {key}: the partition key of a mart"
            )
        encoded = rows[key].combine_chunks().dictionary_encode()
        known.append([str(value) for value in encoded.dictionary.to_pylist()])
        group = group * len(encoded.dictionary) + encoded.indices.to_numpy()
    order = np.argsort(group, kind="stable")
    group = group[order]
    ends = [*(np.flatnonzero(np.diff(group)) + 1).tolist(), len(group)]
    found = {_values(int(group[end - 1]), known): end for end in ends}
    return rows.drop_columns(list(keys)).take(order), found


def _values(group: int, known: Sequence[Sequence[str]]) -> PartitionValues:
    values = []
    for texts in reversed(known):
        group, number = divmod(group, len(texts))
        values.append(texts[number])
    return tuple(reversed(values))


def _on_disk(rows: pa.Table, path: Path) -> pa.Table:
    with pa.ipc.new_file(str(path), rows.schema) as file:
        file.write_table(rows)
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()

"""Corrected rows take the place of those that wait: the same identities, the same school, better values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from adapters.leases import Lease
from adapters.quarantine import BROKEN_RULES, Change, Deed, Held, Record
from pipelines.quarantine.changing import body_of, change, digest, parquet, rows_in, rows_of
from transforms.lake_schema import LakeTable, as_schema

pc: Any = pyarrow.compute  # its stubs know one kind of array a call


class CorrectionRefusedError(ValueError):
    """A file of corrections is none, or corrects what does not wait."""


@dataclass(frozen=True)
class Corrections:
    """Rows that an operator has corrected.

    Attributes:
        rows: In the landing schema; identities are unique and there.
        sha256: Of the file that they came in, in hex.
    """

    rows: pa.Table
    sha256: str


def read_corrections(body: bytes, table: LakeTable) -> Corrections:
    """Corrections from a Parquet file, as `luca quarantine show --out` writes it.

    Args:
        body: The file. A column `broken_rules` is ignored.
        table: The lake table.

    Raises:
        CorrectionRefusedError: It is no Parquet file of the landing columns, a value is of another type, or
            an identity is missing or there twice.
    """
    schema = table.landing_schema
    try:
        rows = pq.read_table(pa.BufferReader(body))
    except pa.ArrowException as error:
        raise CorrectionRefusedError(f"the file of corrections is no Parquet file: {error}") from error
    names = {*rows.schema.names} - {BROKEN_RULES}
    needed = {column.name for column in table.columns if column.since == 1}
    different = (names - {*schema.names}) | (needed - names)
    if different:
        raise CorrectionRefusedError(
            f"the file of corrections has other columns than {table.name}: {', '.join(sorted(different))}; "
            "begin with the file that `luca quarantine show --out` writes"
        )
    try:
        rows = as_schema(rows.select([*names]), schema).combine_chunks()
    except pa.ArrowException as error:
        raise CorrectionRefusedError(f"a correction is not of its column's type: {error}") from error
    identities = rows[table.identity]
    if identities.null_count or pc.count_distinct(identities).as_py() != rows.num_rows:
        raise CorrectionRefusedError(
            f"the file of corrections has rows without {table.identity}, or one twice: a correction is of "
            "one row"
        )
    return Corrections(rows, digest(body))


def require_all_held(corrections: Corrections, held: list[Held], table: LakeTable) -> None:
    """Does nothing where each correction is of a row that waits, and leaves it in its school.

    Raises:
        CorrectionRefusedError: One is not.
    """
    left = corrections.rows.select([table.identity, "school_id"])
    for each in held:
        rows = rows_of(each.object)
        place = pc.index_in(left[table.identity], value_set=rows[table.identity].combine_chunks())
        here = pc.is_valid(place)
        was = pc.take(rows["school_id"], place.filter(here))
        if not pc.all(pc.equal(was, left.filter(here)["school_id"]), min_count=0).as_py():
            raise CorrectionRefusedError(
                "a correction names another school than its row: rows keep their school"
            )
        left = left.filter(pc.invert(here))
    if left.num_rows:
        raise CorrectionRefusedError(
            f"{left.num_rows:,} of {corrections.rows.num_rows:,} corrections are of rows that do not wait, "
            f"such as {table.identity} {left[table.identity][0].as_py()!r}; take them out of the file"
        )


def amend(
    record: Record, each: Held, corrections: Corrections, table: LakeTable, how: Change, lease: Lease
) -> Record:
    """Puts corrected rows in the place of those of an object that have their identity.

    Args:
        record: Of the holding, without an open change.
        each: The object.
        corrections: Any; those of other objects are left alone.
        table: The lake table.
        how: A change that says when, who and why.
        lease: Of the lake table.

    Returns:
        The record afterwards; the same where nothing is different.
    """
    before = body_of(each.object)
    rows = rows_in(before)
    place = pc.index_in(rows[table.identity], value_set=corrections.rows[table.identity].combine_chunks())
    held = as_schema(rows.drop_columns([BROKEN_RULES]), table.landing_schema)
    both = pa.concat_tables([held, corrections.rows])
    own = pa.array(range(rows.num_rows), pa.int64())
    chosen = pc.coalesce(pc.add(place.combine_chunks().cast(pa.int64()), rows.num_rows), own)
    amended = both.take(chosen).append_column(BROKEN_RULES, rows[BROKEN_RULES]).combine_chunks()
    if place.null_count == len(place) or amended.equals(rows):
        return record
    body = parquet(amended)
    wanted = Change(
        Deed.AMEND,
        each.object.key,
        digest(before),
        digest(body),
        rows=len(place) - place.null_count,
        at=how.at,
        by=how.by,
        reason=how.reason,
        facts={"corrections_sha256": corrections.sha256},
    )
    return change(record, wanted, each.object, b"", body, lease)

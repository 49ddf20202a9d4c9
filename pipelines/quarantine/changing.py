"""One change to one object of a holding, so that a kill at any point loses nothing.

    noted in the ledger → what it writes elsewhere → the object itself → noted as done

What a change writes elsewhere (the landing file of a release, the receipt of a discard) decides: where it
is there, the change goes on, where it is not, nothing has happened yet.
"""

from __future__ import annotations

import hashlib
from typing import Any

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from adapters import lake, ledger, objects, quarantine
from adapters.leases import Lease
from adapters.ledger import LoadState
from adapters.objects import Object
from adapters.quarantine import Change, Deed, Record
from adapters.settings import setting
from pipelines.load.rows import Array
from pipelines.quarantine.holdings import Holding, NothingHeldError, holding
from transforms.lake_schema import LAKE_TABLES

pc: Any = pyarrow.compute  # its stubs know one kind of array a call


class HoldingChangedError(RuntimeError):
    """An object of a holding is neither what a change began with nor what it was to become."""


class LoadOpenError(RuntimeError):
    """The load that held the rows back is not finished itself."""


def digest(body: bytes) -> str:
    """SHA-256 in hex; empty for no bytes, as of an object that is gone."""
    return hashlib.sha256(body).hexdigest() if body else ""


def parquet(rows: pa.Table) -> bytes:
    """Rows as a Parquet file: the same rows, the same bytes. No bytes for no rows: such an object goes."""
    if not rows.num_rows:
        return b""
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, compression="zstd", store_schema=False)
    return sink.getvalue().to_pybytes()


def rows_of(object_: Object) -> pa.Table:
    """The rows of an object that was listed, one chunk a column."""
    return rows_in(body_of(object_))


def body_of(object_: Object) -> bytes:
    """The whole of an object that was listed.

    Raises:
        ObjectVanishedError, ObjectChangedError: It is another by now.
    """
    return lake.read(object_.bucket, object_.key, object_.etag)


def rows_in(body: bytes) -> pa.Table:
    """The rows of a Parquet file, one chunk a column."""
    return pq.read_table(pa.BufferReader(body)).combine_chunks()


def without(rows: pa.Table, identity: str, gone: Array) -> pa.Table:
    """The rows whose identity is none of some; a row without identity stays."""
    return rows.filter(pc.invert(pc.is_in(rows[identity], value_set=gone)))


def change(
    before: Record, wanted: Change, object_: Object, written: bytes, body: bytes, lease: Lease
) -> Record:
    """Changes an object of a holding.

    Args:
        before: The holding's record, without an open change.
        wanted: What to do.
        object_: The object as it was looked at.
        written: What goes to `wanted.writes`.
        body: What the object becomes; no bytes remove it.
        lease: Of the lake table.

    Returns:
        The record afterwards.

    Raises:
        HoldingBusyError: Another run is at work on the holding.
        ObjectChangedError: The object is another by now.
    """
    lease.check()
    record = quarantine.begin(before, wanted, lease.fence)
    if wanted.writes:
        lease.check()
        lake.write(_bucket_of(wanted), wanted.writes, written)
    _put(object_, body, lease)
    return quarantine.end(record, lease.fence)


def settle(record: Record, lease: Lease) -> Record:
    """Finishes the change that an earlier run left open, or forgets it where nothing had happened yet.

    Raises:
        HoldingChangedError: The object is neither what it was nor what it was to become.
    """
    wanted = record.open
    if wanted is None:
        return record
    object_ = objects.find(setting("LAKE_BUCKET"), wanted.key)
    body = b"" if object_ is None else body_of(object_)
    if digest(body) == wanted.after:
        return quarantine.end(record, lease.fence)
    if object_ is None or digest(body) != wanted.before:
        raise HoldingChangedError(
            f"{wanted.key} was being changed ({wanted.deed}, {wanted.at}) and is neither what it was nor "
            "what it was to become: restore its version of that time in the bucket, then run this again"
        )
    if not _written(wanted):
        return quarantine.forget(record, lease.fence)
    _put(object_, _body_after(record.table, wanted, body), lease)
    return quarantine.end(record, lease.fence)


def settled_holding(table_name: str, load_id: str, school_id: str, lease: Lease) -> Holding:
    """A holding without an open change: one that an earlier run left open is finished or forgotten.

    Raises:
        NothingHeldError: There is no such holding.
        LoadOpenError: The load is not finished.
        HoldingBusyError: Another run is at work on it.
        HoldingChangedError: As of `settle`.
    """
    try:
        state = ledger.find(table_name, load_id).state
    except LookupError as error:
        raise NothingHeldError(str(error)) from error
    if state is not LoadState.PUBLISHED:
        raise LoadOpenError(
            f"load {load_id} of {table_name} is not finished: run `luca load {table_name}` first"
        )
    settle(quarantine.record(table_name, load_id, school_id), lease)
    return holding(table_name, load_id, school_id)


def _put(object_: Object, body: bytes, lease: Lease) -> None:
    lease.check()
    if body:
        objects.replace(object_, body)
    else:
        objects.remove(object_)


def _written(wanted: Change) -> bool:
    return bool(wanted.writes) and objects.find(_bucket_of(wanted), wanted.writes) is not None


def _body_after(table: str, wanted: Change, body: bytes) -> bytes:
    if wanted.deed is Deed.DISCARD:
        return b""
    identity = LAKE_TABLES[table].identity
    landed = pq.read_table(pa.BufferReader(lake.read(_bucket_of(wanted), wanted.writes)), columns=[identity])
    return parquet(without(rows_in(body), identity, landed[identity].combine_chunks()))


def _bucket_of(wanted: Change) -> str:
    return setting("LANDING_BUCKET" if wanted.deed is Deed.RELEASE else "LAKE_BUCKET")

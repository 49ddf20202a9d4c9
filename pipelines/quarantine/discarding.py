"""Discard: the rows of a holding are given up, and a receipt says who gave them up, when and why."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

from adapters import leases
from adapters.leases import Lease
from adapters.quarantine import RECEIPTS, Change, Deed, Held, Record, noted_rules
from adapters.settings import setting
from pipelines.quarantine.changing import body_of, change, digest, rows_in, settled_holding
from pipelines.quarantine.holdings import Holding, holding
from transforms.calendar import utc_text

Say = Callable[[str], None]


class NoReasonError(ValueError):
    """Rows are given up for a reason that somebody can read later."""


@dataclass(frozen=True)
class Discard:
    """What a discard did.

    Attributes:
        before: The holding as it was found.
        after: The holding as it is now.
        rows: Rows given up by this run.
        receipts: Where the receipts are: `s3://` URIs.
    """

    before: Holding
    after: Holding
    rows: int
    receipts: tuple[str, ...]


def discard(
    table_name: str,
    load_id: str,
    school_id: str,
    *,
    now: datetime,
    by: str,
    reason: str,
    progress: Say = lambda text: None,
) -> Discard:
    """Gives up all rows of a holding that wait, against a receipt. Safe to run again at any time.

    Args:
        table_name: A lake table.
        load_id: The load that held the rows back.
        school_id: Whose they are.
        now: Aware.
        by: Who gives them up.
        reason: Why, in words.
        progress: Told what is going on.

    Raises:
        NoReasonError: The reason is empty.
        NothingHeldError: There is no such holding.
        LoadOpenError: The load is not finished.
        LeaseHeldError: Another run writes to the table.
        HoldingBusyError, HoldingChangedError, ObjectChangedError: Somebody else changes the holding.
    """
    if not reason.strip():
        raise NoReasonError("a discard needs a reason that somebody can read later: --reason '…'")
    with leases.held(f"lake/{table_name}", "discard", progress) as lease:
        before = settled_holding(table_name, load_id, school_id, lease)
        record = before.record
        for each in before.objects:
            how = Change(Deed.DISCARD, "", "", "", 0, utc_text(now), by, reason.strip())
            record = _discard_object(record, each, how, lease)
    new = record.done[len(before.record.done) :]
    bucket = setting("LAKE_BUCKET")
    return Discard(
        before,
        holding(table_name, load_id, school_id),
        sum(done.rows for done in new),
        tuple(f"s3://{bucket}/{done.writes}" for done in new),
    )


def _discard_object(record: Record, each: Held, how: Change, lease: Lease) -> Record:
    body = body_of(each.object)
    rows = rows_in(body)
    broken = Counter(name for names in noted_rules(rows) for name in names)
    receipt = {
        "table": each.table,
        "load_id": each.load_id,
        "school_id": each.school_id,
        "discarded_at": how.at,
        "discarded_by": how.by,
        "reason": how.reason,
        "rows": rows.num_rows,
        "broken_rules": dict(sorted(broken.items())),
        "object": each.object.key,
        "sha256": digest(body),
    }
    stem = PurePosixPath(each.object.key).stem
    folder = f"{RECEIPTS}{each.table}/load_id={each.load_id}/school_id={each.school_id}/"
    wanted = Change(
        Deed.DISCARD,
        each.object.key,
        digest(body),
        "",
        rows.num_rows,
        how.at,
        how.by,
        how.reason,
        f"{folder}{stem}-{len(record.done):04d}.json",
    )
    written = json.dumps(receipt, indent=2, ensure_ascii=False).encode()
    return change(record, wanted, each.object, written, b"", lease)

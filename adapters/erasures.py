"""Erasures in the ledger: what is under way, and the chain of receipts.

| item | PK | SK |
|---|---|---|
| an erasure under way | `ERASURE#{school}` | the student's keyed hash, or `WHOLE` |
| a receipt | `ERASURES` | `00000001` |

What an erasure found before it removed anything, and what a receipt says, are objects of the lake bucket:
they name every file. A receipt's item has the digest of its object and of the receipt before it, so neither
can be changed, taken out or put in without breaking the chain. No student's identifier or pseudonym is in it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters import lake, ledger_table
from adapters.leases import Lease
from adapters.settings import setting
from transforms import keys
from transforms.calendar import utc_text

WHOLE = "WHOLE"  # instead of a hash: the whole school
FIRST = "0" * 64  # what the first receipt names as the one before it

Body = Mapping[str, Any]


class ChainBrokenError(RuntimeError):
    """The receipts are not as they were written."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A link of the chain.

    Attributes:
        number: From 1.
        written_at: UTC text.
        key: Of its object in the lake bucket.
        body_digest: SHA-256 of that object.
        previous: Digest of the receipt before it.
        digest: SHA-256 over all of the above.
    """

    number: int
    written_at: str
    key: str
    body_digest: str
    previous: str
    digest: str


def begun(school_id: str, mark: str) -> Body | None:
    """What an erasure that was begun and not ended had found; None where there is none."""
    item = ledger_table.get(_open_key(school_id, mark))
    if item is None:
        return None
    plan: Body = json.loads(lake.read(setting("LAKE_BUCKET"), item["plan"]))
    return plan


def begin(school_id: str, mark: str, plan: Body, lease: Lease, now: datetime) -> None:
    """Notes what an erasure has found, before it removes anything.

    Raises:
        ConditionError: Another run has the lease.
    """
    key = f"erasures/plans/{keys.identifier('school_id', school_id)}/{mark}.json"
    lake.write(setting("LAKE_BUCKET"), key, _spelled(plan), "application/json")
    item = {**_open_key(school_id, mark), "plan": key, "begun_at": utc_text(now)}
    ledger_table.write([lease.fence, ledger_table.put_over(item)])


def write_receipt(body: Body, now: datetime, lease: Lease, ends: tuple[str, str] | None = None) -> Receipt:
    """Adds a receipt to the chain.

    Args:
        body: What it says; JSON.
        now: Aware.
        lease: Of the erasure.
        ends: School and mark of the erasure that it ends.

    Raises:
        ConditionError: Another receipt was written at the same moment, or the lease is lost; run it again.
    """
    last = next(iter(ledger_table.last_items("ERASURES", 1)), None)
    number = int(last["SK"]) + 1 if last else 1
    spelled = _spelled({**body, "number": number})
    key = f"erasures/receipts/{number:08d}.json"
    previous = str(last["digest"]) if last else FIRST
    receipt = _linked(number, utc_text(now), key, hashlib.sha256(spelled).hexdigest(), previous)
    lake.write(setting("LAKE_BUCKET"), key, spelled, "application/json")
    item = {
        "PK": "ERASURES",
        "SK": f"{number:08d}",
        "written_at": receipt.written_at,
        "key": key,
        "body_digest": receipt.body_digest,
        "previous": previous,
        "digest": receipt.digest,
    }
    actions = [lease.fence, ledger_table.put_new(item)]
    if ends:
        actions.append(ledger_table.delete_if(_open_key(*ends), "attribute_exists(PK)"))
    ledger_table.write(actions)
    return receipt


def receipts() -> Iterator[Receipt]:
    """The chain as the ledger has it, the oldest first; nothing is checked."""
    for item in ledger_table.items("ERASURES"):
        names = ("written_at", "key", "body_digest", "previous", "digest")
        yield Receipt(int(item["SK"]), *(str(item[name]) for name in names))


def verify(head: str | None = None) -> int:
    """Checks that every receipt is as it was written, and that none is missing.

    Args:
        head: Digest of the newest receipt, as somebody noted it elsewhere: without it, receipts that were
            taken off the end cannot be missed.

    Returns:
        How many receipts there are.

    Raises:
        ChainBrokenError: Names the first receipt that is not as it was.
    """
    before, number = FIRST, 0
    seen = {FIRST}
    for number, receipt in enumerate(receipts(), start=1):
        if receipt.number != number:
            raise ChainBrokenError(f"receipt {number} is missing: the next one is {receipt.number}")
        expected = _linked(number, receipt.written_at, receipt.key, receipt.body_digest, before)
        if receipt != expected:
            raise ChainBrokenError(f"receipt {number} was changed in the ledger: its digest does not fit")
        try:
            body = lake.read(setting("LAKE_BUCKET"), receipt.key)
        except lake.ObjectVanishedError as error:
            raise ChainBrokenError(f"receipt {number} has lost its object {receipt.key}") from error
        if hashlib.sha256(body).hexdigest() != receipt.body_digest:
            raise ChainBrokenError(f"receipt {number} was changed: {receipt.key} is not what was written")
        before = receipt.digest
        seen.add(before)
    if head is not None and head not in seen:
        raise ChainBrokenError(f"no receipt has the digest {head}: receipts were taken off the end")
    return number


def _linked(number: int, written_at: str, key: str, body_digest: str, previous: str) -> Receipt:
    told = f"{number}\n{written_at}\n{key}\n{body_digest}\n{previous}"
    return Receipt(number, written_at, key, body_digest, previous, hashlib.sha256(told.encode()).hexdigest())


def _spelled(body: Body) -> bytes:
    return json.dumps(body, sort_keys=True, indent=1, ensure_ascii=False).encode()


def _open_key(school_id: str, mark: str) -> dict[str, str]:
    return {"PK": f"ERASURE#{keys.identifier('school_id', school_id)}", "SK": mark}

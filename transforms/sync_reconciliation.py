"""Our books of what the government was told, against its receipts, both ways.

Neither side's word is enough: a time-out hides that a batch was applied, and a receipt may be
for something that never reached the record. Only line ids are compared, so that no student's
identifier stands in a report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from transforms.sync_batches import parse_line_id


class Kind(StrEnum):
    """What is wrong between the two books."""

    LACKING = "lacking"  # we think it was sent, they do not hold it
    UNRECORDED = "unrecorded"  # they hold it, we do not know
    VERSION_DIFFERS = "version_differs"  # both hold the grade, in different versions
    FOREIGN = "foreign"  # they hold a batch that was never ours


REPAIRS: dict[Kind, str] = {
    Kind.LACKING: "send those grades again, as they are now",
    Kind.UNRECORDED: "take over the government's receipt",
    Kind.VERSION_DIFFERS: "send the version that was confirmed to us again, if the grade still has it",
    Kind.FOREIGN: "none by machine: ask the government who sent it",
}


@dataclass(frozen=True, slots=True)
class SentBatch:
    """A batch in our books.

    Attributes:
        school_id: Whose grades.
        sync_batch_id: Its id.
        accepted: Ids of the lines that the government confirmed to us; empty while it has not.
        confirmed_at: When it did, by its own clock, UTC text; None while it has not.
    """

    school_id: str
    sync_batch_id: str
    accepted: frozenset[str]
    confirmed_at: str | None


@dataclass(frozen=True, slots=True)
class HeldReceipt:
    """A receipt in the government's books.

    Attributes:
        school_id: Whose grades.
        sync_batch_id: The batch that it is for.
        receipt_id: The government's number.
        received_at: By its clock, UTC text.
        accepted: Ids of the lines that are on the record.
    """

    school_id: str
    sync_batch_id: str
    receipt_id: str
    received_at: str
    accepted: frozenset[str]


class Discrepancy(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the books do not agree on, batch by batch.

    Attributes:
        kind: What is wrong.
        school_id: Whose grades.
        sync_batch_id: The batch of ours that it shows in; theirs where we have none.
        line_ids: The lines concerned, as in that batch.
        receipt_id: The government's, where it holds something.
    """

    kind: Kind
    school_id: str
    sync_batch_id: str
    line_ids: tuple[str, ...]
    receipt_id: str | None = None


def reconcile(
    sent: Iterable[SentBatch], held: Iterable[HeldReceipt], since: str, settled_before: str
) -> list[Discrepancy]:
    """Compares the books.

    Args:
        sent: Our batches, each once; at least all that may have a receipt of the span.
        held: The government's receipts of the span, in any order.
        since: UTC text; where the span begins, by the government's clock.
        settled_before: UTC text. What was received later is still on its way into the other's
            books, and is judged the next day.

    Returns:
        What they disagree on, by school, kind and batch. Of a grade that was sent in several
        versions only the last counts, on either side.
    """
    ours = {batch.sync_batch_id: batch for batch in sent}
    theirs = sorted(held, key=lambda receipt: (receipt.received_at, receipt.receipt_id))
    confirmed = _latest_confirmed(ours.values())
    on_record = _latest_held(theirs)

    found: dict[tuple[Kind, str, str, str | None], list[str]] = {}
    for grade, (version, batch) in confirmed.items():
        assert batch.confirmed_at is not None
        if not since <= batch.confirmed_at < settled_before:
            continue
        line = f"{grade}-{version}"
        if grade not in on_record:
            _note(found, Kind.LACKING, batch, line, None)
            continue
        held_version, receipt = on_record[grade]
        # A newer version in a receipt that we have not noted is told below, as what it is.
        noted = (
            receipt.sync_batch_id in ours
            and f"{grade}-{held_version}" in ours[receipt.sync_batch_id].accepted
        )
        if held_version != version and (noted or held_version < version):
            _note(found, Kind.VERSION_DIFFERS, batch, line, receipt.receipt_id)
    for receipt in theirs:
        if receipt.received_at >= settled_before:
            continue
        known = ours.get(receipt.sync_batch_id)
        for line in sorted(receipt.accepted - (known.accepted if known else frozenset())):
            kind = Kind.FOREIGN if known is None else Kind.UNRECORDED
            _note(found, kind, receipt, line, receipt.receipt_id)
    discrepancies = [
        Discrepancy(
            kind=kind,
            school_id=school_id,
            sync_batch_id=batch_id,
            line_ids=tuple(lines),
            receipt_id=receipt_id,
        )
        for (kind, school_id, batch_id, receipt_id), lines in found.items()
    ]
    return sorted(discrepancies, key=lambda each: (each.school_id, each.kind, each.sync_batch_id))


def counts(discrepancies: Iterable[Discrepancy]) -> dict[Kind, int]:
    """Lines by kind; kinds of which there are none count 0."""
    found: Counter[Kind] = Counter()
    for each in discrepancies:
        found[each.kind] += len(each.line_ids)
    return {kind: found[kind] for kind in Kind}


def _latest_confirmed(batches: Iterable[SentBatch]) -> dict[str, tuple[int, SentBatch]]:
    """By grade: the highest version that was confirmed to us, and its (last) batch."""
    latest: dict[str, tuple[int, SentBatch]] = {}
    for batch in batches:
        for line in batch.accepted:
            grade, version = parse_line_id(line)
            before = latest.get(grade)
            if before is None or (version, batch.confirmed_at or "") >= (
                before[0],
                before[1].confirmed_at or "",
            ):
                latest[grade] = (version, batch)
    return latest


def _latest_held(receipts: Iterable[HeldReceipt]) -> Mapping[str, tuple[int, HeldReceipt]]:
    """By grade: the version that was received last, which is what the record shows."""
    latest: dict[str, tuple[int, HeldReceipt]] = {}
    for receipt in receipts:
        for line in receipt.accepted:
            grade, version = parse_line_id(line)
            latest[grade] = (version, receipt)
    return latest


def _note(
    found: dict[tuple[Kind, str, str, str | None], list[str]],
    kind: Kind,
    where: SentBatch | HeldReceipt,
    line: str,
    receipt_id: str | None,
) -> None:
    found.setdefault((kind, where.school_id, where.sync_batch_id, receipt_id), []).append(line)

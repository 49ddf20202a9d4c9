"""One erasure: look, note what was found, remove it everywhere, look again, leave a receipt.

    begun in the ledger → tombstone → removed, place by place → nothing is left → receipt

Each step can be done again. An erasure that was killed anywhere is ended by the next one on the same subject,
and its receipt tells what both have found.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters import erasures, leases, pseudonym_keys, tombstones
from adapters.erasures import WHOLE, Receipt
from adapters.object_versions import Meter
from pipelines.erasure import everywhere
from pipelines.erasure.holders import Finding, Holder, Work
from pipelines.erasure.subject import Subject
from transforms.calendar import utc_text

# Until every worker knows of a tombstone (a minute) and what Firehose holds has landed (another).
SETTLE_SECONDS = 150.0

Say = Callable[[str], None]


class NothingFoundError(RuntimeError):
    """Nothing of the subject is anywhere: nothing was erased, which is no success."""


class ErasureIncompleteError(RuntimeError):
    """Something of the subject is still there."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at every place found.

    Attributes:
        findings: By place and object.
        read: What was read of objects.
    """

    findings: tuple[Finding, ...]
    read: Meter

    @property
    def rows(self) -> Counter[str]:
        """Rows, items and messages of the subject, by place."""
        return _sums(self.findings)


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did.

    Attributes:
        receipt: Its link of the chain.
        findings: What was removed.
        read: Read of objects, to find, to write anew and to look again.
        written: Written anew.
    """

    receipt: Receipt
    findings: tuple[Finding, ...]
    read: Meter
    written: Meter


def look(subject: Subject, say: Say = lambda text: None) -> Looked:
    """What an erasure would remove; nothing is changed."""
    work = Work(subject, say)
    every = everywhere.holders(whole_school=subject.student_id is None)
    return Looked(tuple(everywhere.find(every, work)), work.meter)


def erase(
    subject: Subject,
    *,
    now: datetime,
    reason: str,
    settle: float = SETTLE_SECONDS,
    say: Say = lambda text: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Erased:
    """Removes a subject everywhere.

    Args:
        subject: Whom.
        now: Aware.
        reason: Why, for the receipt; names nobody.
        settle: Seconds to wait after new events are refused, until what was on its way has arrived.
        say: Told what is going on.
        sleep: How to wait.

    Raises:
        NothingFoundError: There is nothing of the subject; no tombstone and no receipt was made.
        ErasureIncompleteError: Something is still there; the erasure stays begun.
        LeaseHeldError: Another erasure of the school is at work, or another run writes to a table.
        UnfinishedWorkError: A load has to be ended first.
        UnreadableRowsError: An object may hold the subject and cannot be read.
    """
    with leases.held(f"erasure/{subject.school_id}", "erasure", say) as lease:
        every = everywhere.holders(whole_school=subject.student_id is None)
        work = Work(subject, say, lease.check)
        found = everywhere.find(every, work)
        mark = WHOLE
        if subject.student_id is not None:
            mark = tombstones.subject_hash(subject.school_id, subject.student_id)
        begun = erasures.begun(subject.school_id, mark)
        if not found and begun is None:
            raise NothingFoundError(
                f"nothing found: no place holds anything of this subject of school {subject.school_id!r}, so "
                "nothing was erased. Is the identifier the one that the school sends?"
            )
        found = _merged(_read_findings(begun), found)
        plan = {
            "findings": [finding._asdict() for finding in found],
            "begun_at": begun["begun_at"] if begun else utc_text(now),
        }
        erasures.begin(subject.school_id, mark, plan, lease, now)
        _refuse_new_ones(subject, every, work)
        say(f"waiting {settle:.0f} s for what is on its way")
        sleep(settle)
        left = _remove(every, work)
        destroyed = _destroy_keys(subject, work)
        body = _receipt_body(subject, mark, reason, plan, work, left, destroyed)
        receipt = erasures.write_receipt(body, now, lease, ends=(subject.school_id, mark))
        return Erased(receipt, tuple(found), work.meter, work.output)


def lift(school_id: str, student_id: str, *, now: datetime, reason: str) -> Receipt:
    """Lets a student who was erased send events again, for one who enrols again.

    Raises:
        LookupError: The student was not erased.
        LeaseHeldError: An erasure of the school is at work.
    """
    with leases.held(f"erasure/{school_id}", "lifting a tombstone") as lease:
        mark = tombstones.subject_hash(school_id, student_id)
        if not tombstones.lift(school_id, student_id):
            raise LookupError(f"no such student of school {school_id!r} was erased: nothing was lifted")
        body = {
            "kind": "lift",
            "school_id": school_id,
            "subject": mark,
            "reason": reason,
            "at": utc_text(now),
        }
        return erasures.write_receipt(body, now, lease)


def _refuse_new_ones(subject: Subject, every: list[Holder], work: Work) -> None:
    """From now on nothing new of the subject is stored, once every worker knows."""
    if subject.student_id is not None:
        tombstones.bury(subject.school_id, subject.student_id)
    else:
        every[0].remove(work)  # with its configuration, a school's events are refused


def _remove(every: list[Holder], work: Work) -> Counter[str]:
    """Removes the subject everywhere and looks again; what this second look counted, by place."""
    for holder in every:
        work.say(f"removing from {', '.join(place.name for place in holder.places)[:70]}")
        holder.remove(work)
    left = _sums(everywhere.find(every, work))
    if left:
        where = ", ".join(f"{count:,} in {place}" for place, count in left.items())
        raise ErasureIncompleteError(
            f"something is still there: {where}. It came while the erasure ran; run it again, and do not run "
            "`luca trends` or `luca load` beside it"
        )
    return left


def _destroy_keys(subject: Subject, work: Work) -> list[int]:
    """Destroys the keys of a school that is erased as a whole; their versions."""
    if subject.student_id is not None:
        return []
    versions = [each.version for each in pseudonym_keys.key_versions(subject.school_id)]
    for version in versions:
        work.check()
        pseudonym_keys.delete_key(subject.school_id, version)
    tombstones.forget_school(subject.school_id)
    return versions


def _receipt_body(
    subject: Subject,
    mark: str,
    reason: str,
    plan: Mapping[str, Any],
    work: Work,
    left: Counter[str],
    destroyed: list[int],
) -> dict[str, Any]:
    found = [Finding(**each) for each in plan["findings"]]
    objects = Counter(finding.place for finding in found)
    return {
        "kind": "erasure",
        "school_id": subject.school_id,
        "subject": mark,
        "reason": reason,
        "begun_at": plan["begun_at"],
        "places": [
            {"place": place, "objects": objects[place], "rows_before": rows, "rows_after": left[place]}
            for place, rows in _sums(found).items()
        ],
        "files": plan["findings"],
        "keys_destroyed": destroyed,
        "bytes_read": work.meter.size,
        "bytes_written": work.output.size,
        "left": [
            {"place": place.name, "why": place.erasure.remove.value, "until": place.rule.words}
            for place in everywhere.untouched()
        ],
    }


def _read_findings(begun: Mapping[str, Any] | None) -> list[Finding]:
    return [Finding(**each) for each in begun["findings"]] if begun else []


def _merged(before: Iterable[Finding], now: Iterable[Finding]) -> list[Finding]:
    """What both looks found; of an object that both have seen, what the first one saw."""
    found = {(each.place, each.what, each.version): each for each in now}
    found |= {(each.place, each.what, each.version): each for each in before}
    return sorted(found.values())


def _sums(findings: Iterable[Finding]) -> Counter[str]:
    rows: Counter[str] = Counter()
    for finding in findings:
        rows[finding.place] += finding.rows
    return rows

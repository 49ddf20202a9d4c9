"""Opens batches that the next execution of a school will send: of failures, and of repairs.

Nothing is sent here. A batch is chosen and written down under the school's turn, and an execution
with the scope `open` carries it out; if this process dies in between, any later one does.

Never an older version after a newer one: of a failed batch only those lines are sent again whose
grade is still the same. A newer version goes its own way, and may have failed too: if both were
opened, the older one could arrive last.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

from adapters import government, sync_failures, sync_grades, sync_records, sync_turns
from adapters.batches import batches
from adapters.sync_failures import Failure, FailureStatus
from adapters.transactions import ConditionsError, transact
from transforms.academic_items import Grade
from transforms.sync_batches import MAX_LINES, Batch, Line, batch_of
from transforms.sync_reconciliation import Discrepancy, Kind


class NotRetryableError(RuntimeError):
    """A failure that is not open: it is on its way already, or settled."""


@dataclass(frozen=True, slots=True)
class Reopened:
    """What was opened for a failure.

    Attributes:
        failure_id: The failure's.
        sync_batch_id: The batch that will be sent; None if every grade of it was corrected since.
        lines: How many.
        left_out: Lines whose grade was corrected, or erased, since.
    """

    failure_id: str
    sync_batch_id: str | None
    lines: int
    left_out: int


def reopen(failure: Failure) -> Reopened:
    """Opens a batch for a failure, once: a second call finds it on its way.

    The whole batch again keeps its id, so that the government tells a repetition from news. A part
    of it, or lines that were refused, are another batch.

    Raises:
        NotRetryableError: It is on its way already, or settled.
        SyncRunningError: The school is being synchronised right now.
    """
    school_id = failure.school_id
    with _turn(school_id) as (owner, now):
        batch, instead_of = _again(failure)
        if batch is None:
            _move(failure, FailureStatus.SUPERSEDED, now)
            return Reopened(failure.id, None, 0, len(failure.line_ids))
        taken = sync_failures.moved(
            school_id, failure.batch.sync_batch_id, FailureStatus.RETRYING, now, only_from=FailureStatus.OPEN
        )
        try:
            sync_records.begin(
                batch,
                owner=owner,
                now=now,
                correlation_id=failure.correlation_id,
                retry_of=failure.batch.sync_batch_id,
                instead_of=instead_of,
                also=[taken],
            )
        except ConditionsError as moved:
            raise _not_open(failure) from moved
    return Reopened(
        failure.id, batch.sync_batch_id, len(batch.lines), len(failure.line_ids) - len(batch.lines)
    )


def _again(failure: Failure) -> tuple[Batch | None, str | None]:
    """The batch to send for a failure, and the one it is a part of if that was perhaps applied."""
    wanted = set(failure.line_ids)
    lines = [line for line in failure.batch.lines if line.line_id in wanted]
    standing = sync_grades.grades(line.group(failure.school_id) for line in lines)
    sendable = [line for line in lines if _still(line, standing.get(line.group(failure.school_id)))]
    if not sendable:
        return None, None
    if failure.partial:  # the government has answered: those lines are not on the record
        return batch_of(failure.school_id, sendable, failure.batch.resubmission + 1), None
    if len(sendable) == len(failure.batch.lines):
        return failure.batch, None
    part = batch_of(failure.school_id, sendable, failure.batch.resubmission)
    return part, failure.batch.sync_batch_id


def _still(line: Line, grade: Grade | None) -> bool:
    """Whether a line says what its grade is: it was neither corrected nor erased since."""
    return grade is not None and grade.version == line.version


def _move(failure: Failure, status: FailureStatus, now: datetime) -> None:
    action = sync_failures.moved(
        failure.school_id, failure.batch.sync_batch_id, status, now, only_from=FailureStatus.OPEN
    )
    try:
        transact([action])
    except ConditionsError as moved:
        raise _not_open(failure) from moved


def _not_open(failure: Failure) -> NotRetryableError:
    return NotRetryableError(
        f"failure {failure.id} is not open any more: somebody retries it, or it is settled; "
        "`luca sync failures` shows what is open"
    )


@dataclass(frozen=True, slots=True)
class Repair:
    """What was opened for a school's discrepancies.

    Attributes:
        school_id: The school.
        taken_over: Batches whose receipts are taken over.
        sent_again: Lines that are sent again.
        left_out: Lines that are not: corrected since, so that their new version goes its own way.
        for_people: Lines that only the government can explain.
    """

    school_id: str
    taken_over: int
    sent_again: int
    left_out: int
    for_people: int


def repair(discrepancies: Iterable[Discrepancy]) -> Iterator[Repair]:
    """Opens what makes the books agree again, school by school.

    Raises:
        SyncRunningError: A school is being synchronised right now.
        GovernmentUnavailableError: The government does not show a receipt.
    """
    by_school = sorted(discrepancies, key=lambda each: each.school_id)
    for school_id, found in groupby(by_school, key=lambda each: each.school_id):
        yield _repair_school(school_id, list(found))


def _repair_school(school_id: str, found: Sequence[Discrepancy]) -> Repair:
    correlation_id = str(uuid.uuid4())
    with _turn(school_id) as (owner, now):
        taken_over = 0
        for batch_id in sorted({each.sync_batch_id for each in found if each.kind is Kind.UNRECORDED}):
            taken_over += _take_over(school_id, batch_id, owner, now)
        lines, left_out = _to_send_again(
            school_id, [each for each in found if each.kind in {Kind.LACKING, Kind.VERSION_DIFFERS}]
        )
        for resubmission, part in lines:
            sync_records.begin(
                batch_of(school_id, part, resubmission), owner=owner, now=now, correlation_id=correlation_id
            )
    return Repair(
        school_id,
        taken_over,
        sum(len(part) for _, part in lines),
        left_out,
        sum(len(each.line_ids) for each in found if each.kind is Kind.FOREIGN),
    )


def _take_over(school_id: str, batch_id: str, owner: str, now: datetime) -> bool:
    """Opens a batch of ours with the receipt that the government has of it: nothing will be sent."""
    record = sync_records.read(school_id, batch_id)
    receipt = government.receipt_of(record.batch)
    if receipt is None:  # it lists what it does not have: it will be listed tomorrow, or not
        return False
    failed = record.status is sync_records.Status.FAILED
    sync_records.begin(
        record.batch,
        owner=owner,
        now=now,
        correlation_id=record.correlation_id,
        retry_of=batch_id if failed else record.retry_of,
        receipt=receipt,
    )
    return True


def _to_send_again(school_id: str, found: Sequence[Discrepancy]) -> tuple[list[tuple[int, list[Line]]], int]:
    """Batches of what the government lacks, each with its resubmission; and how many lines are left out."""
    wanted: dict[str, Line] = {}
    resubmission = 0
    for each in found:
        batch = sync_records.read(school_id, each.sync_batch_id).batch
        resubmission = max(resubmission, batch.resubmission + 1)
        by_id = {line.line_id: line for line in batch.lines}
        wanted |= {line_id: by_id[line_id] for line_id in each.line_ids}
    standing = sync_grades.grades(line.group(school_id) for line in wanted.values())
    again = [line for line in wanted.values() if _still(line, standing.get(line.group(school_id)))]
    ordered = sorted(again, key=lambda line: (line.student_id, line.subject, line.period))
    parts = [(resubmission, part) for part in batches(ordered, MAX_LINES)]
    return parts, len(wanted) - len(again)


@contextmanager
def _turn(school_id: str) -> Iterator[tuple[str, datetime]]:
    """The school's turn, for as long as it takes to write batches down."""
    owner, now = f"luca/{uuid.uuid4()}", _now()
    sync_turns.take(school_id, owner, now)
    try:
        yield owner, now
    finally:
        sync_turns.give_back(school_id, owner)


def _now() -> datetime:
    return datetime.now(UTC)

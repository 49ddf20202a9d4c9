"""The synchronisation's own side: what is pending, which batch, and what follows from an answer.

One function for five states, because they share the school's turn, the batch's record and one
role. Sending is another function (`government_sender`), with the government's token and a way out,
which cannot touch a grade; this one can reach nobody outside.

Each state may be run again after a crash anywhere: what is written is conditional or the same.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
from aws_lambda_powertools.metrics import MetricUnit

from adapters import sync_failures, sync_grades, sync_records, sync_turns
from adapters.school_register import school_ids
from adapters.sync_failures import Failure, FailureStatus
from adapters.sync_records import Record, Status
from adapters.telemetry import logger, metrics, tracer
from adapters.transactions import Action
from transforms.calendar import utc_text
from transforms.sync_batches import MAX_LINES, batch_of, line_of
from transforms.sync_responses import LineResult
from transforms.sync_states import MOST_BATCHES, BatchState, SyncState

Step = Callable[[SyncState, str], SyncState]


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Does the work of one state.

    Args:
        event: `action`: the state's name; `execution`: its ARN, under which the school's turn is
            taken; `state`: what the execution carries (`transforms.sync_states`).
        context: Lambda's own.

    Returns:
        The new state; for `ListSchools`, `schools`: the ids of all schools.

    Raises:
        SyncRunningError: Another execution has the school's turn. Not to be tried again.
        StoreBusyError, ClientError, BotoCoreError: The store failed. To be tried again.
    """
    action: str = event["action"]
    metrics.add_metric("GovernmentStates", MetricUnit.Count, 1)
    if action == "ListSchools":
        return {"schools": list(school_ids())}
    state = msgspec.convert(event["state"], SyncState)
    logger.append_keys(school_id=state.school_id, correlation_id=state.correlation_id)
    done = STEPS[action](state, event["execution"])
    logger.info("state done", action=action, batch=done.batch and done.batch.sync_batch_id)
    return msgspec.to_builtins(done)  # type: ignore[no-any-return]  # a Struct becomes a dict


def _now() -> datetime:
    return datetime.now(UTC)


def query_pending_grades(state: SyncState, execution: str) -> SyncState:
    """Takes the school's turn and looks whether there is anything to send."""
    sync_turns.take(state.school_id, execution, _now())
    state.correlation_id = state.correlation_id or str(uuid.uuid5(uuid.NAMESPACE_URL, execution))
    state.found = _anything_left(state)
    if not state.found:
        sync_turns.give_back(state.school_id, execution)
    return state


def prep_batch(state: SyncState, execution: str) -> SyncState:
    """Chooses the batch: one that was begun and not ended, else the first 100 grades that wait."""
    record = sync_records.first_open(state.school_id)
    if record is not None:
        batch = record.batch
    elif found := _pending(state, MAX_LINES):
        batch = batch_of(state.school_id, map(line_of, found))
        sync_records.begin(batch, owner=execution, now=_now(), correlation_id=state.correlation_id)
    else:  # what was seen a moment ago is gone, such as an erased student's grades
        state.batch = BatchState(sync_batch_id=None, lines=0)
        return state
    state.batch = BatchState(sync_batch_id=batch.sync_batch_id, lines=len(batch.lines))
    return state


def update_success(state: SyncState, execution: str) -> SyncState:
    """Notes the receipt on every grade, line by line, and ends the batch."""
    record = _record(state)
    if record is not None:
        receipt = record.receipt
        assert receipt is not None, "the sender keeps the receipt before it says accepted"
        now, batch = _now(), record.batch
        accepted = [line for line in batch.lines if line.line_id in receipt.accepted]
        refused = [line for line in batch.lines if line.line_id not in receipt.accepted]
        sync_grades.mark_accepted(
            batch.school_id,
            accepted,
            sync_batch_id=batch.sync_batch_id,
            receipt_id=receipt.receipt_id,
            synced_at=utc_text(now),
        )
        sync_grades.mark_failed(batch.school_id, refused, batch.sync_batch_id)
        sync_records.close(record, Status.ACCEPTED, now, _after_answer(record, receipt.refused, now))
        state.accepted += len(accepted)
        state.refused += len(refused)
        metrics.add_metric("GovernmentLinesAccepted", MetricUnit.Count, len(accepted))
        metrics.add_metric("GovernmentLinesRefused", MetricUnit.Count, len(refused))
    return _go_on(state, execution)


def mark_failed(state: SyncState, execution: str) -> SyncState:
    """Notes on every grade of the batch that the government did not take it."""
    record = _record(state)
    if record is not None:
        sync_turns.take(state.school_id, execution, _now())
        sync_grades.mark_failed(state.school_id, record.batch.lines, record.batch.sync_batch_id)
    return state


def write_to_dlq(state: SyncState, execution: str) -> SyncState:
    """Writes the batch to SyncFailures, with all that a person needs, and ends it."""
    record = _record(state)
    if record is not None:
        now, batch = _now(), record.batch
        row = _failure(record, tuple(line.line_id for line in batch.lines), now)
        sync_records.close(record, Status.FAILED, now, [sync_failures.written(row), *_replaced(record, now)])
        state.failed += len(batch.lines)
        metrics.add_metric("GovernmentBatchesFailed", MetricUnit.Count, 1)
        logger.error("batch failed", batch=batch.sync_batch_id, error=row.error, attempts=row.attempts)
    return _go_on(state, execution)


def _record(state: SyncState) -> Record | None:
    """The record of the state's batch; None where there was nothing to send."""
    assert state.batch is not None, "PrepBatch comes first"
    if state.batch.sync_batch_id is None:
        return None
    return sync_records.read(state.school_id, state.batch.sync_batch_id)


def _after_answer(record: Record, refused: tuple[LineResult, ...], now: datetime) -> list[Action]:
    """What SyncFailures must know of an answered batch: its refused lines, and the failure it ends."""
    if refused:
        row = _failure(record, tuple(line.line_id for line in refused), now, refused)
        return [sync_failures.written(row), *_replaced(record, now)]
    if record.retry_of:
        return [sync_failures.moved(record.batch.school_id, record.retry_of, FailureStatus.RESOLVED, now)]
    return []


def _replaced(record: Record, now: datetime) -> list[Action]:
    """A retry that failed under another id than the failure it was to end: that one is history."""
    if record.retry_of in {None, record.batch.sync_batch_id}:
        return []  # the same failure is written again
    assert record.retry_of is not None
    return [sync_failures.moved(record.batch.school_id, record.retry_of, FailureStatus.REPLACED, now)]


def _failure(
    record: Record, line_ids: tuple[str, ...], now: datetime, refusals: tuple[LineResult, ...] = ()
) -> Failure:
    refused = f"the government refused {len(line_ids)} of {len(record.batch.lines)} lines"
    return Failure(
        school_id=record.batch.school_id,
        batch=record.batch,
        line_ids=line_ids,
        error="refused" if refusals else record.error or "unknown",
        message=refused if refusals else record.message or "",
        attempts=record.attempts,
        failed_at=utc_text(now),
        correlation_id=record.correlation_id,
        refusals=refusals,
    )


def _go_on(state: SyncState, execution: str) -> SyncState:
    """Whether there is more to send; if this execution does not send it, its turn ends."""
    state.batches += 1
    state.more = _anything_left(state)
    state.go_on = state.more and state.batches < MOST_BATCHES
    if not state.go_on:
        sync_turns.give_back(state.school_id, execution)
    return state


def _anything_left(state: SyncState) -> bool:
    return sync_records.first_open(state.school_id) is not None or bool(_pending(state, 1))


def _pending(state: SyncState, limit: int) -> list[Any]:
    if state.scope == "open":
        return []
    found = sync_grades.pending_grades(state.school_id, limit)
    if found.unreadable:
        metrics.add_metric("GradesUnreadable", MetricUnit.Count, found.unreadable)
        logger.error("items that wait are no grades", items=found.unreadable)
    return found.grades


STEPS: dict[str, Step] = {
    "QueryPendingGrades": query_pending_grades,
    "PrepBatch": prep_batch,
    "UpdateSuccess": update_success,
    "MarkFailed": mark_failed,
    "WriteToDLQ": write_to_dlq,
}

"""The state SendToGov: one batch, one request, and what its answer means.

The only function that sends, with the government's token and a way out of the account; it reads
the batch from the synchronisation's table and can neither read nor write a grade.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from aws_lambda_powertools.metrics import MetricUnit

from adapters import government, sync_records, sync_turns
from adapters.sync_records import Record
from adapters.telemetry import logger, metrics, tracer
from transforms.sync_responses import Outcome, Receipt, decide
from transforms.sync_states import BatchState, SyncState


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Sends the state's batch once, if its answer is not known already.

    Args:
        event: As of `lambdas.government_sync`.
        context: Lambda's own.

    Returns:
        The new state, with the batch's outcome and the seconds to wait.

    Raises:
        SyncRunningError: Another execution has the school's turn: nothing was sent.
        GovernmentUnavailableError: It does not say whether it has the batch that this one is a
            part of. To be tried again.
        ClientError, BotoCoreError: The store or the secret cannot be read. To be tried again: the
            government applies a batch's id once.
    """
    metrics.add_metric("GovernmentTries", MetricUnit.Count, 1)
    state = msgspec.convert(event["state"], SyncState)
    logger.append_keys(school_id=state.school_id, correlation_id=state.correlation_id)
    assert state.batch is not None, "PrepBatch comes first"
    if state.batch.sync_batch_id is None:
        state.batch.outcome = Outcome.ACCEPTED.value  # nothing is left to send, which is fine with everyone
    else:
        record = sync_records.read(state.school_id, state.batch.sync_batch_id)
        state.batch = _known(record) or _sent(record, state.batch, event["execution"])
    logger.info(
        "batch sent", batch=state.batch.sync_batch_id, outcome=state.batch.outcome, error=state.batch.error
    )
    return msgspec.to_builtins(state)  # type: ignore[no-any-return]  # a Struct becomes a dict


def _now() -> datetime:
    return datetime.now(UTC)


def _known(record: Record) -> BatchState | None:
    """A batch whose answer is known: kept before a crash, or found under the id it is a part of."""
    if record.receipt is not None:
        return _accepted(record.receipt)
    if record.instead_of is None:
        return None
    whole = sync_records.read(record.batch.school_id, record.instead_of)
    receipt = whole.receipt or government.receipt_of(whole.batch)
    if receipt is None:
        return None
    sync_records.turn_to(record, receipt, _now())
    return _accepted(receipt)


def _sent(record: Record, batch: BatchState, execution: str) -> BatchState:
    sync_records.count_attempt(record, execution, _now())
    answer = government.send(record.batch, record.correlation_id)
    tries = batch.tries + 1
    decision = decide(record.batch, answer, tries, _now())
    if decision.receipt is not None:
        sync_records.note_receipt(record.batch.school_id, decision.receipt, _now())
        return msgspec.structs.replace(_accepted(decision.receipt), tries=tries)
    sync_records.note_error(record, decision.error or "unknown", decision.message or "", _now())
    sync_turns.take(record.batch.school_id, execution, _now(), decision.wait_seconds)
    return BatchState(
        sync_batch_id=record.batch.sync_batch_id,
        lines=len(record.batch.lines),
        tries=tries,
        outcome=decision.outcome.value,
        wait_seconds=decision.wait_seconds,
        error=decision.error,
    )


def _accepted(receipt: Receipt) -> BatchState:
    return BatchState(
        sync_batch_id=receipt.sync_batch_id, lines=len(receipt.lines), outcome=Outcome.ACCEPTED.value
    )

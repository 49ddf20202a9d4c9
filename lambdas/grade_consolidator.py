"""One school's nightly consolidation: what is pending becomes grades.

Bounded by its own time: when that runs out it sends the rest of its order to the queue, so that
no school is too large for one function. Killed at any point, it leaves evaluations pending or
consolidated, and the next delivery of its order goes on from there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Protocol

from aws_lambda_powertools.metrics import MetricUnit

from adapters.academic_table import academic_config, pending_evaluations, read_group, write_consolidation
from adapters.grade_queue import ConsolidationOrder, read_order, send_orders
from adapters.table import StoreBusyError
from adapters.telemetry import logger, metrics, tracer
from transforms import keys
from transforms.academic_items import InvalidEvaluationError, InvalidGradeError
from transforms.calendar import utc_text
from transforms.consolidation import Unplaced, consolidate, placed
from transforms.keys import GroupKey, InvalidIdentifierError
from transforms.periods import AcademicConfig, InvalidAcademicConfigError

RESERVE = 20_000  # milliseconds kept for the last group and for sending the rest of the order
READINGS = 5  # how often a group is read again when something was newer
ROUNDS = 3  # how often a night goes through what is pending, where groups were postponed
PAUSE = 60  # seconds between rounds


class Timed(Protocol):
    """What we need of Lambda's context."""

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function is killed."""


@dataclass
class Report:
    """What became of a school's pending evaluations.

    Attributes:
        written: Grades whose content changed.
        unchanged: Grades that were computed anew and stayed as they were.
        consolidated: Evaluations marked.
        waiting: Evaluations whose type has no weight.
        dated_outside: Evaluations dated outside their period, in the groups that were computed.
        unplaced: Pending evaluations by subject, period and what the configuration lacks.
        faulty: Groups with an item that is not ours, by subject, period and kind of error.
        postponed: Groups that others kept changing.
        rest: Where the next order begins; None when all was seen.
    """

    written: int = 0
    unchanged: int = 0
    consolidated: int = 0
    waiting: int = 0
    dated_outside: int = 0
    unplaced: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    faulty: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    postponed: int = 0
    rest: str | None = None


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(batch: dict[str, list[dict[str, Any]]], context: Timed) -> None:
    """Carries out the order of one message.

    Args:
        batch: `Records` as SQS hands them over: one, so that no school's failure is another's.
        context: Lambda's own.

    Raises:
        OrdersNotSentError, ClientError, BotoCoreError: The store or the queue failed; the message is
            delivered again, and what was written stays right.
    """
    metrics.add_metric("OrdersReceived", MetricUnit.Count, len(batch["Records"]))
    for message in batch["Records"]:
        order = read_order(message["body"])
        logger.append_keys(school_id=order.school_id, run_id=order.run_id)
        report = consolidate_school(order, lambda: context.get_remaining_time_in_millis() < RESERVE)
        _tell(report)
        _continue(order, report)


def _continue(order: ConsolidationOrder, report: Report) -> None:
    """Sends what is left: the rest, or another round for the groups that others kept changing."""
    postponed = order.postponed + report.postponed
    if report.rest is not None:
        send_orders([order.rest(report.rest, report.postponed)])
    elif postponed and order.round + 1 < ROUNDS:
        send_orders([order.again()], delay=PAUSE)
    elif postponed:
        logger.error("groups are left to the next night", groups=postponed)


def consolidate_school(order: ConsolidationOrder, out_of_time: Callable[[], bool]) -> Report:
    """Consolidates what is pending of a school.

    Args:
        order: Which school, and where to begin.
        out_of_time: Asked between groups, after the first one: each order gets on by a group at least.

    Raises:
        ClientError, BotoCoreError: The store failed. Whatever was written stays right.
    """
    report = Report()
    config = _config(order.school_id)
    last: str | None = None
    pending = pending_evaluations(order.school_id, order.after)
    for group, entries in groupby(pending, key=lambda entry: entry.group):
        ids = [entry.evaluation_id for entry in entries]
        if last is not None and out_of_time():
            report.rest = last
            break
        _one_group(group, len(ids), config, order.run_id, report)
        last = keys.pending_sk(group, ids[-1])
    return report


def _config(school_id: str) -> AcademicConfig | None:
    try:
        return academic_config(school_id)
    except InvalidAcademicConfigError as invalid:
        logger.error("periods and rules cannot be applied", school_id=school_id, reason=str(invalid))
        return None


def _one_group(
    group: GroupKey, entries: int, config: AcademicConfig | None, run_id: str, report: Report
) -> None:
    found = placed(group, config)
    if isinstance(found, Unplaced):
        report.unplaced[group.subject, group.period, found.value] += entries
        return
    assert config is not None
    period, rules = found
    try:
        for _ in range(READINGS):
            previous, evaluations = read_group(group)
            decided = consolidate(
                group,
                previous,
                evaluations,
                period=period,
                rules=rules,
                rules_version=config.version,
                now=utc_text(datetime.now(UTC)),
                correlation_id=run_id,
            )
            if decided.grade is None or write_consolidation(decided):
                report.waiting += decided.waiting
                report.dated_outside += decided.dated_outside
                report.consolidated += len(decided.marks)
                report.written += decided.changed
                report.unchanged += decided.grade is not None and not decided.changed
                return
    except StoreBusyError as busy:
        logger.warning("group postponed", subject=group.subject, period=group.period, reason=str(busy))
    except (InvalidEvaluationError, InvalidGradeError, InvalidIdentifierError) as invalid:
        # Mending it needs a person; the school's other grades do not wait for that.
        report.faulty[group.subject, group.period, type(invalid).__name__] += 1
        return
    report.postponed += 1


def _tell(report: Report) -> None:
    """Counts and logs, without any student: subjects, periods and reasons only."""
    for name, count in {
        "GradesWritten": report.written,
        "GradesUnchanged": report.unchanged,
        "EvaluationsConsolidated": report.consolidated,
        "EvaluationsWithoutWeight": report.waiting,
        "EvaluationsDatedOutside": report.dated_outside,
        "EvaluationsUnplaced": report.unplaced.total(),
        "GroupsFaulty": report.faulty.total(),
        "GroupsPostponed": report.postponed,
    }.items():
        metrics.add_metric(name, MetricUnit.Count, count)
    logger.info(
        "school consolidated",
        written=report.written,
        unchanged=report.unchanged,
        evaluations=report.consolidated,
        waiting=report.waiting,
        postponed=report.postponed,
        continued=report.rest is not None,
    )
    for (subject, period, reason), count in report.unplaced.items():
        logger.warning(
            "evaluations outside every period or rule",
            subject=subject,
            period=period,
            reason=reason,
            evaluations=count,
        )
    for (subject, period, reason), count in report.faulty.items():
        logger.error("groups cannot be read", subject=subject, period=period, reason=reason, groups=count)

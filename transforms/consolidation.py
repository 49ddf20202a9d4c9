"""What the nightly job decides about one group: the grade to write, the evaluations to mark.

The job reads the grade first and its evaluations afterwards, and writes only if the grade's
`calculation` is still the one it read. Whoever wrote in between had read newer evaluations, so
the job reads again; thus a marked evaluation is always known to the grade that stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from transforms.academic_items import Evaluation, Grade
from transforms.grading import Result, grade
from transforms.keys import GroupKey
from transforms.periods import AcademicConfig, GradingRules, Period


class Unplaced(StrEnum):
    """Why no grade can be computed: the configuration lacks something. The evaluations wait for it."""

    NO_CONFIGURATION = "no_configuration"  # the school has neither periods nor rules
    UNKNOWN_PERIOD = "unknown_period"  # the evaluation's period is not, or no longer, the school's
    NO_RULES = "no_rules"  # neither the subject nor `*` has rules


@dataclass(frozen=True, slots=True)
class Consolidation:
    """What is to be written for one group, in one transaction.

    Attributes:
        grade: The grade as it will stand; None where nothing is to be written at all.
        previous: The grade as it was read, if there was one.
        marks: The evaluations that become consolidated, at the versions that were computed with.
        waiting: How many stay pending, because their type has no weight yet.
        dated_outside: How many lie, by their date, outside their period.
    """

    grade: Grade | None
    previous: Grade | None
    marks: Sequence[Evaluation]
    waiting: int
    dated_outside: int

    @property
    def changed(self) -> bool:
        """Whether the grade has another content than before."""
        return self.grade is not None and (
            self.previous is None or self.grade.version != self.previous.version
        )


def placed(group: GroupKey, config: AcademicConfig | None) -> tuple[Period, GradingRules] | Unplaced:
    """The period and the rules by which a group is graded, or why it cannot be."""
    if config is None:
        return Unplaced.NO_CONFIGURATION
    period, rules = config.period(group.period), config.rules(group.subject)
    if period is None:
        return Unplaced.UNKNOWN_PERIOD
    if rules is None:
        return Unplaced.NO_RULES
    return period, rules


def consolidate(
    group: GroupKey,
    previous: Grade | None,
    evaluations: Sequence[Evaluation],
    *,
    period: Period,
    rules: GradingRules,
    rules_version: int,
    now: str,
    correlation_id: str,
) -> Consolidation:
    """Decides what to write for a group.

    Args:
        group: Whose grade it is.
        previous: The grade as it stands, read before the evaluations.
        evaluations: All of the group, consolidated ones and tombstones included, in any order.
        period: Of the group, as `placed` found it.
        rules: Of its subject.
        rules_version: Of the school's configuration, told by the grade.
        now: UTC text.
        correlation_id: A UUID of the run.

    Returns:
        A grade with the next `version` where its content changed, with the same one otherwise. No
        grade at all where nothing waits, or all that waits has a type without weight and the grade
        already says so: a second run writes nothing.
    """
    result = grade(evaluations, rules, period)
    pending = [evaluation for evaluation in evaluations if not evaluation.consolidated]
    marks = [each for each in pending if each.evaluation_id not in result.unweighted]
    new = _grade(group, result, rules_version, now, correlation_id)
    changed = previous is None or previous.content != new.content
    if previous is not None:
        new = replace(
            new,
            version=previous.version + changed,
            calculation=previous.calculation + 1,
            correlation_id=new.correlation_id if changed else previous.correlation_id,
            synced=previous.synced and not changed,
            synced_version=previous.synced_version,
        )
    elif new.consolidated_score is None:
        # The government never heard of a grade here: that there is none is no news. The item is
        # written nevertheless, as it says what was left out, and carries `calculation`.
        new = replace(new, synced=True)
    idle = not pending or (not marks and not changed)
    return Consolidation(
        grade=None if idle else new,
        previous=previous,
        marks=[] if idle else marks,
        waiting=len(pending) - len(marks),
        dated_outside=result.dated_outside,
    )


def _grade(group: GroupKey, result: Result, rules_version: int, now: str, correlation_id: str) -> Grade:
    return Grade(
        student=group.student,
        subject=group.subject,
        period=group.period,
        consolidated_score=result.score,
        evaluations_count=result.evaluations_count,
        parts=result.parts,
        passed=result.passed,
        rules_version=rules_version,
        last_calculated=now,
        correlation_id=correlation_id,
        left_out=result.left_out,
    )

"""Random interleavings of scores, nights, runs, faults, retries and crashes, against a simple model.

The real machine, functions, nightly job and HTTP; moto's store. Whatever happens on the way, the
government ends with exactly the latest version of every grade, and applied each line once.
"""

from __future__ import annotations

from contextlib import suppress
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from adapters import academic_table, sync_failures, sync_records
from adapters.aws import client
from adapters.grade_queue import ConsolidationOrder
from adapters.sync_reports import SyncReport, report
from adapters.typed_json import to_typed
from lambdas import sync_reconciler
from lambdas.grade_consolidator import consolidate_school
from pipelines.government import reopening
from tests.sync.house import CONTEXT, Crash, House, furnished, group, stored
from transforms.academic_items import Evaluation
from transforms.periods import AcademicConfig, GradingRules, Period

SCHOOL = "school_1"
UUID = "5a1f6ad2-6e1f-4a43-a8f8-96d8a0e3e5b1"
STUDENTS, EVALUATIONS = st.integers(1, 4), st.sampled_from(["exam_1", "exam_2"])
SCORES = st.integers(0, 100)
FAULTS = st.sampled_from(
    [
        {"fault": "unavailable"},
        {"fault": "unavailable", "times": 3},
        {"fault": "reject", "status": 422},
        {"fault": "busy", "retry_after": "45"},
        {"fault": "apply-then-drop"},
        {"fault": "apply-then-drop", "times": 3},
        {"fault": "drop"},
        {"fault": "garbled"},
        {"fault": "claim-only"},
        {"fault": "refuse-lines", "pattern": "student_0002"},
    ]
)
STEPS = st.integers(1, 40)


class Synchronisation(RuleBasedStateMachine):
    """A school's scores on one side, the government's record on the other."""

    def __init__(self) -> None:
        super().__init__()
        self._patches = pytest.MonkeyPatch()
        self._furnished = furnished(self._patches)
        self.house: House = self._furnished.__enter__()
        self._patches.setattr(reopening, "_now", self.house.clock)
        self.evaluations: dict[tuple[int, str], Evaluation] = {}
        rules = GradingRules({"exam": Decimal(1)})
        period = Period("Q1_2026", self.house.clock.now.date(), self.house.clock.now.date())
        academic_table.put_academic_config(AcademicConfig(SCHOOL, 1, [period], {"*": rules}))

    def teardown(self) -> None:
        try:
            self.everything_comes_right()
        finally:
            self._furnished.__exit__(None, None, None)
            self._patches.undo()

    # What happens

    @rule(student=STUDENTS, evaluation=EVALUATIONS, score=SCORES)
    def a_score_is_given_or_corrected(self, student: int, evaluation: str, score: int) -> None:
        now = {"recorded_at": "2026-04-01T10:00:00.000Z", "correlation_id": UUID}
        before = self.evaluations.get((student, evaluation))
        if before is not None:
            made = before.corrected(score=Decimal(score), **now)
        else:
            of = group(student)
            made = Evaluation(
                of.student,
                of.subject,
                of.period,
                evaluation,
                Decimal(score),
                "exam",
                self.house.clock.now.date(),
                "teacher_1",
                **now,
            )
        self.evaluations[student, evaluation] = made
        client("dynamodb").put_item(TableName="luca-platform", Item=to_typed(made.item()))

    @rule()
    def night(self) -> None:
        consolidate_school(ConsolidationOrder(school_id=SCHOOL, run_id=UUID), lambda: False)

    @rule(step=STEPS)
    def night_that_is_killed(self, step: int) -> None:
        self.house.crash_at(step)
        with suppress(Crash):
            self.night()
        self.house.repair()

    @rule(fault=FAULTS)
    def the_government_misbehaves(self, fault: dict[str, Any]) -> None:
        self.house.government.faults.add(dict(fault))

    @rule()
    def the_government_is_well(self) -> None:
        self.house.government.faults.clear()

    @rule(scope=st.sampled_from(["pending", "pending", "open"]))
    def run(self, scope: str = "pending") -> None:
        assert self.house.sync(SCHOOL, scope).status == "SUCCEEDED"

    @rule(step=STEPS, scope=st.sampled_from(["pending", "pending", "open"]))
    def run_that_is_killed(self, step: int, scope: str) -> None:
        self.house.crash_at(step)
        self.house.sync(SCHOOL, scope)
        self.house.repair()

    @rule(student=STUDENTS, evaluation=EVALUATIONS, score=SCORES, state=st.integers(1, 6))
    def run_with_a_correction_in_its_midst(
        self, student: int, evaluation: str, score: int, state: int
    ) -> None:
        """A grade waits, a run takes it, and before one of the run's states it is another grade."""
        self.a_score_is_given_or_corrected(student, evaluation, score)
        self.night()
        left = [state]

        def meanwhile(_: str) -> None:
            left[0] -= 1
            if left[0] == 0:
                self.a_score_is_given_or_corrected(student, evaluation, (score + 50) % 101)
                self.night()

        self.house.before_state = meanwhile
        self.run("pending")
        self.house.repair()

    @rule()
    def failures_are_retried(self) -> None:
        for failure in list(sync_failures.failures([sync_failures.FailureStatus.OPEN])):
            reopening.reopen(failure)
        self.run("open")

    @rule(step=STEPS)
    def a_retry_is_killed(self, step: int) -> None:
        self.house.crash_at(step)
        with suppress(Crash):
            for failure in list(sync_failures.failures([sync_failures.FailureStatus.OPEN])):
                reopening.reopen(failure)
        self.house.repair()

    # What must hold

    @invariant()
    def each_batch_and_line_is_applied_at_most_once_and_none_overwrites_a_newer_one(self) -> None:
        state = self.house.government.register.state()
        assert state["batches_applied_more_than_once"] == []
        assert state["lines_applied_more_than_once"] == []
        assert state["regressions"] == []

    @invariant()
    def no_grade_claims_a_version_that_it_never_had(self) -> None:
        for student in {student for student, _ in self.evaluations}:
            try:
                grade = stored(group(student))
            except KeyError:  # no night has come yet
                continue
            assert grade.synced_version is None or grade.synced_version <= grade.version
            assert not grade.synced or grade.synced_version == grade.version

    def everything_comes_right(self) -> None:
        """The world calms down, people do what the runbook says, and the books agree."""
        self.house.repair()
        self.the_government_is_well()
        self.night()
        for _ in range(3):  # a retried line may be refused under an older fault, then taken
            self.run()
            self.failures_are_retried()
        for done in reopening.repair(self._books().discrepancies):
            self.run(scope="open")
            assert done.for_people == 0
        assert self._books().discrepancies == ()
        assert list(sync_failures.failures()) == []
        assert sync_records.first_open(SCHOOL) is None
        on_record = {
            line["student_id"]: (line["version"], line["score"])
            for line in self.house.government.register.record.values()
        }
        students = {student for student, _ in self.evaluations}
        assert on_record == {
            group(student).student.student_id: (stored(group(student)).version, self._expected(student))
            for student in students
        }
        assert all(stored(group(student)).synced for student in students)
        self.each_batch_and_line_is_applied_at_most_once_and_none_overwrites_a_newer_one()

    def _expected(self, student: int) -> str:
        """The mean of a student's exams, by paper and pencil."""
        scores = [each.score for (who, _), each in self.evaluations.items() if who == student]
        mean = (sum(scores, Decimal(0)) / len(scores)).quantize(Decimal("0.1"), ROUND_HALF_UP)
        return f"{mean.normalize():f}"

    def _books(self) -> SyncReport:
        told = sync_reconciler.handler({"days": 36_500, "settled_minutes": -60 * 24 * 36_500}, CONTEXT)
        return report(told["report"])


pytestmark = [pytest.mark.property, pytest.mark.fault, pytest.mark.service]


@pytest.mark.timeout(600)
class TestSynchronisation(Synchronisation.TestCase):  # type: ignore[name-defined, misc]
    settings = settings(
        max_examples=8,
        stateful_step_count=15,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )


@pytest.mark.slow
@pytest.mark.timeout(3600)
class TestSynchronisationForLong(Synchronisation.TestCase):  # type: ignore[name-defined, misc]
    settings = settings(TestSynchronisation.settings, max_examples=100, stateful_step_count=40)

"""The protocol of the nightly job, against any interleaving of jobs, teachers and deaths.

The store is a dictionary with DynamoDB's promises: a read is of one moment, a transaction is all
or nothing and only if its conditions hold. Each job is a generator that yields between its calls of
the store; the machine decides who moves next, and a job that is never moved again has died.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from transforms.academic_items import Evaluation, Grade
from transforms.consolidation import Consolidation, consolidate
from transforms.keys import GroupKey, StudentKey
from transforms.periods import GradingRules, Period

GROUP = GroupKey(StudentKey("school_1", "ana"), "matematicas", "Q1_2026")
Q1 = Period("Q1_2026", date(2026, 1, 15), date(2026, 4, 15))
RULES = GradingRules({"exam": Decimal("0.7"), "quiz": Decimal("0.3")})
NIGHT = "2026-02-16T08:00:00.000Z"
# Few names and scores: what goes wrong goes wrong by coincidence.
NAMES = ["e1", "e2", "e3"]


def decide(previous: Grade | None, evaluations: list[Evaluation]) -> Consolidation:
    return consolidate(
        GROUP,
        previous,
        evaluations,
        period=Q1,
        rules=RULES,
        rules_version=1,
        now=NIGHT,
        correlation_id="r",
    )


class Nights(RuleBasedStateMachine):
    """One group: its evaluations, its grade, and up to three jobs at once."""

    @initialize(marks=st.integers(1, 2))
    def empty(self, marks: int) -> None:
        self.at_once = marks  # how many marks fit into the grade's own transaction
        self.evaluations: dict[str, Evaluation] = {}
        self.grade: Grade | None = None
        self.jobs: list[Iterator[None]] = []

    # Teachers

    @rule(name=st.sampled_from(NAMES), score=st.sampled_from([60, 90]))
    def record(self, name: str, score: int) -> None:
        known = self.evaluations.get(name)
        if known is not None:
            changed = known.corrected(
                score=Decimal(score), deleted=False, recorded_at=NIGHT, correlation_id="d"
            )
        else:
            changed = Evaluation(
                *GROUP, name, Decimal(score), "exam", date(2026, 2, 15), "teacher", NIGHT, "d"
            )
        self.evaluations[name] = changed

    @rule(name=st.sampled_from(NAMES))
    def save_again(self, name: str) -> None:
        if known := self.evaluations.get(name):
            self.evaluations[name] = known.corrected(recorded_at=NIGHT, correlation_id="d")

    @rule(name=st.sampled_from(NAMES))
    def delete(self, name: str) -> None:
        if known := self.evaluations.get(name):
            self.evaluations[name] = known.removed(recorded_at=NIGHT, correlation_id="d")

    # Jobs

    @precondition(lambda self: len(self.jobs) < 3)
    @rule()
    def begin(self) -> None:
        self.jobs.append(self.job())

    @precondition(lambda self: self.jobs)
    @rule(choice=st.integers(0, 2))
    def move(self, choice: int) -> None:
        job = self.jobs[choice % len(self.jobs)]
        if next(job, self) is self:
            self.jobs.remove(job)

    @precondition(lambda self: self.jobs)
    @rule(choice=st.integers(0, 2))
    def end(self, choice: int) -> None:
        for _ in self.jobs.pop(choice % len(self.jobs)):
            pass

    @rule()
    def night(self) -> None:
        for _ in self.job():
            pass

    @precondition(lambda self: self.jobs)
    @rule(choice=st.integers(0, 2))
    def die(self, choice: int) -> None:
        del self.jobs[choice % len(self.jobs)]

    def job(self) -> Iterator[None]:
        """As `lambdas.grade_consolidator` and `adapters.academic_table` do it, call by call."""
        while True:
            previous = self.grade
            yield
            evaluations = list(self.evaluations.values())
            yield
            decided = decide(previous, evaluations)
            if decided.grade is None:
                return
            first, rest = decided.marks[: self.at_once], decided.marks[self.at_once :]
            stands = (self.grade.calculation if self.grade else None) == (
                previous.calculation if previous else None
            )
            if stands and all(self.unmoved(mark) for mark in first):
                self.grade = decided.grade
                for mark in first:
                    self.mark(mark)
                for mark in rest:
                    yield
                    if self.unmoved(mark):
                        self.mark(mark)
                return
            yield

    def unmoved(self, mark: Evaluation) -> bool:
        return self.evaluations[mark.evaluation_id].version == mark.version

    def mark(self, mark: Evaluation) -> None:
        self.evaluations[mark.evaluation_id] = replace(
            self.evaluations[mark.evaluation_id], consolidated=True
        )

    # What must hold

    @invariant()
    def one_more_night_ends_right(self) -> None:
        """At any moment, if all jobs died here, the next night alone would put everything right."""
        evaluations = list(self.evaluations.values())
        decided = decide(self.grade, evaluations)
        grade = decided.grade or self.grade
        fresh = decide(None, [replace(each, consolidated=False) for each in evaluations]).grade
        assert (grade is None) == (fresh is None)
        if grade is not None and fresh is not None:
            assert grade.content == fresh.content


class TestNights(Nights.TestCase):  # type: ignore[misc]
    """Runs the machine."""

    settings = settings(max_examples=300, stateful_step_count=25, deadline=None)
    pytestmark = pytest.mark.property

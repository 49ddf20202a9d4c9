"""The demo's official grades: a term of scores, a night, and a government that has a bad day."""

from __future__ import annotations

import json
import urllib.request
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from adapters import executions, functions, sync_failures, sync_reports
from adapters.academic_table import pending_evaluations, student_grades
from adapters.settings import setting
from pipelines.cli.sync import run_school, summary
from pipelines.government.reopening import reopen
from pipelines.simulation.scenario import Scenario
from pipelines.simulation.term import RecordedTerm
from transforms.nights import night_of

if TYPE_CHECKING:
    from infra.local.cloud import LocalCloud

SCHEDULE = "luca-nights"
JUST_SENT = -60  # minutes: the reconciliation shall judge what was sent a moment ago


@dataclass(frozen=True)
class GradeBooks:
    """One school's grades from the first score to the government's record.

    Attributes:
        school_id: The school.
        evaluations: Scores that teachers recorded.
        waiting: Scores that the night left pending.
        expected: Groups of student, subject and period with scores.
        grades: Grades in the store.
        official: Grades that were to be sent to the government: all, or none.
        synced: Grades that the store marks as received by the government.
        on_record: Grades in the government's own record.
    """

    school_id: str
    evaluations: int
    waiting: int
    expected: int
    grades: int
    official: int
    synced: int
    on_record: int

    def faults(self) -> list[str]:
        """Where a grade is missing, in words."""
        chain = [
            ("in the store", self.grades, self.expected),
            ("marked as synced", self.synced, self.official),
            ("on the government's record", self.on_record, self.official),
        ]
        faults = [
            f"{self.school_id}: {count:,} grades {place}, {due:,} were to be"
            for place, count, due in chain
            if count != due
        ]
        if self.waiting:
            faults.append(f"{self.school_id}: {self.waiting:,} scores still wait for the night")
        return faults

    def as_dict(self) -> dict[str, Any]:
        """For `account.json`."""
        return asdict(self)


def nights(scenario: Scenario, cloud: LocalCloud, today: date) -> str:
    """Lets it be 02:00 in every school's zone, and waits for the job; says what it did."""
    zones = sorted({school.time_zone for school in scenario.schools})
    for zone in zones:
        cloud.fire(SCHEDULE, night_of(today + timedelta(days=1), zone))
    cloud.settle(timeout=1_800)
    return f"02:00 in {len(zones)} time zones"


def synchronise() -> str:
    """Sends all grades while the government answers 503, 429, not at all, and refuses a student.

    Then mends what was refused and sends that again.
    """
    for fault in (
        {"fault": "unavailable", "times": 2},
        {"fault": "busy", "retry_after": "40"},
        {"fault": "apply-then-drop"},
        {"fault": "refuse-lines", "pattern": "student_school_1_00000"},
    ):
        _order("POST", fault)
    first = executions.run(setting("GOVERNMENT_SYNC_ALL"), {}).output
    _order("DELETE")
    failed = list(sync_failures.failures())
    for failure in failed:
        reopen(failure)
    again = [run_school(school, "open") for school in dict.fromkeys(f.school_id for f in failed)]
    mended = sum(end["accepted"] for end in again)
    return f"{summary(first)}; {mended:,} accepted after a fix"


def reconcile() -> str:
    """Compares our books with the government's receipts, both ways; says what was found."""
    told = functions.call(setting("SYNC_RECONCILER"), {"days": 1, "settled_minutes": JUST_SENT})
    report = sync_reports.report(told["report"])
    found = f"{len(report.discrepancies)} differences" if report.discrepancies else "they agree"
    return f"{report.batches} batches, {report.receipts} receipts: {found}"


def drawn_up(term: RecordedTerm, *, official: bool) -> list[GradeBooks]:
    """Counts each figure where it lies: the store, its index, the government's record.

    Args:
        term: What teachers recorded.
        official: Whether its grades were to be sent to the government.
    """
    with urllib.request.urlopen(f"{_government()}/_state", timeout=30) as response:  # noqa: S310 - loopback
        record = Counter(line["school_id"] for line in json.loads(response.read())["record"])
    expected = Counter(group.student.school_id for group in term.groups)
    made: Counter[str] = Counter()
    synced: Counter[str] = Counter()
    for student in {group.student for group in term.groups}:
        for grade in student_grades(student):
            made[student.school_id] += 1
            synced[student.school_id] += grade.synced
    return [
        GradeBooks(
            school,
            evaluations=term.evaluations[school],
            waiting=sum(1 for _ in pending_evaluations(school)),
            expected=expected[school],
            grades=made[school],
            official=expected[school] if official else 0,
            synced=synced[school],
            on_record=record[school],
        )
        for school in sorted(term.evaluations)
    ]


def faults(books: Sequence[GradeBooks]) -> list[str]:
    """Where any school's grades do not add up."""
    return [fault for school in books for fault in school.faults()]


def verdict(books: Sequence[GradeBooks]) -> str:
    """One line: that every grade is on record, or the first place where one is missing."""
    wrong = faults(books)
    if wrong:
        return f"The grades do not add up: {wrong[0]}"
    evaluations, grades = sum(b.evaluations for b in books), sum(b.grades for b in books)
    sent = "all on the government's record" if any(b.official for b in books) else "none of them to be sent"
    return f"The grades add up: {evaluations:,} scores made {grades:,} grades, {sent}"


def _order(method: str, fault: dict[str, Any] | None = None) -> None:
    body = json.dumps(fault).encode() if fault else None
    request = urllib.request.Request(f"{_government()}/_faults", body, method=method)  # noqa: S310 - loopback
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310


def _government() -> str:
    return setting("LOCAL_GOVERNMENT")

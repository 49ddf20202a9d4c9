"""Rows follow the cohort of their student's profile: which, how many, and nothing else."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from adapters import leases
from pipelines.audits.retention.cohorts import compare, findings
from pipelines.audits.retention.result import Severity
from pipelines.retention import plan
from pipelines.retention import rehome as run
from pipelines.retention.rehome import Line
from tests.pipelines.retention.conftest import JANUARY, NOW

pytestmark = pytest.mark.service

EVENTS, CHANGES = "behavior_events", "academic_changes"
OF_A_GRADE = ("subject", "period", "evaluation_key", "evaluation_type", "score", "version")
COHORT = {
    **dict.fromkeys(OF_A_GRADE),
    "change_type": "cohort",
    "operation": "modify",
    "previous_graduation_year": 2029,
}


def audited() -> set[tuple[str, str, Severity, int]]:
    """What the audit says of the schools' cohorts."""
    return {
        (each.where, each.check, each.severity, each.count)
        for school in compare(["school_1", "school_2"])
        for each in findings(school, NOW.date())
    }


def test_what_the_audit_finds_is_told_then_moved_and_the_audit_is_content(town: Any) -> None:
    town.enrol("ana", 2030)  # repeats a year, under two versions of the key and in two months
    town.enrol("ben", 2029)
    town.enrol("ana", 2029, "school_2")  # another Ana
    town.load([("ana", 2029), ("ben", 2029)], **JANUARY)
    town.load([("ana", 2029), ("ana", 2030)], pseudonym_version=2)
    town.load([("ana", 2029)], "school_2")
    town.lake.land(
        [
            town.lake.change(student_key=town.key("ana"), graduation_year=2029),
            town.lake.change(
                student_key=town.key("ana"),
                graduation_year=2030,
                **COHORT,
            ),
        ],
        table=CHANGES,
    )
    town.lake.load(CHANGES)
    events, changes = town.ids(), town.ids(CHANGES, "change_id")
    assert audited() == {("school_1", "other-cohort", Severity.WARNING, 2)}  # two pseudonyms
    assert plan.schools_with_changes(date(2026, 2, 2)) == ["school_1"]
    assert plan.schools_with_changes(date(2026, 2, 3)) == []

    lines = (
        Line(CHANGES, "school_1", 2029, 2030, False, 1, 1),
        Line(EVENTS, "school_1", 2029, 2030, False, 2, 2),
    )
    looked = town.look()
    assert (looked.lines, looked.since) == (lines, date(2026, 1, 20))
    assert town.where("ana") == {2029: 2, 2030: 1}  # a look changes nothing

    done = town.rehome()
    assert (done.lines, done.since) == (lines, date(2026, 1, 20))
    assert done.checked == {EVENTS: 4, CHANGES: 2}
    assert town.where("ana") == {2030: 3}
    assert town.where("ben") == {2029: 1}
    assert town.where("ana", "school_2") == {2029: 1}
    assert town.where("ana", name=CHANGES) == {2030: 2}
    assert (town.ids(), town.ids(CHANGES, "change_id")) == (events, changes)
    assert audited() == set()

    objects = town.lake.objects("lake/behavior_events/")
    again = town.rehome()
    assert (again.lines, again.rows) == ((), 0)
    assert town.lake.objects("lake/behavior_events/") == objects


def test_an_unknown_cohort_becomes_known_and_a_known_one_unknown(town: Any) -> None:
    town.enrol("ana", 2031)
    town.enrol("ben", None)
    town.load([("ana", 0), ("ben", 2031)])  # they give rows to each other
    before = town.ids()
    assert town.rehome().rows == 2
    assert (town.where("ana"), town.where("ben")) == ({2031: 1}, {0: 1})
    assert town.ids() == before


@pytest.mark.slow
def test_rows_do_not_move_to_where_they_would_be_removed_at_once(town: Any) -> None:
    town.enrol("ana", 2020)
    town.load([("ana", 2029)])
    looked = town.look()
    assert [(line.over, line.rows) for line in looked.lines] == [(True, 1)]
    done = town.rehome()
    assert (done.rows, done.left, done.since) == (0, 1, None)
    assert town.where("ana") == {2029: 1}
    assert ("school_1", "other-cohort", Severity.CRITICAL, 1) in audited()


@pytest.mark.slow
def test_a_student_of_no_roster_stays_where_the_rows_are(town: Any) -> None:
    town.enrol("ben", 2029)
    town.load([("gone", 2027)])
    assert town.rehome().lines == ()
    assert town.where("gone") == {2027: 1}


@pytest.mark.parametrize(
    ("belongs", "year", "over"),
    [(2023, "2026", True), (2024, "2026", False), (0, "2023", True), (0, "2024", False)],
)
def test_a_cohort_is_over_when_the_registry_says(belongs: int, year: str, over: bool) -> None:
    part = plan.Part(("2029", year, "02", "school_1"), "k", belongs, 1, date(2026, 2, 3))
    assert part.over(date(2026, 12, 31)) is over


def test_partitions_of_a_month_stay_together_whatever_the_most() -> None:
    def student(cohort: str, month: str, target: int) -> plan.Part:
        return plan.Part((cohort, "2026", month, "s"), f"{cohort}{month}", target, 1, date(2026, 2, 3))

    found = [student("2029", "01", 2030), student("2028", "01", 2030), student("2029", "02", 2031)]
    packs = list(plan.together(plan.one_way(found, later=True), 3))
    assert [{partition[0] for partition in pack} for pack in packs] == [
        {"2028", "2029", "2030"},
        {"2029", "2031"},
    ]


@pytest.mark.slow
@pytest.mark.fault
def test_a_load_that_is_at_work_is_not_disturbed(town: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    town.enrol("ana", 2030)
    town.load([("ana", 2029)])
    monkeypatch.setattr(leases, "BEAT_SECONDS", 0.005)  # it is alive, and is seen to be
    with leases.held("lake/behavior_events", "load"), pytest.raises(leases.LeaseHeldError, match="load"):
        town.rehome()
    assert town.where("ana") == {2029: 1}
    assert town.rehome().rows == 1


@pytest.mark.slow
@pytest.mark.fault
def test_rows_that_come_between_look_and_lease_are_moved_too(
    town: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.enrol("ana", 2030)
    town.load([("ana", 2029)])

    def compared_before(schools: Any) -> Any:
        yield from compare(schools)
        town.load([("ana", 2029)], **JANUARY)

    monkeypatch.setattr(run, "compare", compared_before)
    assert town.rehome().rows == 2
    assert town.where("ana") == {2030: 2}

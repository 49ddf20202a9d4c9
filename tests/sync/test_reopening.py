"""Retries of failures and repairs of the books: each sends once, and never an older version."""

from __future__ import annotations

import pytest

from adapters import sync_failures, sync_records, sync_reports, sync_turns
from adapters.sync_failures import Failure, FailureStatus
from lambdas import sync_reconciler
from pipelines.government import reopening
from pipelines.government.reopening import NotRetryableError, reopen, repair
from tests.sync.house import CONTEXT, House, correct, grade_of, group, put, stored
from transforms.sync_reconciliation import Kind

pytestmark = pytest.mark.service


@pytest.fixture(autouse=True)
def by_the_houses_clock(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries and the reconciler live in the same time as the functions; the government does not."""
    monkeypatch.setattr(reopening, "_now", house.clock)


def failed(house: House, *faults: dict[str, object], count: int = 2) -> Failure:
    """Grades whose batch failed."""
    for fault in faults:
        house.government.faults.add(dict(fault))
    put(*(grade_of(group(number)) for number in range(1, count + 1)))
    house.sync()
    (failure,) = sync_failures.failures()
    return failure


def statuses() -> dict[str, FailureStatus]:
    every = sync_failures.failures(list(FailureStatus))
    return {each.batch.sync_batch_id: each.status for each in every}


def applied_twice(house: House) -> list[str]:
    state = house.government.register.state()
    return state["lines_applied_more_than_once"] + state["regressions"]


def test_a_retry_after_a_fix_is_taken_and_the_failure_settled(house: House) -> None:
    failure = failed(house, {"fault": "reject"})
    opened = reopen(failure)
    assert (opened.sync_batch_id, opened.lines, opened.left_out) == (failure.batch.sync_batch_id, 2, 0)
    house.sync(scope="open")
    assert statuses() == {failure.batch.sync_batch_id: FailureStatus.RESOLVED}
    assert stored(group(1)).synced
    assert list(sync_failures.failures()) == []


def test_a_batch_that_was_applied_behind_a_time_out_is_not_applied_again(house: House) -> None:
    failure = failed(house, {"fault": "apply-then-drop", "times": 3})
    assert len(house.government.register.record) == 2
    reopen(failure)
    house.sync(scope="open")
    assert house.government.register.duplicates == 3
    assert applied_twice(house) == []
    assert stored(group(1)).synced


def test_a_retry_sends_nothing_but_what_failed(house: House) -> None:
    failure = failed(house, {"fault": "reject"})
    put(grade_of(group(9)))
    reopen(failure)
    house.sync(scope="open")
    assert stored(group(1)).synced
    assert not stored(group(9)).synced  # it waits for the quarter's cut


def test_a_failure_is_retried_once_however_often_it_is_asked_for(house: House) -> None:
    failure = failed(house, {"fault": "reject"})
    reopen(failure)
    with pytest.raises(NotRetryableError, match=r"not open any more.*luca sync failures"):
        reopen(sync_failures.failure(failure.id))
    house.sync(scope="open")
    with pytest.raises(NotRetryableError):
        reopen(sync_failures.failure(failure.id))
    assert len(house.government.register.batches) == 1


def test_a_retry_waits_for_its_schools_turn(house: House) -> None:
    failure = failed(house, {"fault": "reject"})
    sync_turns.take("school_1", "arn:a-run", house.clock())
    with pytest.raises(sync_turns.SyncRunningError, match="arn:a-run"):
        reopen(failure)
    assert statuses() == {failure.batch.sync_batch_id: FailureStatus.OPEN}


def test_a_retry_that_fails_again_is_an_open_failure_again(house: House) -> None:
    failure = failed(house, {"fault": "reject"})
    house.government.faults.add({"fault": "reject", "status": 422})
    reopen(failure)
    house.sync(scope="open")
    (again,) = sync_failures.failures()
    assert (again.batch.sync_batch_id, again.error, again.attempts) == (
        failure.batch.sync_batch_id,
        "http_422",
        2,
    )


def test_refused_lines_are_sent_again_alone_and_under_another_id(house: House) -> None:
    failure = failed(house, {"fault": "refuse-lines", "pattern": "student_0001"})
    house.government.faults.clear()
    opened = reopen(failure)
    assert opened.sync_batch_id != failure.batch.sync_batch_id
    assert opened.lines == 1
    house.sync(scope="open")
    assert stored(group(1)).synced
    assert statuses() == {failure.batch.sync_batch_id: FailureStatus.RESOLVED}
    assert applied_twice(house) == []


def test_lines_that_are_refused_again_replace_their_failure_and_can_be_retried_again(house: House) -> None:
    failure = failed(house, {"fault": "refuse-lines", "pattern": "student_0001"})
    reopen(failure)
    house.sync(scope="open")
    (again,) = sync_failures.failures()
    assert again.batch.resubmission == 1
    assert statuses()[failure.batch.sync_batch_id] is FailureStatus.REPLACED
    house.government.faults.clear()
    reopen(again)
    house.sync(scope="open")
    assert stored(group(1)).synced
    assert list(sync_failures.failures()) == []


def test_a_refused_grade_that_was_corrected_goes_its_own_way(house: House) -> None:
    failure = failed(house, {"fault": "refuse-lines", "pattern": "student_0001"})
    correct(group(1), "70")
    opened = reopen(failure)
    assert opened.sync_batch_id is None
    assert statuses() == {failure.batch.sync_batch_id: FailureStatus.SUPERSEDED}


def test_an_older_version_is_not_sent_after_a_newer_one(house: House) -> None:
    failure = failed(house, {"fault": "reject"})
    correct(group(1), "70")
    house.sync()  # the correction is sent and taken
    opened = reopen(failure)
    assert (opened.lines, opened.left_out) == (1, 1)
    house.sync(scope="open")
    assert {line["version"] for line in house.government.register.record.values()} == {1, 2}
    assert applied_twice(house) == []
    assert statuses() == {failure.batch.sync_batch_id: FailureStatus.RESOLVED}


def test_of_two_failures_with_versions_of_one_grade_only_the_newer_is_sent(house: House) -> None:
    older = failed(house, {"fault": "reject"}, count=1)
    house.government.faults.add({"fault": "reject"})
    correct(group(1), "70")
    house.sync()
    (newer,) = [each for each in sync_failures.failures() if each.id != older.id]
    assert reopen(older).sync_batch_id is None
    assert reopen(newer).lines == 1
    house.sync(scope="open")
    (line,) = house.government.register.record.values()
    assert line["version"] == 2
    assert applied_twice(house) == []
    assert list(sync_failures.failures()) == []


def test_a_part_of_a_batch_that_was_applied_after_all_is_not_sent(house: House) -> None:
    failure = failed(house, {"fault": "apply-then-drop", "times": 3})
    correct(group(1), "70")
    house.sync()
    posts = house.steps.count("HTTP:POST /v1/grade-batches")
    reopen(failure)
    execution = house.sync(scope="open")
    assert execution.status == "SUCCEEDED"
    assert house.steps.count("HTTP:POST /v1/grade-batches") == posts  # it asked, and had its answer
    assert applied_twice(house) == []
    assert stored(group(2)).synced
    assert stored(group(1)).synced_version == 2
    assert statuses() == {failure.batch.sync_batch_id: FailureStatus.RESOLVED}
    assert sync_records.first_open("school_1") is None


def test_a_failure_is_found_by_the_beginning_of_its_id(house: House) -> None:
    failure = failed(house, {"fault": "reject"})
    assert sync_failures.failure(failure.id[:20]).id == failure.id
    with pytest.raises(sync_failures.UnknownFailureError, match="no failure begins with 'school_2/'"):
        sync_failures.failure("school_2/")


# The books


def books(house: House) -> sync_reports.SyncReport:
    """The reconciler's report, with nothing too young to be judged."""
    told = sync_reconciler.handler({"days": 36_500, "settled_minutes": -60 * 24 * 36_500}, CONTEXT)
    return sync_reports.report(told["report"])


def kinds(report: sync_reports.SyncReport) -> dict[Kind, int]:
    return {Kind(kind): count for kind, count in report.counts.items() if count}


def repaired(house: House) -> sync_reports.SyncReport:
    for done in repair(books(house).discrepancies):
        house.sync(done.school_id, scope="open")
    return books(house)


def test_books_agree_after_a_run(house: House) -> None:
    put(*(grade_of(group(number)) for number in range(3)))
    house.sync()
    correct(group(1), "70")
    house.sync()
    report = books(house)
    assert (report.batches, report.receipts) == (2, 2)
    assert report.discrepancies == ()


def test_a_receipt_for_what_was_never_put_on_the_record_is_found_and_sent_again(house: House) -> None:
    house.government.faults.add({"fault": "claim-only"})
    put(grade_of(group(1)))
    house.sync()
    assert stored(group(1)).synced
    assert house.government.register.record == {}
    assert kinds(books(house)) == {Kind.LACKING: 1}
    assert kinds(repaired(house)) == {}
    assert len(house.government.register.record) == 1


def test_a_batch_that_they_hold_and_we_gave_up_is_taken_over(house: House) -> None:
    failure = failed(house, {"fault": "apply-then-drop", "times": 3})
    assert kinds(books(house)) == {Kind.UNRECORDED: 2}
    assert kinds(repaired(house)) == {}
    assert stored(group(1)).synced
    assert statuses() == {failure.batch.sync_batch_id: FailureStatus.RESOLVED}
    assert applied_twice(house) == []


def test_an_older_version_on_the_record_is_found_and_sent_again(house: House) -> None:
    put(grade_of(group(1)))
    house.sync()
    correct(group(1), "70")
    house.government.faults.add({"fault": "claim-only"})
    house.sync()
    assert kinds(books(house)) == {Kind.VERSION_DIFFERS: 1}
    assert kinds(repaired(house)) == {}
    (line,) = house.government.register.record.values()
    assert line["version"] == 2


def test_a_list_that_says_older_versions_is_found(house: House) -> None:
    put(grade_of(group(1)))
    house.sync()
    correct(group(1), "70")
    house.sync()
    house.government.faults.add({"fault": "older-versions", "every": 2})
    assert Kind.VERSION_DIFFERS in kinds(books(house))


def test_a_receipt_for_a_batch_that_was_never_ours_is_for_people(house: House) -> None:
    house.government.faults.add({"fault": "invent-receipt"})
    report = books(house)
    assert kinds(report) == {Kind.FOREIGN: 1}
    (done,) = repair(report.discrepancies)
    assert (done.sent_again, done.taken_over, done.for_people) == (0, 0, 1)


def test_what_is_lacking_and_was_corrected_since_goes_its_own_way(house: House) -> None:
    house.government.faults.add({"fault": "claim-only"})
    put(grade_of(group(1)))
    house.sync()
    report = books(house)
    correct(group(1), "70")
    (done,) = repair(report.discrepancies)
    assert (done.sent_again, done.left_out) == (0, 1)
    house.sync()
    assert kinds(books(house)) == {}


def test_what_is_young_is_not_judged(house: House) -> None:
    house.government.faults.add({"fault": "claim-only"})
    put(grade_of(group(1)))
    house.sync()
    told = sync_reconciler.handler({"days": 36_500}, CONTEXT)
    assert sum(told["discrepancies"].values()) == 0


def test_a_report_names_no_student(house: House) -> None:
    house.government.faults.add({"fault": "claim-only"})
    put(grade_of(group(1)))
    house.sync()
    report = books(house)
    assert report.discrepancies != ()
    assert "student" not in str(report)

"""One school's machine, state for state, against the stand-in."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from adapters import sync_failures, sync_grades, sync_turns
from adapters.aws import client
from adapters.typed_json import to_typed
from infra.local.state_machines.execution import StateError
from tests.sync.house import House, correct, grade_of, group, put, raw, stored, visited
from transforms import keys

pytestmark = pytest.mark.service

ONE_BATCH = ["QueryPendingGrades", "CheckEmpty", "PrepBatch", "SendToGov", "EvaluateResponse"]
RETRY = ["WaitRetry", "CheckRetries", "SendToGov", "EvaluateResponse"]


def test_nothing_to_send_ends_at_once(house: House) -> None:
    execution = house.sync()
    assert visited(execution) == ["QueryPendingGrades", "CheckEmpty", "End"]
    assert house.government.register.batches == {}


def test_a_batch_that_is_taken_marks_its_grades(house: House) -> None:
    put(grade_of(group(1)), grade_of(group(2)))
    execution = house.sync()
    assert visited(execution) == [*ONE_BATCH, "UpdateSuccess", "CheckMore", "End"]
    item = raw(group(1))
    assert item["synced"] is True
    assert item["synced_version"] == 1
    assert item["receipt_id"] == "GOV-00000001"
    assert item["sync_batch_id"] in house.government.register.batches
    assert "pending_pk" not in item
    assert len(house.government.register.record) == 2


@pytest.mark.slow
def test_250_grades_are_three_batches_two_seconds_apart(house: House) -> None:
    put(*(grade_of(group(number)) for number in range(250)))
    execution = house.sync()
    sizes = [len(json.loads(held.content)["lines"]) for held in house.government.register.batches.values()]
    assert sizes == [100, 100, 50]
    assert execution.waits == [2, 2]
    assert visited(execution).count("WaitBetweenBatches") == 2
    assert execution.output["accepted"] == 250


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "unavailable"},
        {"fault": "unavailable", "status": 500},
        {"fault": "drop"},
        {"fault": "apply-then-drop"},
        {"fault": "garbled"},
    ],
)
def test_a_fault_that_passes_is_waited_out(house: House, fault: dict[str, object]) -> None:
    house.government.faults.add({**fault, "times": 2})
    put(grade_of(group(1)))
    execution = house.sync()
    assert visited(execution) == [*ONE_BATCH, *RETRY, *RETRY, "UpdateSuccess", "CheckMore", "End"]
    assert execution.waits == [5, 15]
    assert stored(group(1)).synced
    assert house.government.register.state()["lines_applied_more_than_once"] == []


@pytest.mark.parametrize(("retry_after", "seconds"), [(None, 30), ("7", 30), ("240", 240)])
def test_a_429_is_waited_out(house: House, retry_after: str | None, seconds: int) -> None:
    house.government.faults.add({"fault": "busy", **({"retry_after": retry_after} if retry_after else {})})
    put(grade_of(group(1)))
    execution = house.sync()
    assert execution.waits == [seconds]
    assert stored(group(1)).synced


def test_after_three_tries_a_batch_is_given_up_and_the_next_one_sent(house: House) -> None:
    house.government.faults.add({"fault": "unavailable", "times": 3})
    put(*(grade_of(group(number)) for number in range(101)))
    execution = house.sync()
    assert visited(execution) == [
        *ONE_BATCH,
        *RETRY,
        *RETRY,
        *("WaitRetry", "CheckRetries", "MarkFailed", "WriteToDLQ", "CheckMore", "WaitBetweenBatches"),
        *("PrepBatch", "SendToGov", "EvaluateResponse", "UpdateSuccess", "CheckMore", "End"),
    ]
    assert execution.waits == [5, 15, 45, 2]
    (failure,) = sync_failures.failures()
    assert (failure.error, failure.attempts, len(failure.line_ids)) == ("http_503", 3, 100)
    assert not stored(group(0)).synced
    assert "pending_pk" not in raw(group(0))
    assert stored(group(100)).synced


@pytest.mark.parametrize("status", [400, 401, 422])
def test_a_4xx_is_given_up_at_once(house: House, status: int) -> None:
    house.government.faults.add({"fault": "reject", "status": status})
    put(grade_of(group(1)))
    execution = house.sync()
    assert visited(execution) == [*ONE_BATCH, "MarkFailed", "WriteToDLQ", "CheckMore", "End"]
    (failure,) = sync_failures.failures()
    assert failure.error == f"http_{status}"
    assert failure.batch.lines[0].student_id == "student_0001"
    assert failure.correlation_id == execution.output["correlation_id"]
    assert failure.failed_at.startswith("2026-04-01T03:00:")
    assert raw(group(1))["sync_failure"] == failure.batch.sync_batch_id


def test_lines_that_are_refused_are_told_one_by_one(house: House) -> None:
    house.government.faults.add({"fault": "refuse-lines", "pattern": "student_0001"})
    put(grade_of(group(1)), grade_of(group(2)))
    execution = house.sync()
    assert visited(execution) == [*ONE_BATCH, "UpdateSuccess", "CheckMore", "End"]
    assert (execution.output["accepted"], execution.output["refused"]) == (1, 1)
    (failure,) = sync_failures.failures()
    assert failure.partial
    assert [refusal.code for refusal in failure.refusals] == ["unknown_student"]
    assert not stored(group(1)).synced
    assert "pending_pk" not in raw(group(1))
    assert stored(group(2)).synced


def test_a_corrected_grade_is_sent_again_with_its_new_version(house: House) -> None:
    put(grade_of(group(1)))
    house.sync()
    correct(group(1), "91.5")
    house.sync()
    (line,) = house.government.register.record.values()
    assert (line["version"], line["score"]) == (2, "91.5")
    assert stored(group(1)).synced_version == 2


def test_a_grade_that_is_corrected_while_it_is_sent_stays_pending(house: House) -> None:
    put(grade_of(group(1)))
    seen: list[object] = []

    def meanwhile(state: str) -> None:
        if state == "UpdateSuccess" and not seen:  # sent, and not yet marked
            seen.append(correct(group(1), "10"))
        elif state == "PrepBatch" and seen:
            now = stored(group(1))
            seen.append((now.version, now.synced, now.synced_version, "pending_pk" in raw(group(1))))

    house.before_state = meanwhile
    house.sync()
    assert seen[1:] == [(2, False, 1, True)]
    assert stored(group(1)).synced_version == 2  # the same run found it and sent it
    assert house.government.register.regressions == []


def test_an_item_that_is_no_grade_holds_up_nobody_else(house: House) -> None:
    put(grade_of(group(1)), grade_of(group(2)))
    client("dynamodb").update_item(
        TableName="luca-platform",
        Key=to_typed({"PK": keys.student_pk(group(1).student), "SK": "GRADE#matematicas#Q1_2026"}),
        UpdateExpression="REMOVE evaluations_count",
    )
    execution = house.sync()
    assert execution.status == "SUCCEEDED"
    assert stored(group(2)).synced
    assert "pending_pk" in raw(group(1))


def test_two_executions_of_a_school_exclude_each_other(house: House) -> None:
    put(grade_of(group(1)))
    sync_turns.take("school_1", "arn:someone-else", house.clock())
    execution = house.sync()
    assert (execution.status, execution.error) == ("FAILED", "SyncRunningError")
    assert execution.waits == []  # it is not tried again: the other one will do it
    assert house.government.register.batches == {}
    house.clock.pass_(sync_turns.LEASE_SECONDS + 1)
    assert house.sync().status == "SUCCEEDED"


def test_no_execution_carries_a_student(house: House) -> None:
    house.government.faults.add({"fault": "reject"})
    put(*(grade_of(group(number)) for number in range(101)))
    assert "student" not in json.dumps(house.sync().history).replace("unknown_student", "")


def test_a_transient_failure_of_a_function_is_tried_again(house: House) -> None:
    put(grade_of(group(1)))
    left = [2]

    def fail(state: str) -> None:
        if state == "UpdateSuccess" and left[0]:
            left[0] -= 1
            raise StateError("EndpointConnectionError", "the store is away")

    house.before_state = fail
    execution = house.sync()
    assert execution.status == "SUCCEEDED"
    assert execution.waits == [5, 15]
    assert len(house.government.register.batches) == 1


def test_a_batch_costs_one_request_and_a_dozen_calls_of_the_store(house: House) -> None:
    put(*(grade_of(group(number)) for number in range(100)))
    begin = len(house.steps)
    house.sync()
    first = house.steps[begin:]
    put(*(grade_of(group(number)) for number in range(100, 300)))
    begin = len(house.steps)
    house.sync()
    second = house.steps[begin:]
    a_batch_more = Counter(second) - Counter(first)
    assert a_batch_more == {
        "HTTP:POST /v1/grade-batches": 1,
        "AWS:Query": 4,  # what is open, what waits; twice
        "AWS:BatchGetItem": 2,
        "AWS:GetItem": 2,
        "AWS:TransactWriteItems": 4,  # begin, attempt, marks, end
        "AWS:UpdateItem": 1,  # the receipt
    }


def test_an_index_that_lags_shows_no_grade_twice_and_costs_two_pages(house: House) -> None:
    put(*(grade_of(group(number)) for number in range(100)))
    house.sync()
    put(grade_of(group(500)))
    lagging = [keys.pending_sk(group(number)) for number in range(100)]
    entries = [{"pending_sk": {"S": each}} for each in [*lagging, keys.pending_sk(group(500))]]
    begin = len(house.steps)
    found = _pending_with_index(entries, 1)
    assert [grade.group for grade in found.grades] == [group(500)]
    assert house.steps[begin:].count("AWS:BatchGetItem") == 2  # a page of one, a page of a hundred


def _pending_with_index(entries: list[dict[str, object]], limit: int) -> sync_grades.Pending:
    """What is pending if the index says this, whatever the table says by now."""
    real = client("dynamodb").query

    def query(**request: object) -> dict[str, object]:
        start = int(str(request.get("ExclusiveStartKey", 0)))
        end = start + int(str(request["Limit"]))
        more = {"LastEvaluatedKey": end} if end < len(entries) else {}
        return {"Items": entries[start:end], **more}

    client("dynamodb").query = query
    try:
        return sync_grades.pending_grades("school_1", limit)
    finally:
        client("dynamodb").query = real

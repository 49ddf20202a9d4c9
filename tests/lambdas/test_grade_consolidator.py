from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from adapters import transactions
from adapters.academic_table import (
    academic_config,
    pending_evaluations,
    put_academic_config,
    read_grade,
    read_group,
)
from adapters.aws import client
from adapters.grade_queue import ConsolidationOrder
from adapters.table import put_items
from adapters.typed_json import from_typed
from lambdas import grade_consolidator
from lambdas.grade_consolidator import Report, consolidate_school, handler
from transforms.academic_items import Evaluation, Grade
from transforms.consolidation import consolidate
from transforms.keys import GroupKey, StudentKey
from transforms.periods import AcademicConfig, GradingRules, Period

pytestmark = pytest.mark.service

Q1 = Period("Q1_2026", date(2026, 1, 15), date(2026, 4, 15))
RULES = GradingRules({"exam": Decimal("0.7"), "homework": Decimal("0.2"), "quiz": Decimal("0.1")})
CONFIG = AcademicConfig("school_1", 1, [Q1], {"*": RULES})
RUN = "c0ffee00-0000-4000-8000-000000000001"
RECORDED, LATER = "2026-02-15T18:00:00.000Z", "2026-02-15T19:00:00.000Z"
MINUTE = 60_000


class Context:
    function_name = "luca-grade-consolidator"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:luca-grade-consolidator"
    aws_request_id = "r"

    def __init__(self, left: int = 5 * MINUTE) -> None:
        self._left = left

    def get_remaining_time_in_millis(self) -> int:
        return self._left


@pytest.fixture(autouse=True)
def rules(store: None) -> None:
    """The school of the fixture has periods and rules."""
    put_academic_config(CONFIG)


def evaluation(
    student: str = "ana", name: str = "exam_1", score: int | str = 80, **changes: Any
) -> Evaluation:
    fields: dict[str, Any] = {
        "subject": "matematicas",
        "period": "Q1_2026",
        "type": name.partition("_")[0],
        "date": date(2026, 2, 15),
        "teacher_id": "teacher_789",
        "recorded_at": RECORDED,
        "correlation_id": "d",
        **changes,
    }
    return Evaluation(StudentKey("school_1", student), evaluation_id=name, score=Decimal(score), **fields)


def group_of(student: str = "ana", subject: str = "matematicas") -> GroupKey:
    return GroupKey(StudentKey("school_1", student), subject, "Q1_2026")


def record(*evaluations: Evaluation) -> None:
    assert not put_items(each.item() for each in evaluations)


def correct(student: str = "ana", name: str = "exam_1", **changes: Any) -> None:
    """What a teacher does who finds a mistake."""
    _, known = read_group(group_of(student))
    (found,) = (each for each in known if each.evaluation_id == name)
    record(found.corrected(recorded_at=LATER, correlation_id="e", **changes))


def night(school: str = "school_1", out_of_time: Callable[[], bool] = lambda: False) -> Report:
    return consolidate_school(ConsolidationOrder(school_id=school, run_id=RUN), out_of_time)


def grade_of(student: str = "ana", subject: str = "matematicas") -> Grade:
    found = read_grade(group_of(student, subject))
    assert found is not None
    return found


def pending(school: str = "school_1") -> list[str | None]:
    return [each.evaluation_id for each in pending_evaluations(school)]


def academic_items() -> list[dict[str, Any]]:
    items = boto3.client("dynamodb").scan(TableName="luca-platform")["Items"]
    return [item for item in items if item["SK"]["S"].startswith(("EVAL#", "GRADE#"))]


def put_back(items: list[dict[str, Any]]) -> None:
    """Makes these academic items all that there are."""
    wanted = {(item["PK"]["S"], item["SK"]["S"]) for item in items}
    gone = [each for each in academic_items() if (each["PK"]["S"], each["SK"]["S"]) not in wanted]
    requests = [{"PutRequest": {"Item": item}} for item in items]
    requests += [{"DeleteRequest": {"Key": {name: item[name] for name in ("PK", "SK")}}} for item in gone]
    boto3.client("dynamodb").batch_write_item(RequestItems={"luca-platform": requests})


def everything() -> list[dict[str, Any]]:
    """All academic items as they stand, without the marks of when and how often they were calculated."""
    plain = [from_typed(item) for item in academic_items()]
    calculated = {"last_calculated", "calculation"}
    return sorted(
        ({name: value for name, value in item.items() if name not in calculated} for item in plain),
        key=lambda item: (item["PK"], item["SK"]),
    )


def writes(calls: list[str]) -> int:
    return calls.count("TransactWriteItems") + calls.count("UpdateItem")


def queued() -> list[dict[str, Any]]:
    queue = boto3.client("sqs").get_queue_url(QueueName="luca-grades")["QueueUrl"]
    found = []
    while messages := boto3.client("sqs").receive_message(QueueUrl=queue).get("Messages"):
        for message in messages:
            found.append(json.loads(message["Body"]))
            boto3.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return found


def deliver(order: dict[str, Any], context: Context | None = None) -> None:
    handler({"Records": [{"messageId": "m", "body": json.dumps(order)}]}, context or Context())


@contextmanager
def store_calls(
    before: Callable[[int], object] = lambda _: None, after: Callable[[int], object] = lambda _: None
) -> Iterator[list[str]]:
    """Numbers the calls of DynamoDB from 0, and does something before or after each.

    Raising before a call means that the store never saw it, after it that nobody saw the answer.
    """
    names: list[str] = []

    def on_before(model: Any, **_: Any) -> None:
        names.append(model.name)
        before(len(names) - 1)

    def on_after(**_: Any) -> None:
        after(len(names) - 1)

    events = client("dynamodb").meta.events
    events.register("before-call.dynamodb", on_before)
    events.register("after-call.dynamodb", on_after)
    try:
        yield names
    finally:
        events.unregister("before-call.dynamodb", on_before)
        events.unregister("after-call.dynamodb", on_after)


# A night


def test_a_night_makes_a_grade_of_each_group_and_leaves_nothing_pending() -> None:
    names = ["exam_1", "exam_2", "homework_1", "quiz_1", "quiz_2"]
    marks = [85, 80, 90, 70, 100]
    record(*(evaluation("ana", name, mark) for name, mark in zip(names, marks, strict=True)))
    record(evaluation("ben", score=50), evaluation("ben", score=70, subject="historia"))
    report = night()
    assert (report.written, report.consolidated, report.rest) == (3, 7, None)
    ana = grade_of()
    assert (ana.consolidated_score, ana.evaluations_count, ana.passed) == (Decimal("84.3"), 5, True)
    assert (ana.version, ana.rules_version, ana.correlation_id, ana.synced) == (1, 1, RUN, False)
    assert (grade_of("ben").passed, grade_of("ben", "historia").consolidated_score) == (False, Decimal(70))
    assert pending() == []
    assert all(each.consolidated for each in read_group(group_of())[1])


def test_grades_wait_for_the_government_and_nobody_else() -> None:
    record(evaluation())
    night()
    items = boto3.client("dynamodb").query(
        TableName="luca-platform",
        IndexName="pending",
        KeyConditionExpression="pending_pk = :pk",
        ExpressionAttributeValues={":pk": {"S": "TENANT#school_1#PENDING#SYNC"}},
    )["Items"]
    assert [item["pending_sk"]["S"] for item in items] == ["ana#matematicas#Q1_2026"]


def test_a_second_night_reads_the_index_and_nothing_else() -> None:
    record(evaluation("ana"), evaluation("ben"))
    night()
    before = everything()
    with store_calls() as calls:
        report = night()
    assert everything() == before
    assert calls == ["GetItem", "Query"], "the configuration and the index"
    assert (report.written, report.unchanged, report.consolidated) == (0, 0, 0)


def test_a_corrected_and_a_deleted_score_make_new_versions_with_the_receipts_kept() -> None:
    record(evaluation(name="exam_1", score=80), evaluation(name="exam_2", score=90))
    night()
    receipt = {"synced": True, "synced_version": 1, "receipt_id": "r-1"}
    table = boto3.resource("dynamodb").Table("luca-platform")
    for name, value in receipt.items():
        table.update_item(
            Key={"PK": "TENANT#school_1#STUDENT#ana", "SK": "GRADE#matematicas#Q1_2026"},
            UpdateExpression="SET #n = :v REMOVE pending_pk, pending_sk",
            ExpressionAttributeNames={"#n": name},
            ExpressionAttributeValues={":v": value},
        )
    correct(name="exam_1", score=Decimal(70))
    night()
    assert (grade_of().consolidated_score, grade_of().version, grade_of().synced) == (Decimal(80), 2, False)
    correct(name="exam_1", deleted=True)
    correct(name="exam_2", deleted=True)
    night()
    withdrawn = grade_of()
    assert (withdrawn.consolidated_score, withdrawn.passed, withdrawn.version) == (None, None, 3)
    assert withdrawn.synced_version == 1
    (item,) = (item for item in everything() if item["SK"].startswith("GRADE#"))
    assert item["receipt_id"] == "r-1", "what the synchronisation noted is not the nightly job's"
    assert not {"consolidated_score", "passed"} & item.keys()


def test_only_the_school_of_the_order_is_consolidated() -> None:
    record(evaluation())
    assert night("school_12").written == 0
    assert pending() == ["exam_1"]


# What cannot be graded is told, and waits


def test_evaluations_outside_every_period_are_told_and_consolidated_once_there_is_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    record(evaluation("ana", period="S1_2026"), evaluation("ben", period="S1_2026"), evaluation("cleo"))
    deliver({"school_id": "school_1", "run_id": RUN})
    printed = capsys.readouterr().out
    assert '"EvaluationsUnplaced":[2.0]' in printed
    assert '"GradesWritten":[1.0]' in printed
    assert night().unplaced == {("matematicas", "S1_2026", "unknown_period"): 2}
    semester = Period("S1_2026", date(2026, 1, 15), date(2026, 6, 30))
    put_academic_config(AcademicConfig("school_1", 2, [Q1, semester], {"*": RULES}))
    assert night().written == 2
    assert pending() == []


def test_a_school_without_rules_keeps_its_evaluations_pending() -> None:
    other = Evaluation.from_item({**evaluation().item(), "PK": "TENANT#school_2#STUDENT#ana"})
    record(other)
    assert night("school_2").unplaced == {("matematicas", "Q1_2026", "no_configuration"): 1}
    assert pending("school_2") == ["exam_1"]


def test_rules_that_cannot_be_applied_stop_nothing_but_the_grades() -> None:
    table = boto3.resource("dynamodb").Table("luca-platform")
    table.put_item(Item={**CONFIG.item(), "grading_rules": {"*": {"weights": {"exam": Decimal(2)}}}})
    record(evaluation())
    assert night().unplaced == {("matematicas", "Q1_2026", "no_configuration"): 1}


def test_a_type_without_weight_waits_and_is_not_written_again_every_night() -> None:
    record(evaluation(name="exam_1"), evaluation(name="project_1", score=10))
    assert (night().waiting, pending()) == (1, ["project_1"])
    before = everything()
    with store_calls() as calls:
        assert night().waiting == 1
    assert everything() == before
    assert writes(calls) == 0


@pytest.mark.fault
def test_an_item_that_is_no_evaluation_stops_its_own_grade_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    record(evaluation("ana"), evaluation("ben"))
    boto3.resource("dynamodb").Table("luca-platform").put_item(
        Item={"PK": "TENANT#school_1#STUDENT#ana", "SK": "EVAL#matematicas#Q1_2026#zz", "score": 7}
    )
    deliver({"school_id": "school_1", "run_id": RUN})
    assert '"GroupsFaulty":[1.0]' in capsys.readouterr().out
    assert (grade_of("ben").version, read_grade(group_of("ana")), pending()) == (1, None, ["exam_1"])


# Time


def test_a_school_larger_than_one_functions_time_is_done_order_by_order() -> None:
    record(*(evaluation(student, name) for student in "abcde" for name in ("exam_1", "quiz_1")))
    deliver({"school_id": "school_1", "run_id": RUN}, Context(left=grade_consolidator.RESERVE - 1))
    visits = 1
    while orders := queued():
        (order,) = orders
        assert (order["school_id"], order["run_id"]) == ("school_1", RUN)
        deliver(order, Context(left=0))
        visits += 1
    assert (visits, pending()) == (5, [])
    assert {grade_of(student).version for student in "abcde"} == {1}


def test_what_waits_for_better_rules_does_not_keep_an_order_alive() -> None:
    record(*(evaluation(student, period="S9") for student in "abc"))
    deliver({"school_id": "school_1", "run_id": RUN}, Context(left=0))
    visits = 1
    while orders := queued():
        deliver(orders[0], Context(left=0))
        visits += 1
    assert visits == 3


# Others write at the same time


@pytest.mark.fault
def test_groups_that_others_hold_are_gone_through_again_and_then_left_to_the_next_night(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record(evaluation("ana"), evaluation("ben"))
    monkeypatch.setattr(transactions, "FIRST_WAIT", 0)
    real = client("dynamodb").transact_write_items

    def contended(TransactItems: list[Any]) -> Any:  # noqa: N803 - boto3's name
        if TransactItems[0]["Update"]["Key"]["PK"]["S"].endswith("ana"):
            answer = {
                "Error": {"Code": "TransactionCanceledException", "Message": "conflict"},
                "CancellationReasons": [{"Code": "TransactionConflict"}],
            }
            raise ClientError(answer, "TransactWriteItems")  # type: ignore[arg-type]
        return real(TransactItems=TransactItems)

    monkeypatch.setattr(client("dynamodb"), "transact_write_items", contended)
    monkeypatch.setattr(grade_consolidator, "PAUSE", 0)
    deliver({"school_id": "school_1", "run_id": RUN})
    assert grade_of("ben").version == 1
    rounds = []
    while orders := queued():
        rounds.append(orders[0]["round"])
        deliver(orders[0])
    assert (rounds, pending()) == ([1, 2], ["exam_1"])
    monkeypatch.setattr(client("dynamodb"), "transact_write_items", real)
    assert night().written == 1


def test_the_intruders_are_noticed_at_every_step() -> None:
    """Between any two calls of a night a teacher writes, or another night runs: the end is right."""

    def corrects() -> None:
        correct("ana", "exam_1", score=Decimal(30))

    def adds() -> None:
        record(evaluation("ana", "exam_9", 10))

    def deletes() -> None:
        correct("ana", "exam_2", deleted=True)

    def another_night() -> None:
        night()

    def adds_and_another_night() -> None:
        adds()
        night()

    def corrects_to_the_same_and_another_night() -> None:
        correct("ana", "exam_1")
        night()

    record(*(evaluation("ana", f"exam_{number}", 90 - number) for number in (1, 2)))
    night()
    record(*(evaluation("ana", f"quiz_{number}", 40) for number in range(3)))
    correct("ana", "exam_1", score=Decimal(77))
    evening = academic_items()
    for intruder in (
        corrects,
        adds,
        deletes,
        another_night,
        adds_and_another_night,
        corrects_to_the_same_and_another_night,
    ):
        step = 0
        while intrude(step, intruder):
            night()
            assert grade_of().content == fresh("ana").content, f"{intruder.__name__} before call {step}"
            assert pending() == []
            put_back(evening)
            step += 1
        assert step > 3
        put_back(evening)


def intrude(step: int, intruder: Callable[[], None]) -> bool:
    """Runs a night into which an intruder breaks before its call `step`; False: it has no such call."""
    met = False

    def before(number: int) -> None:
        nonlocal met
        if number == step and not met:
            met = True
            intruder()

    with store_calls(before):
        night()
    return met


def fresh(student: str) -> Grade:
    """The grade as one computes it from the evaluations as they stand."""
    _, evaluations = read_group(group_of(student))
    unmarked = [Evaluation.from_item({**each.item(), "consolidated": False}) for each in evaluations]
    config = academic_config("school_1")
    assert config is not None
    decided = consolidate(
        group_of(student),
        None,
        unmarked,
        period=Q1,
        rules=RULES,
        rules_version=config.version,
        now=RECORDED,
        correlation_id=RUN,
    )
    assert decided.grade is not None
    return decided.grade


# The job dies


class Died(BaseException):
    """The process is gone. No error: nothing may catch it."""


@pytest.mark.fault
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_job_that_dies_at_any_store_call_and_runs_again_comes_to_the_same_end(
    moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.academic_table.ACTIONS", 3)  # so that five marks need several writes
    record(*(evaluation("ana", f"exam_{number}", 90 - number) for number in range(2)), evaluation("ben"))
    night()
    record(*(evaluation("ana", f"quiz_{number}", 40 + number) for number in range(4)))
    correct("ana", "exam_0", score=Decimal(77))
    correct("ben", "exam_1", deleted=True)
    record(evaluation("dan", period="S9"), evaluation("eva", "project_1"))
    evening = academic_items()
    with store_calls() as calls:
        night()
    end = everything()
    assert writes(calls) == 6

    def die_at(step: int) -> Callable[[int], None]:
        def at(number: int) -> None:
            if number == step:
                raise Died

        return at

    for step in range(len(calls)):
        put_back(evening)
        with pytest.raises(Died), store_calls(**{moment: die_at(step)}):
            night()
        night()
        assert everything() == end, f"died {moment} call {step}, {calls[step]}"
    with store_calls() as again:
        night()
    assert writes(again) == 0


@pytest.mark.fault
def test_a_store_that_fails_fails_the_message_and_the_next_delivery_ends_the_work() -> None:
    record(evaluation("ana"), evaluation("ben"))
    down = {"Error": {"Code": "InternalServerError", "Message": "down"}}

    def fail(number: int) -> None:
        if number == 4:  # configuration, index, grade and evaluations of ana went well
            raise ClientError(down, "TransactWriteItems")  # type: ignore[arg-type]

    order = {"school_id": "school_1", "run_id": RUN}
    with pytest.raises(ClientError, match="down"), store_calls(fail):
        deliver(order)
    assert pending() == ["exam_1", "exam_1"]
    deliver(order)
    assert pending() == []
    assert {grade_of(student).version for student in ("ana", "ben")} == {1}


# More than one transaction, and no person in any log


def test_a_group_of_more_than_a_hundred_pending_evaluations_is_consolidated_whole() -> None:
    record(*(evaluation("ana", f"exam_{number}", min(number, 100)) for number in range(102)))
    with store_calls() as calls:
        report = night()
    assert (report.written, report.consolidated, pending()) == (1, 102, [])
    assert writes(calls) == 1 + (102 - 99)
    assert (grade_of().evaluations_count, grade_of().version) == (102, 1)


def test_logs_and_metrics_name_no_student_and_no_score(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    # A score with a point: two digits alone stand in many a timestamp.
    record(evaluation("student_456", score="77.3"), evaluation("student_456", "exam_juan", period="S9"))
    deliver({"school_id": "school_1", "run_id": RUN})
    printed = capsys.readouterr().out + caplog.text
    assert "GradesWritten" in printed
    for secret in ("student_456", "exam_juan", "77.3"):
        assert secret not in printed

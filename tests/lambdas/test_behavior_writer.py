from __future__ import annotations

import json
import uuid
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from adapters import edge_secret, table, tombstones
from adapters.aws import client
from lambdas.behavior_writer import handler
from transforms.schools import School

EDGE = "what-the-edge-adds"  # as conftest.py has it

pytestmark = pytest.mark.service

SENT = datetime(2026, 2, 3, 14, 16, tzinfo=UTC)


class Context:
    function_name = "luca-behavior-writer"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:luca-behavior-writer"
    aws_request_id = "r"


def event(**changes: object) -> dict[str, Any]:
    good = {
        "event_id": str(uuid.uuid4()),
        "type": "participation",
        "student_id": "student_456",
        "occurred_at": "2026-02-03T08:15:00-06:00",
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not ...}


def message(
    body: object, school: str | None = "school_1", correlation: str = "", edge: str = EDGE
) -> dict[str, Any]:
    return {
        "messageId": str(uuid.uuid4()),
        "receiptHandle": "h",
        "body": body if isinstance(body, str) else json.dumps(body),
        "attributes": {
            "SentTimestamp": str(int(SENT.timestamp() * 1000)),
            **({"MessageGroupId": school} if school else {}),
        },
        "messageAttributes": {
            "correlation_id": {"stringValue": f"{correlation} reqid=", "dataType": "String"},
            "edge": {"stringValue": f"{edge} reqid=", "dataType": "String"},
        },
    }


def write(*messages: dict[str, Any]) -> list[str]:
    """Runs the worker; returns the ids of the messages that go back to the queue."""
    answer = handler({"Records": list(messages)}, Context())
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def stored() -> list[dict[str, Any]]:
    items = boto3.resource("dynamodb").Table("luca-platform").scan()["Items"]
    return [item for item in items if item["SK"].startswith("EVENT#")]


def rejected() -> list[dict[str, Any]]:
    queue = boto3.client("sqs").get_queue_url(QueueName="luca-behavior-rejected")["QueueUrl"]
    messages = []
    while (
        batch := boto3.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages")
    ):
        messages += [json.loads(entry["Body"]) for entry in batch]
    return messages


def test_a_batch_of_good_events_is_stored_with_points_and_the_callers_correlation_id() -> None:
    correlation = str(uuid.uuid4())
    messages = [message(event(), correlation=correlation) for _ in range(50)]
    assert write(*messages) == []
    items = stored()
    assert len(items) == 50
    assert {int(item["points"]) for item in items} == {4}
    assert {item["correlation_id"] for item in items} == {correlation}
    assert {item["local_date"] for item in items} == {"2026-02-03"}


@pytest.mark.parametrize("edge", ["", "guessed", f"{EDGE}x", EDGE[:-1]])
def test_what_came_around_the_edge_is_rejected_with_its_reason(edge: str) -> None:
    assert write(message(event(), edge=edge), good := message(event())) == []
    assert [item["event_id"] for item in stored()] == [json.loads(good["body"])["event_id"]]
    assert [each["reason"] for each in rejected()] == ["not_from_edge"]


def test_while_a_secret_is_rotated_the_one_before_holds_too_and_no_other() -> None:
    assert write(message(event())) == []
    secret = json.dumps({"value": "new", "before": EDGE})
    client("secretsmanager").put_secret_value(SecretId="luca/edge", SecretString=secret)
    edge_secret._last_reading["luca/edge"] -= 60  # a minute later
    assert write(message(event(), edge="new"), message(event()), message(event(), edge="old")) == []
    assert len(stored()) == 3
    assert [each["reason"] for each in rejected()] == ["not_from_edge"]


def test_wrong_values_do_not_make_us_ask_for_the_secret_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = client("secretsmanager").get_secret_value

    def counted(SecretId: str) -> Any:  # noqa: N803
        asked.append(SecretId)
        return real(SecretId=SecretId)

    monkeypatch.setattr(client("secretsmanager"), "get_secret_value", counted)
    write(*(message(event(), edge=f"guess{number}") for number in range(20)))
    assert len(asked) == 1
    assert len(rejected()) == 20


def test_where_the_secret_cannot_be_read_nothing_is_rejected_and_all_comes_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(SecretId: str) -> Any:  # noqa: N803
        raise EndpointConnectionError(endpoint_url="https://secrets")

    monkeypatch.setattr(client("secretsmanager"), "get_secret_value", refuse)
    with pytest.raises(EndpointConnectionError):
        write(message(event()))
    assert (stored(), rejected()) == ([], [])


def test_a_correlation_id_that_is_no_uuid_is_replaced_by_the_messages_own() -> None:
    sent = message(event(), correlation="student_456")
    write(sent)
    assert [item["correlation_id"] for item in stored()] == [sent["messageId"]]


@pytest.mark.parametrize(
    ("body", "school", "reason"),
    [
        ("{", "school_1", "malformed_json"),
        (event(student_id=7), "school_1", "wrong_type"),
        (event(student_id="a#b"), "school_1", "bad_identifier"),
        (event(student_id="a\u0000"), "school_1", "bad_identifier"),
        (event(type="singing"), "school_1", "unknown_type"),
        (event(occurred_at="2026-02-03T08:15:00"), "school_1", "naive_time"),
        (event(occurred_at="1970-01-01T00:00:00Z"), "school_1", "too_old"),
        (event(occurred_at="2026-02-13T08:15:00Z"), "school_1", "in_the_future"),
        (event(school_id="school_12"), "school_1", "foreign_school"),
        (event(), None, "missing_school"),
        (event(), "school_12", "unknown_school"),
        (event(), "school*", "unknown_school"),
    ],
)
def test_a_bad_message_is_kept_with_its_reason_and_stops_no_other(
    body: object, school: str | None, reason: str
) -> None:
    bad = message(body, school)
    assert write(message(event()), bad, message(event())) == []
    assert len(stored()) == 2
    (kept,) = rejected()
    assert (kept["reason"], kept["school_id"], kept["body"]) == (reason, school, bad["body"])
    assert kept["faults"][0][2], "the rule that was broken is told"


def test_fifty_bad_messages_are_all_kept() -> None:
    assert write(*[message("{" + "x" * 60_000) for _ in range(50)]) == []
    assert len(rejected()) == 50


def test_the_same_event_twice_in_a_batch_is_one_item() -> None:
    twice = event()
    assert write(message(twice), message(twice), message(event())) == []
    assert len(stored()) == 2


def test_a_second_delivery_changes_nothing() -> None:
    sent = message(event())
    write(sent)
    before = stored()
    assert write(sent) == []
    assert stored() == before


@pytest.mark.fault
def test_what_a_busy_store_leaves_unprocessed_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = iter([[0, 3, 4], [1], []])  # positions left over at each call
    real = client("dynamodb").batch_write_item

    def batch_write_item(RequestItems: dict[str, list[Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        (requests,) = RequestItems.values()
        left = [requests[position] for position in next(busy)]
        real(RequestItems={"luca-platform": [request for request in requests if request not in left]})
        return {"UnprocessedItems": {"luca-platform": left} if left else {}}

    monkeypatch.setattr(client("dynamodb"), "batch_write_item", batch_write_item)
    monkeypatch.setattr(table, "FIRST_WAIT", 0)
    assert write(*[message(event()) for _ in range(5)]) == []
    assert len(stored()) == 5


@pytest.mark.fault
def test_what_a_store_never_takes_returns_to_the_queue_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    unlucky = event()
    real = client("dynamodb").batch_write_item

    def batch_write_item(RequestItems: dict[str, list[Any]]) -> dict[str, Any]:  # noqa: N803
        (requests,) = RequestItems.values()
        left = [r for r in requests if r["PutRequest"]["Item"]["event_id"]["S"] == unlucky["event_id"]]
        taken = [request for request in requests if request not in left]
        if taken:
            real(RequestItems={"luca-platform": taken})
        return {"UnprocessedItems": {"luca-platform": left}}

    monkeypatch.setattr(client("dynamodb"), "batch_write_item", batch_write_item)
    monkeypatch.setattr(table, "FIRST_WAIT", 0)
    first, copy = message(unlucky), message(unlucky)
    assert sorted(write(first, message(event()), copy)) == sorted([first["messageId"], copy["messageId"]])
    assert len(stored()) == 1


@pytest.mark.fault
def test_a_store_that_cannot_be_reached_returns_every_message(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="http://store")

    monkeypatch.setattr(client("dynamodb"), "batch_write_item", unreachable)
    monkeypatch.setattr(table, "FIRST_WAIT", 0)
    messages = [message(event()) for _ in range(3)]
    assert sorted(write(*messages)) == sorted(sent["messageId"] for sent in messages)
    assert rejected() == [], "an outage is not the sender's fault"


@pytest.mark.fault
def test_a_rejection_that_the_queue_does_not_take_goes_back_to_be_rejected_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(QueueUrl: str, Entries: list[Any]) -> dict[str, Any]:  # noqa: N803
        return {"Failed": [{"Id": entry["Id"], "Code": "InternalError"} for entry in Entries]}

    monkeypatch.setattr(client("sqs"), "send_message_batch", refuse)
    bad = message("{")
    assert write(bad, message(event())) == [bad["messageId"]]


@pytest.mark.fault
def test_a_mistake_of_ours_is_not_taken_for_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUCA_TABLE", "no-such-table")
    with pytest.raises(ClientError, match="ResourceNotFound"):
        write(message(event()))


def test_logs_and_metrics_name_no_person(capsys: pytest.CaptureFixture[str]) -> None:
    write(message(event()), message(event(student_id="student_456", type="singing")))
    printed = capsys.readouterr().out
    assert "EventsRejected" in printed
    assert "student_456" not in printed


def test_an_event_of_an_erased_student_is_rejected_and_its_body_is_not_kept() -> None:
    tombstones.bury("school_1", "student_456")
    table.put_school(School("school_2", "UTC"))
    others = [message(event(student_id="ana")), message(event(), school="school_2")]
    assert write(message(event()), *others) == []
    assert {item["PK"] for item in stored()} == {
        "TENANT#school_1#STUDENT#ana",
        "TENANT#school_2#STUDENT#student_456",  # the same identifier is another person there
    }
    (rejection,) = rejected()
    assert rejection["reason"] == "erased_student"
    assert "student_456" not in json.dumps(rejection)


def test_a_student_whose_tombstone_was_lifted_sends_again() -> None:
    tombstones.bury("school_1", "student_456")
    assert tombstones.lift("school_1", "student_456")
    assert not tombstones.lift("school_1", "student_456")
    write(message(event()))
    assert len(stored()) == 1


def test_a_school_that_erased_nobody_costs_one_read_and_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    for service in ("dynamodb", "ssm"):
        client(service).meta.events.register(
            "before-call", lambda model, **_: calls.append(model.name), unique_id="count"
        )
    write(*(message(event()) for _ in range(20)))
    write(*(message(event()) for _ in range(20)))
    assert Counter(calls) == {
        "GetItem": 2,
        "BatchWriteItem": 2,
    }  # the school's rules, and its erased students


def test_without_the_key_no_event_passes_for_one_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    tombstones.bury("school_1", "ana")
    tombstones._keys.clear()
    boto3.client("ssm").delete_parameter(Name="/luca/tombstone-keys/school_1")
    with pytest.raises(tombstones.TombstoneKeyLostError, match="school_1"):
        write(message(event()))
    assert stored() == []

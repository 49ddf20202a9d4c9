from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from adapters import table
from adapters.aws import client
from adapters.grade_queue import OrdersNotSentError
from lambdas.grade_dispatcher import handler
from transforms.schools import School

pytestmark = pytest.mark.service

# 02:00 in Mexico City (UTC-6) and 13:45 in Nepal; school_1 of the fixture is in Mexico City.
TICK = "2026-02-03T08:00:00Z"
NEPAL_TICK = "2026-02-02T20:15:00Z"


class Context:
    function_name = "luca-grade-dispatcher"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:luca-grade-dispatcher"
    aws_request_id = "r"


def dispatch(tick: str) -> dict[str, int]:
    return handler({"scheduled_time": tick}, Context())


def orders() -> list[dict[str, Any]]:
    """The orders in the queue, with their message group."""
    queue = boto3.client("sqs").get_queue_url(QueueName="luca-grades")["QueueUrl"]
    found = []
    while (
        messages := boto3.client("sqs")
        .receive_message(QueueUrl=queue, MaxNumberOfMessages=10, AttributeNames=["MessageGroupId"])
        .get("Messages")
    ):
        found += [
            {**json.loads(each["Body"]), "group": each["Attributes"]["MessageGroupId"]} for each in messages
        ]
    return found


def test_each_school_gets_its_order_when_it_is_two_by_its_own_clocks() -> None:
    table.put_school(School("school_2", "America/Mexico_City"))
    table.put_school(School("school_3", "Asia/Kathmandu"))
    assert dispatch(TICK) == {"schools": 3, "orders": 2}
    assert {(order["school_id"], order["group"]) for order in orders()} == {
        ("school_1", "school_1"),
        ("school_2", "school_2"),
    }
    assert dispatch(NEPAL_TICK) == {"schools": 3, "orders": 1}
    assert [order["school_id"] for order in orders()] == ["school_3"]


def test_a_quarter_of_an_hour_without_a_night_sends_nothing() -> None:
    assert dispatch("2026-02-03T08:15:00Z") == {"schools": 1, "orders": 0}
    assert orders() == []


def test_a_schedule_that_comes_late_or_twice_means_the_same_night() -> None:
    dispatch("2026-02-03T08:14:59Z")
    dispatch(TICK)
    dispatch("2026-02-04T08:00:00Z")
    first, again, tomorrow = orders()
    assert first == again
    assert first["run_id"] != tomorrow["run_id"]


def test_more_schools_than_one_call_takes_all_get_their_orders() -> None:
    many = [School(f"school_{number}", "America/Mexico_City") for number in range(2, 124)]
    table.put_items(item for school in many for item in (school.item(), school.register_item()))
    assert dispatch(TICK) == {"schools": 123, "orders": 123}
    assert len({order["school_id"] for order in orders()}) == 123


@pytest.mark.fault
def test_a_school_with_an_unknown_zone_delays_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    broken = {"PK": "TENANT#school_0#CONFIG", "SK": "SCHOOL", "time_zone": "Mars/Olympus"}
    register = School("school_0", "UTC").register_item()
    for item in (broken, register):
        boto3.resource("dynamodb").Table("luca-platform").put_item(Item=item)
    assert dispatch(TICK)["orders"] == 1
    assert '"SchoolsWithoutNight":[1.0]' in capsys.readouterr().out


@pytest.mark.fault
def test_orders_that_the_queue_refuses_fail_the_tick_after_the_others_were_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    many = [School(f"school_{number}", "America/Mexico_City") for number in range(2, 13)]
    table.put_items(item for school in many for item in (school.item(), school.register_item()))
    real = client("sqs").send_message_batch

    def refuse_the_first(QueueUrl: str, Entries: list[Any]) -> dict[str, Any]:  # noqa: N803 - boto3's names
        real(QueueUrl=QueueUrl, Entries=Entries[1:])
        return {"Failed": [{"Id": Entries[0]["Id"], "Code": "InternalError"}]}

    monkeypatch.setattr(client("sqs"), "send_message_batch", refuse_the_first)
    with pytest.raises(
        OrdersNotSentError, match=r"took 10 orders and refused those of school_\d+, school_\d+: send"
    ):
        dispatch(TICK)
    assert len(orders()) == 10

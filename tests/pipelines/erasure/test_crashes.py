"""An erasure that is killed, anywhere, is ended by the next one; its receipt tells what both have found."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters import erasures
from adapters.erasures import ChainBrokenError
from pipelines.erasure import run
from tests.pipelines.conftest import BUCKETS
from tests.pipelines.erasure.conftest import ANA, BEN, NOW

pytestmark = [pytest.mark.service, pytest.mark.fault]


def ended_by_the_next(world: Any, write: int) -> bool:
    """Kills an erasure before its n-th write, runs it again; False where there is no such write."""
    expected = run.look(run_subject()).rows
    died = world.lake.dies(write, world.erase)
    if died:
        world.erase()
    assert world.holding(*world.secrets()) == set()
    assert world.lake_students() == sorted([world.key(BEN), world.key(ANA, "school_2")])
    (body,) = world.lake.objects("erasures/receipts/").values()
    told = {place["place"]: place["rows_before"] for place in json.loads(body)["places"]}
    assert {place: told.get(place, 0) >= rows for place, rows in expected.items()} == dict.fromkeys(
        expected, True
    )
    assert erasures.verify() == 1
    assert erasures.begun("school_1", json.loads(body)["subject"]) is None
    return bool(died)


def run_subject() -> Any:
    from pipelines.erasure.subject import student

    return student("school_1", ANA)


@pytest.mark.slow
@pytest.mark.parametrize("write", [4, 6, 24])  # of those that the test below leaves out
def test_a_killed_erasure_is_ended_by_the_next(world: Any, write: int) -> None:
    assert ended_by_the_next(world, write)


@pytest.mark.slow
@pytest.mark.parametrize("write", range(1, 70, 2))
def test_an_erasure_killed_before_every_second_of_its_writes_is_ended_by_the_next(
    world: Any, write: int
) -> None:
    assert ended_by_the_next(world, write) or write > 40


def chain(world: Any) -> list[str]:
    """Three receipts; their objects' keys."""
    world.erase()
    world.erase("school_2")
    run.lift("school_2", ANA, now=NOW, reason="enrols again")
    assert erasures.verify() == 3
    return [receipt.key for receipt in erasures.receipts()]


@pytest.mark.slow
def test_an_edit_anywhere_breaks_the_chain(world: Any) -> None:
    import boto3

    first, second, third = chain(world)
    head = list(erasures.receipts())[-1].digest
    assert erasures.verify(head) == 3
    s3, table = boto3.client("s3"), boto3.resource("dynamodb").Table("luca-loads")
    place = {"Bucket": BUCKETS["LAKE"], "Key": second}

    body = s3.get_object(**place)["Body"].read()
    s3.put_object(**place, Body=body.replace(b"request", b"Request"))
    with pytest.raises(ChainBrokenError, match=f"receipt 2 was changed: {second}"):
        erasures.verify()
    s3.delete_object(**place)
    with pytest.raises(ChainBrokenError, match="receipt 2 has lost its object"):
        erasures.verify()
    s3.put_object(**place, Body=body)
    assert erasures.verify() == 3

    item = table.get_item(Key={"PK": "ERASURES", "SK": "00000002"})["Item"]
    table.put_item(Item={**item, "written_at": "2020-01-01T00:00:00.000Z"})
    with pytest.raises(ChainBrokenError, match="receipt 2 was changed in the ledger"):
        erasures.verify()
    table.delete_item(Key={"PK": "ERASURES", "SK": "00000002"})
    with pytest.raises(ChainBrokenError, match="receipt 2 is missing: the next one is 3"):
        erasures.verify()
    table.put_item(Item=item)
    assert erasures.verify() == 3

    table.delete_item(Key={"PK": "ERASURES", "SK": "00000003"})
    assert erasures.verify() == 2  # the end can be missed only by who noted the newest digest
    with pytest.raises(ChainBrokenError, match="taken off the end"):
        erasures.verify(head)
    assert {first, third} <= set(world.lake.objects("erasures/receipts/"))

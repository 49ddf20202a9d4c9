"""One student is gone from every byte, and everybody else is as before."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import boto3
import pytest

from adapters import leases, tombstones
from adapters.aws import client
from adapters.lake import ObjectChangedError
from pipelines.erasure import everywhere, run
from pipelines.erasure.parquet_rows import UnreadableRowsError
from pipelines.erasure.run import ErasureIncompleteError, NothingFoundError
from pipelines.erasure.subject import student
from pipelines.partitions.rewriting import UnfinishedWorkError
from pipelines.replay.run import replay
from pipelines.replay.span import Span
from tests.pipelines.conftest import BUCKETS
from tests.pipelines.erasure.conftest import ANA, BEN, MART, NOW, mart
from transforms.lake_schema import BEHAVIOR_EVENTS
from transforms.retention.places import Removal
from transforms.retention.registry import PLACES

pytestmark = pytest.mark.service


def test_a_student_is_gone_from_every_version_of_every_object_and_everybody_else_is_there(world: Any) -> None:
    assert len(world.holding(*world.secrets())) >= 10
    others = [ANA, *(world.key(BEN, version=1),), world.key(ANA, "school_2")]
    before = {secret: world.holding(secret) for secret in others[1:]}
    done = world.erase()
    assert world.holding(*world.secrets()) == set()
    for secret, keys in before.items():
        kept = world.holding(secret)
        # Partitions of the lake are new generations under other names; all else keeps its own.
        assert {key for key in keys if "/gen=" not in key} == {key for key in kept if "/gen=" not in key}
        assert any("/gen=" in key for key in kept)
    assert world.lake_students() == sorted([world.key(BEN), world.key(ANA, "school_2")])
    assert world.lake_students("academic_changes") == world.lake_students()
    assert {row["student_key"] for rows in world.lake.quarantined().values() for row in rows} == {
        world.key(BEN)
    }
    assert not any(
        ANA in sk or f"school_1#STUDENT#{ANA}" in pk for pk, sk in world.items() if "school_1" in pk
    )
    assert sum(ANA in pk for pk, _ in world.items()) == 5  # of school_2
    for queue in (world.platform.queue, world.dead_letters):
        assert len(world.queued(queue)) == 2
    assert sum(finding.rows for finding in done.findings) > 20


@pytest.mark.slow
def test_a_load_after_the_erasure_publishes_nothing_of_the_student_again(world: Any) -> None:
    world.erase()
    before = world.lake_students()
    assert world.lake.load() == []
    world.land(BEN)
    world.lake.load(now=NOW)
    assert world.lake_students() == sorted([*before, world.key(BEN)])


@pytest.mark.slow
def test_a_replay_brings_back_what_the_lake_has_lost_and_nothing_of_the_student(world: Any) -> None:
    world.erase()
    before = world.lake_students()
    assert world.key(BEN) in before
    folder = "lake/behavior_events/graduation_year=2029/year=2026/month=02/school_id=school_1/"
    for key in world.lake.objects(folder):
        boto3.client("s3").delete_object(Bucket=BUCKETS["LAKE"], Key=key)
    assert world.key(BEN) not in world.lake_students()
    days = Span.of(date(2026, 2, 1), date(2026, 2, 28), ())
    done = replay(BEHAVIOR_EVENTS, days, apply=True, clock=lambda: NOW)
    assert [each.partition[-1] for each in done.healed] == ["school_1"]
    assert world.lake_students() == before
    assert world.holding(*world.secrets()) == set()


def test_looking_changes_nothing(world: Any) -> None:
    before = dict(world.everything())
    looked = run.look(student("school_1", ANA))
    assert dict(world.everything()) == before
    assert looked.rows["lake/lake/behavior_events"] == 2  # under both versions of the key
    assert looked.rows["luca-platform/EVENT"] == looked.rows["luca-platform/ROSTER"] == 1
    # Nor was a key made, or anybody buried.
    assert boto3.client("ssm").get_parameters_by_path(Path="/luca/tombstone-keys")["Parameters"] == []


def test_nothing_found_is_no_success(world: Any) -> None:
    with pytest.raises(NothingFoundError, match="nothing found"):
        world.erase(who="nobody_of_that_name")
    assert list(world.lake.objects("erasures/receipts/")) == []
    world.erase()
    with pytest.raises(NothingFoundError):
        world.erase()


def test_of_two_students_of_one_name_the_other_schools_stays(world: Any) -> None:
    world.erase("school_2")
    assert world.holding(world.key(ANA, "school_2")) == set()
    assert world.key(ANA) in world.lake_students()
    assert not tombstones.tombstones("school_1").erased(ANA)
    assert tombstones.tombstones("school_2").erased(ANA)


@pytest.mark.slow
def test_only_objects_that_hold_the_student_are_written_anew(world: Any) -> None:
    world.land(BEN, graduation_year=2030)
    world.lake.load(now=NOW)
    s3 = boto3.client("s3")

    def stamps() -> dict[str, str]:
        listed = s3.list_objects_v2(Bucket=BUCKETS["LAKE"], Prefix="lake/")["Contents"]
        return {each["Key"]: each["LastModified"].isoformat() + each["ETag"] for each in listed}

    before = stamps()
    world.erase()
    after = stamps()
    untouched = {key for key in before if "graduation_year=2030" in key or "school_2" in key}
    assert len(untouched) == 3
    assert {key: after.get(key) for key in untouched} == {key: before[key] for key in untouched}


@pytest.mark.slow
def test_a_receipt_names_no_student_and_tells_file_by_file(world: Any) -> None:
    done = world.erase()
    (body,) = world.lake.objects("erasures/receipts/").values()
    told = json.loads(body)
    assert {place["place"]: (place["rows_before"], place["rows_after"]) for place in told["places"]}[
        "lake/quarantine"
    ] == (1, 0)
    assert len(told["files"]) == len(done.findings)
    assert told["subject"] == next(iter(tombstones.tombstones("school_1").hashes))
    assert not any(secret in body.decode() for secret in world.secrets())
    assert any("official" in place["why"] for place in told["left"])


@pytest.mark.slow
def test_an_erasure_beside_a_second_one_of_the_same_school_is_refused(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = []

    def second(_: float) -> None:
        monkeypatch.setattr(leases, "SILENCE_SECONDS", 30)
        monkeypatch.setattr(leases, "BEAT_SECONDS", 0.05)
        with pytest.raises(leases.LeaseHeldError) as held:
            world.erase()
        refused.append(held)

    monkeypatch.setattr(leases, "BEAT_SECONDS", 0.05)
    world.erase(sleep=second)
    assert len(refused) == 1
    assert world.holding(*world.secrets()) == set()


def meddling(world: Any, times: int) -> list[int]:
    """Lets another write a mart with the student in it when the erasure is about to; counts how often."""
    done: list[int] = []
    rows = [{"student_key": world.key(who), "points": 3} for who in (ANA, BEN)]

    def meddle(params: dict[str, Any], **_: Any) -> None:
        if params.get("Key") == MART and "IfMatch" in params and len(done) < times:
            done.append(len(done))
            body = mart(rows * (2 + len(done)))  # another content each time
            boto3.client("s3").put_object(Bucket=BUCKETS["LAKE"], Key=MART, Body=body)

    client("s3").meta.events.register("provide-client-params.s3.PutObject", meddle)
    return done


@pytest.mark.slow
@pytest.mark.fault
def test_an_object_that_changes_under_us_is_looked_at_again(world: Any) -> None:
    done = meddling(world, 1)
    world.erase()
    assert len(done) == 1
    assert world.holding(*world.secrets()) == set()
    assert MART in world.holding(world.key(BEN))


@pytest.mark.slow
@pytest.mark.fault
def test_an_object_that_another_writes_all_the_time_fails_the_erasure_loudly(world: Any) -> None:
    meddling(world, 1000)
    with pytest.raises(ObjectChangedError, match="all the time"):
        world.erase()


@pytest.mark.slow
def test_what_comes_while_the_erasure_runs_fails_it_loudly(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = everywhere.holders()[-1]
    removed = type(last).remove

    def late(self: Any, work: Any) -> None:
        removed(self, work)
        world.land(ANA)

    monkeypatch.setattr(type(last), "remove", late)
    with pytest.raises(ErasureIncompleteError, match=r"\d+ in landing/behavior_events"):
        world.erase()
    monkeypatch.undo()


@pytest.mark.slow
def test_an_open_load_is_ended_first(world: Any) -> None:
    world.land(BEN)
    assert world.lake.dies(4)
    with pytest.raises(UnfinishedWorkError, match="run `luca load behavior_events`"):
        world.erase()
    world.lake.load(now=NOW)
    world.erase()
    assert world.holding(*world.secrets()) == set()


def test_a_damaged_file_is_not_passed_over(world: Any) -> None:
    key = "lake/behavior_events/graduation_year=2029/year=2026/month=02/school_id=school_1/gen=0000/x.parquet"
    boto3.client("s3").put_object(Bucket=BUCKETS["LAKE"], Key=key, Body=b"PAR1 no more")
    with pytest.raises(UnreadableRowsError, match="may hold anything"):
        world.erase()


@pytest.mark.slow
def test_a_lifted_tombstone_has_a_receipt(world: Any) -> None:
    world.erase()
    with pytest.raises(LookupError, match="nothing was lifted"):
        run.lift("school_1", BEN, now=NOW, reason="r")
    receipt = run.lift("school_1", ANA, now=NOW, reason="enrols again")
    assert receipt.number == 2
    assert not tombstones.tombstones("school_1").erased(ANA)


def test_every_place_of_the_registry_that_holds_a_student_has_somebody_who_removes_it() -> None:
    held = {place.name for holder in everywhere.holders() for place in holder.places}
    nobody = {Removal.WITH_SCHOOL, Removal.NOTHING}
    wanted = {place.name for place in PLACES if place.erasure.remove not in nobody}
    left = {place.name for place in everywhere.untouched()}
    positions = {"luca-lake-dead-letters/messages"}  # point into the store, and hold nobody
    assert wanted == held | left | positions | {everywhere.READ_BY_THE_WRITER}
    assert not held & left

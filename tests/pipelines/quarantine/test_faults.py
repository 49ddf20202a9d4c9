"""Whatever is killed, changed or refused meanwhile: no row is lost, and none comes twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pytest
from botocore.exceptions import ClientError

from adapters import ledger, objects, quarantine
from adapters.aws import client
from adapters.lake import ObjectChangedError
from adapters.leases import LeaseHeldError
from adapters.objects import Object
from pipelines.quarantine import changing, releasing
from pipelines.quarantine.changing import HoldingChangedError
from pipelines.quarantine.correcting import Corrections
from pipelines.quarantine.discarding import discard
from pipelines.quarantine.releasing import release
from tests.pipelines.conftest import NOW, Lake
from tests.pipelines.quarantine.conftest import SCHOOL, TABLE, WHO
from transforms.lake_schema import BEHAVIOR_EVENTS

pytestmark = [pytest.mark.service, pytest.mark.fault]

Work = Callable[[Any, str], object]


def released(lake: Any, load_id: str) -> object:
    return release(TABLE, load_id, SCHOOL, now=NOW, by=WHO)


def corrected(lake: Any, load_id: str) -> object:
    rows = [{**CORRECTED, "event_id": event} for event in BAD]
    corrections = Corrections(pa.Table.from_pylist(rows, BEHAVIOR_EVENTS.landing_schema), "0" * 64)
    return release(TABLE, load_id, SCHOOL, now=NOW, by=WHO, corrections=corrections, reason="mended")


def discarded(lake: Any, load_id: str) -> object:
    return discard(TABLE, load_id, SCHOOL, now=NOW, by=WHO, reason="a test class")


BAD = [f"00000000-0000-0000-0000-0000000000{number:02d}" for number in (2, 3)]
CORRECTED = Lake("", iter([99])).event(points=5)
WORKS: dict[str, Work] = {"release": released, "correct": corrected, "discard": discarded}
STRIDE = 5  # the kill points of one test: every fifth


def hold(lake: Any) -> str:
    """A lake in which one load has held four rows back, two of them good."""
    lake.reset()
    lake.ids = iter(range(1, 1000))
    bad = [
        lake.event(),
        lake.event(points=500),
        lake.event(class_id="Ana María"),
        lake.event(graduation_year=2030),
    ]
    lake.land(bad, "1")
    return str(lake.load_one(now=NOW).load_id)


def state(lake: Any, load_id: str) -> dict[str, Any]:
    """All that is left behind: every byte of lake and landing, and what the ledger says."""
    record = quarantine.record(TABLE, load_id, SCHOOL)
    loads = ledger.loads(TABLE)
    return {
        "lake": lake.objects(),
        "landing": {key: body for key, body in lake.objects(bucket="LANDING").items() if "/hour=" in key},
        "published": sorted(row["event_id"] for row in lake.published()),
        "waiting": sorted(row["event_id"] for row in lake.quarantined().get(SCHOOL, [])),
        "record": (record.released, record.discarded, record.open, [(c.deed, c.rows) for c in record.done]),
        "loads": [(load.load_id, load.state, load.facts.get("rows")) for load in loads],
        "tables": lake.tables(),
    }


# The n-th write: 1 the lease, 2 a manifest, 3 its table, 4 the table dropped, 5 noted, 6 the landing file,
# 7 the object, 8 done, 9 the lease given back; then the load.
@pytest.mark.parametrize(
    ("work", "write"),
    [
        ("release", 7),
        ("discard", 4),
        *(
            pytest.param(*at, marks=pytest.mark.slow)
            for at in (("release", 6), ("release", 8), ("correct", 3))
        ),
    ],
)
def test_what_was_killed_is_finished_by_the_next_run(lake: Any, work: str, write: int) -> None:
    load_id = hold(lake)
    WORKS[work](lake, load_id)
    expected = state(lake, load_id)
    load_id = hold(lake)
    assert lake.dies(write, lambda: WORKS[work](lake, load_id))
    WORKS[work](lake, load_id)
    assert state(lake, load_id) == expected


@pytest.mark.slow
@pytest.mark.parametrize("begin", range(1, STRIDE + 1))
@pytest.mark.parametrize("work", list(WORKS))
def test_killed_before_any_of_its_writes_the_next_run_ends_the_same(lake: Any, work: str, begin: int) -> None:
    load_id = hold(lake)
    WORKS[work](lake, load_id)
    expected = state(lake, load_id)
    write = begin
    while True:
        load_id = hold(lake)
        if not lake.dies(write, lambda load_id=load_id: WORKS[work](lake, load_id)):
            break
        WORKS[work](lake, load_id)
        assert state(lake, load_id) == expected, f"killed before write {write}"
        write += STRIDE
    assert write > STRIDE


def test_two_releases_at_once_publish_every_row_once(lake: Any) -> None:
    load_id = hold(lake)
    inside, go_on = threading.Event(), threading.Event()
    judge = releasing.judge

    def slow(*given: Any) -> Any:
        inside.set()
        go_on.wait(30)
        return judge(*given)

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(1) as pool:
        patch.setattr("adapters.leases.SILENCE_SECONDS", 60.0)
        patch.setattr("adapters.leases.BEAT_SECONDS", 0.05)
        patch.setattr(releasing, "judge", slow)
        first = pool.submit(released, lake, load_id)
        inside.wait(30)
        with pytest.raises(LeaseHeldError, match="is held by release"):
            released(lake, load_id)
        go_on.set()
        first.result()
    assert sorted(row["event_id"][-1] for row in lake.published()) == ["1", "4"]
    assert len(lake.quarantined()[SCHOOL]) == 2


def test_an_object_that_changed_under_us_is_left_as_it_is(lake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    load_id = hold(lake)
    (found,) = quarantine.held(TABLE)
    body, replace = changing.body_of(found.object), objects.replace
    other = changing.parquet(changing.rows_in(body).slice(1))

    def meanwhile(object_: Object, after: bytes) -> None:
        client("s3").put_object(Bucket=object_.bucket, Key=object_.key, Body=other)
        replace(object_, after)

    with monkeypatch.context() as patch:
        patch.setattr(objects, "replace", meanwhile)
        with pytest.raises(ObjectChangedError, match="left as it is"):
            released(lake, load_id)
    with pytest.raises(HoldingChangedError, match="restore its version"):
        released(lake, load_id)
    assert lake.objects("quarantine/") == {found.object.key: other}
    client("s3").put_object(Bucket=found.object.bucket, Key=found.object.key, Body=body)
    released(lake, load_id)
    assert (len(lake.published()), len(lake.quarantined()[SCHOOL])) == (2, 2)


def test_a_stale_object_is_neither_replaced_nor_removed(lake: Any) -> None:
    client("s3").put_object(Bucket="luca-lake-000000000000", Key="quarantine/x", Body=b"1")
    (old,) = objects.under("luca-lake-000000000000", "quarantine/x")
    client("s3").put_object(Bucket=old.bucket, Key=old.key, Body=b"2")
    for change in (lambda: objects.replace(old, b"3"), lambda: objects.remove(old)):
        with pytest.raises(ObjectChangedError, match="left as it is"):
            change()
    assert lake.objects("quarantine/") == {"quarantine/x": b"2"}


def test_s3_that_fails_during_a_release_loses_nothing(lake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    load_id = hold(lake)

    def busy(model: Any, **_: Any) -> tuple[Any, dict[str, Any]] | None:
        if model.name != "PutObject":
            return None
        answer = {"Error": {"Code": "SlowDown", "Message": "Please reduce your request rate."}}
        raise ClientError(answer, "PutObject")  # as it is after the retries

    client("s3").meta.events.register("before-call", busy)
    with pytest.raises(ClientError, match="SlowDown"):
        released(lake, load_id)
    client("s3").meta.events.unregister("before-call", busy)
    assert len(lake.quarantined()[SCHOOL]) == 4
    released(lake, load_id)
    assert (len(lake.published()), len(lake.quarantined()[SCHOOL])) == (2, 2)

"""Landing files that cannot be trusted: set aside with a reason, and everything else goes on."""

from __future__ import annotations

import io
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adapters import landing_claims, ledger
from adapters.aws import client
from pipelines.load.run import recent_loads
from pipelines.load.sharding import FilesLostError
from transforms.lake_schema import BEHAVIOR_EVENTS

pytestmark = [pytest.mark.service, pytest.mark.fault]

NOW = datetime.fromisoformat("2026-02-03T15:00:00+00:00")
LATER = NOW + timedelta(hours=1)
BUCKET = "luca-landing-000000000000"


def parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def good(lake: Any, **changes: Any) -> pa.Table:
    return pa.Table.from_pylist([lake.event(**changes)], BEHAVIOR_EVENTS.landing_schema)


def test_a_truncated_file_is_set_aside_and_the_others_are_published(lake: Any) -> None:
    lake.land([lake.event()], "good")
    key = lake.put(parquet(good(lake))[:-100], "truncated")
    result = lake.load_one()
    (claim,) = result.set_aside
    assert (claim.file.key, claim.fault) == (key, "unreadable")
    assert "no whole Parquet file" in claim.reason
    assert (result.files, result.total("published")) == (2, 1)
    assert f"set aside 1 files, such as {key}" in result.summary
    assert recent_loads()[0]["set_aside"] == 1


@pytest.mark.parametrize(
    ("change", "fault", "reason"),
    [
        (lambda table: table.drop_columns(["points"]), "schema", "points is missing"),
        (
            lambda table: table.append_column("nickname", pa.array(["Chuy"])),
            "schema",
            "'nickname' is no",
        ),
        (
            lambda table: table.set_column(11, "points", pa.array(["2"])),
            "schema",
            "points is string, the contract says int32",
        ),
        (lambda table: table.slice(0, 0), "empty", "it has no rows"),
        (
            lambda table: table.set_column(13, "occurred_at", pa.array([2**60], pa.timestamp("ms"))),
            "time",
            "occurred_at has times outside the years 1 to 9999",
        ),
    ],
)
def test_a_file_off_the_contract_is_set_aside(lake: Any, change: Any, fault: str, reason: str) -> None:
    lake.land([lake.event()])
    lake.put(parquet(change(good(lake))), "off")
    result = lake.load_one()
    (claim,) = result.set_aside
    assert claim.fault == fault
    assert reason in claim.reason
    assert "Chuy" not in claim.reason
    assert result.total("published") == 1


def test_bytes_that_are_no_parquet_are_set_aside(lake: Any) -> None:
    lake.put(b"PK is not PAR1")
    lake.put(b"")
    result = lake.load_one()
    assert {claim.fault for claim in result.set_aside} == {"unreadable"}
    assert (result.total("landed"), result.objects) == (0, 0)
    assert recent_loads()[0]["state"] == "published"
    assert lake.load(now=LATER) == []


def test_a_damaged_page_is_found_though_the_footer_is_whole(lake: Any) -> None:
    rows = pa.Table.from_pylist([lake.event() for _ in range(2000)], BEHAVIOR_EVENTS.landing_schema)
    sink = io.BytesIO()
    pq.write_table(rows, sink, compression="snappy")
    body = bytearray(sink.getvalue())
    body[200:4000] = b"\xff" * 3800
    lake.put(bytes(body))
    (claim,) = lake.load_one().set_aside
    assert claim.fault == "unreadable"


def test_a_file_that_vanishes_after_it_was_claimed_is_set_aside(lake: Any) -> None:
    lake.land([lake.event()], "1")
    gone = lake.land([lake.event()], "2")
    assert lake.dies(5)  # claimed, not read
    client("s3").delete_object(Bucket=BUCKET, Key=gone)
    result = lake.load_one(now=LATER)
    assert [(claim.file.key, claim.fault) for claim in result.set_aside] == [(gone, "vanished")]
    assert result.total("published") == 1


def test_a_file_that_changes_after_it_was_claimed_is_set_aside(lake: Any) -> None:
    lake.land([lake.event()], "1")
    changed = lake.land([lake.event()], "2")
    assert lake.dies(5)
    lake.land([lake.event(), lake.event()], "2")
    result = lake.load_one(now=LATER)
    assert [(claim.file.key, claim.fault) for claim in result.set_aside] == [(changed, "changed")]


def test_a_judged_load_that_lost_a_file_waits_until_it_is_back(lake: Any) -> None:
    lake.land([lake.event()], "1")
    gone = lake.land([lake.event()], "2")
    body = lake.objects(gone, "LANDING")[gone]
    assert lake.dies(11)  # judged
    client("s3").delete_object(Bucket=BUCKET, Key=gone)
    with pytest.raises(FilesLostError, match=r"judged with .*/2.parquet, now vanished.*restore it"):
        lake.load(now=LATER)
    assert "FilesLostError" in recent_loads()[0]["error"]
    client("s3").put_object(Bucket=BUCKET, Key=gone, Body=body)
    assert lake.load_one(now=LATER).total("published") == 2


def test_a_judged_load_whose_claims_are_gone_says_so(lake: Any) -> None:
    file = lake.land([lake.event()], "1")
    assert lake.dies(11)  # judged
    key = {"PK": {"S": "CLAIM#behavior_events#2026-02-03-14"}, "SK": {"S": file}}
    client("dynamodb").delete_item(TableName="luca-loads", Key=key)
    with pytest.raises(FilesLostError, match=r"judged with 1 files, and the ledger still names 0.*60 days"):
        lake.load(now=LATER)


def test_a_file_set_aside_stays_so_for_the_rest_of_its_load(lake: Any) -> None:
    lake.land([lake.event()], "1")
    whole = parquet(good(lake))
    key = lake.put(whole[:-100], "2")
    assert lake.dies(12)  # judged without it
    lake.put(whole, "2")
    result = lake.load_one(now=LATER)
    assert [claim.file.key for claim in result.set_aside] == [key]
    assert result.total("published") == 1


def test_a_file_that_was_mended_and_released_is_in_the_next_load(lake: Any) -> None:
    whole = parquet(good(lake))
    key = lake.put(whole[:-100], "2")
    lake.load_one()
    lake.put(whole, "2")
    assert lake.load(now=LATER) == []
    landing_claims.release("behavior_events", key)
    assert lake.load_one(now=LATER).total("published") == 1
    with pytest.raises(ledger.LedgerConflictError, match="not set aside: nothing to release"):
        landing_claims.release("behavior_events", key)

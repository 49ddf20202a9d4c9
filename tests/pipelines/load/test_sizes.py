"""Loads of unusual shape: one school that is nearly all of it, hours without files, very many files."""

from __future__ import annotations

import io
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adapters import generations, ledger
from adapters import lake as lake_objects
from adapters.aws import client
from adapters.settings import setting
from bench._invented_landing import FIRST_DAY, events
from bench.load import parquet
from infra.local.cloud import LocalCloud
from pipelines.load import publishing
from pipelines.load.run import load
from pipelines.load.shards import Bounds
from tests.assumed_role import forget_clients

pytestmark = [pytest.mark.service, pytest.mark.fault]

NOW = datetime.fromisoformat("2026-02-03T15:00:00+00:00")
TABLE = "behavior_events"
AFTER = FIRST_DAY + timedelta(days=30)  # the invented events


def test_a_school_with_nearly_all_rows_fares_as_the_others(
    lake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "ROWS_GATHERED", 50)  # its partitions are larger, the others' smaller
    giant, others = events(1900, schools=1, students=3), events(100, schools=5, students=5, seed=2)
    named = pa.array([f"other_{name}" for name in others["school_id"].to_pylist()])
    others = others.set_column(1, "school_id", named)
    rows = pa.concat_tables([giant, others])
    shuffled = rows.take(pa.array([number * 7 % 2000 for number in range(2000)]))
    for start in range(0, 2000, 400):
        lake.land(shuffled.slice(start, 400))
    lake.land(giant.slice(0, 300))  # copies, in the last shard
    (result,) = lake.load(now=AFTER, bounds=Bounds(shards=3, files=2))
    assert (result.total("landed"), result.total("duplicate"), result.total("published")) == (2300, 300, 2000)
    published = lake.published()
    assert Counter(row["school_id"] for row in published) == Counter(rows["school_id"].to_pylist())
    wanted = {(row["event_id"], row["student_key"], row["points"]) for row in rows.to_pylist()}
    assert {(row["event_id"], row["student_key"], row["points"]) for row in published} == wanted


def test_an_hour_without_files_is_passed_over_and_a_run_without_any_writes_nothing(lake: Any) -> None:
    lake.land([lake.event()], hour="2026-02-03-11")
    client("s3").put_object(Bucket="luca-landing-000000000000", Key=f"{TABLE}/hour=2026-02-03-12/", Body=b"")
    lake.land([lake.event()], hour="2026-02-03-14")
    assert lake.load_one().files == 2
    before, loads = lake.objects(), ledger.loads(TABLE, 9)
    assert lake.load(now=NOW + timedelta(hours=1)) == []
    assert lake.objects() == before
    assert ledger.loads(TABLE, 9) == loads


@pytest.mark.slow
@pytest.mark.local
@pytest.mark.timeout(1200)
def test_ten_thousand_tiny_files_are_one_load_that_tells_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = events(10_000, schools=3, students=60)
    said: list[str] = []
    with LocalCloud.start(tmp_path) as cloud:
        for name, value in cloud.environment.items():
            monkeypatch.setenv(name, value)
        forget_clients()
        s3, bucket = client("s3"), setting("LANDING_BUCKET")

        def land(number: int) -> None:
            key = f"{TABLE}/hour={datetime.now(UTC):%Y-%m-%d}-00/{number:05d}.parquet"
            s3.put_object(Bucket=bucket, Key=key, Body=parquet(rows.slice(number % 10_000, 1)))

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(land, range(10_001)))  # the last is a copy, in a file more than a load takes
        first, second = load(TABLE, now=datetime.now(UTC), progress=said.append)
        known = generations.partitions(TABLE)
        keys = [found.key for _, place in known for found in generations.objects(place)]
        published = [
            identity
            for key in keys
            for identity in pq.read_table(
                io.BytesIO(lake_objects.read(setting("LAKE_BUCKET"), key)), columns=["event_id"]
            )["event_id"].to_pylist()
        ]
    forget_clients()
    assert (first.files, first.shards, first.total("published")) == (10_000, 20, 10_000)
    assert (second.files, second.total("duplicate")) == (1, 1)
    told = [text for text in said if " read " in text]
    assert [text.split(" read ")[1] for text in told[:2]] == ["100 of 10,000 files", "200 of 10,000 files"]
    assert len(told) == 101
    assert Counter(published) == Counter(rows["event_id"].to_pylist())

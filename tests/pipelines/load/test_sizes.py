"""Loads of unusual shape: one school that is nearly all of it, hours without files, very many files."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from adapters import ledger
from adapters.aws import client
from bench._invented_landing import FIRST_DAY, events
from pipelines.load import publishing
from pipelines.load.shards import Bounds

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
@pytest.mark.timeout(1200)
def test_ten_thousand_tiny_files_are_one_load_that_tells_how_far_it_is(lake: Any) -> None:
    rows = events(10_000, schools=3, students=60)
    for start in range(10_000):
        lake.land(rows.slice(start, 1), f"{start:05d}")
    lake.land(rows.slice(0, 1), "99999")  # a file more than a load takes
    said: list[str] = []
    first, second = lake.load(now=AFTER, progress=said.append)
    assert (first.files, first.shards, first.total("published")) == (10_000, 20, 10_000)
    assert (second.files, second.total("duplicate")) == (1, 1)
    told = [text for text in said if " read " in text]
    assert [text.split(" read ")[1] for text in told[:2]] == ["100 of 10,000 files", "200 of 10,000 files"]
    assert len(told) == 101
    assert {row["event_id"] for row in lake.published()} == set(rows["event_id"].to_pylist())
    assert len(lake.published()) == 10_000

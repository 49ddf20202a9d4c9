"""The load on its normal way: what is published, dropped, stopped, and how it is told."""

from __future__ import annotations

import io
import json
import random
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adapters import ledger
from adapters.generations import move_partitions, partitions
from adapters.ledger import LoadState
from adapters.quarantine import waiting_rows
from expectations.catalogue import UnknownTableError
from expectations.rules import NO_SCHOOL
from pipelines.load import work
from pipelines.load.explaining import explained, find
from pipelines.load.run import load, recent_loads
from pipelines.load.shards import Bounds
from pipelines.partitions.rewriting import rewriting
from transforms.calendar import utc_text
from transforms.lake_schema import BEHAVIOR_EVENTS, LAKE_TABLES

pytestmark = pytest.mark.service

NOW = datetime.fromisoformat("2026-02-03T15:00:00+00:00")
LATER = NOW + timedelta(hours=1)


def ids(rows: list[dict[str, Any]], name: str = "event_id") -> list[str]:
    return sorted(row[name] for row in rows)


def test_what_landed_is_in_the_lake_as_it_landed(lake: Any) -> None:
    rows = [
        lake.event(school_id=f"school_{number % 3}", graduation_year=2028 + number % 2) for number in range(9)
    ]
    lake.land(rows[:4])
    lake.land(rows[4:], hour="2026-02-03-15")
    result = lake.load_one()
    added = {"load_id": result.load_id, "year": "2026", "month": "02"}
    expected = sorted(({**row, **added} for row in rows), key=lambda row: row["event_id"])
    assert sorted(lake.published(), key=lambda row: row["event_id"]) == expected


def test_a_file_for_each_partition_sorted_by_day_and_identity(lake: Any) -> None:
    def on(day: int) -> dict[str, Any]:
        return {"occurred_at": datetime(2026, 2, day, 14), "local_date": date(2026, 2, day)}

    lake.land(
        [lake.event(**on(2)), lake.event(**on(1)), lake.event(**on(2)), lake.event(school_id="school_2")]
    )
    lake.land([lake.event(**on(1))])
    result = lake.load_one()
    objects = lake.objects("lake/behavior_events/")
    assert list(objects) == [
        f"lake/behavior_events/graduation_year=2029/year=2026/month=02/school_id=school_{number}/gen=0000/"
        f"{result.load_id}-0000.parquet"
        for number in (1, 2)
    ]
    file = pq.ParquetFile(io.BytesIO(next(iter(objects.values()))))
    assert file.schema_arrow.equals(BEHAVIOR_EVENTS.lake_schema)
    rows = file.read().to_pylist()
    assert [(row["local_date"], row["event_id"]) for row in rows] == sorted(
        (row["local_date"], row["event_id"]) for row in rows
    )
    group = file.metadata.row_group(0)
    assert all(group.column(place).compression == "ZSTD" for place in range(group.num_columns))
    assert group.column(file.schema_arrow.get_field_index("local_date")).statistics.min == date(2026, 2, 1)


def test_a_second_run_has_nothing_to_do(lake: Any) -> None:
    lake.land([lake.event()])
    lake.load_one()
    before = lake.objects()
    assert lake.load(now=LATER) == []
    assert lake.objects() == before


def test_nothing_landed_is_nothing_to_do(lake: Any) -> None:
    assert lake.load() == []
    assert recent_loads() == []


def test_academic_changes_are_loaded_by_their_own_rules(lake: Any) -> None:
    rows = [lake.change(), lake.change(score=None), lake.change(school_id="school_2")]
    lake.land(rows, table="academic_changes")
    result = lake.load_one("academic_changes")
    assert result.stopped == {"school_1": ["score_of_scores_only"]}
    (published,) = lake.published("academic_changes")
    assert published["change_id"] == rows[2]["change_id"]
    assert published["score"] == rows[2]["score"]
    assert (published["year"], published["month"]) == ("2026", "02")


def test_a_bad_school_is_quarantined_and_the_others_are_published(lake: Any) -> None:
    good = [lake.event(school_id=f"school_{number}") for number in (2, 3, 3)]
    bad = [lake.event(student_key="student_456"), lake.event(points=500, class_id="3 B"), lake.event()]
    lake.land([bad[0], *good])
    lake.land(bad[1:])
    result = lake.load_one()
    assert ids(lake.published()) == ids(good)
    held = lake.quarantined()
    assert list(held) == ["school_1"]
    assert {row["event_id"]: row["broken_rules"] for row in held["school_1"]} == {
        bad[0]["event_id"]: ["student_key_shape"],
        bad[1]["event_id"]: ["class_code", "points_in_range"],
        bad[2]["event_id"]: [],
    }
    counts = result.schools["school_1"]
    assert (counts.landed, counts.duplicate, counts.quarantined, counts.published) == (3, 0, 3, 0)
    assert dict(counts.broken) == {"student_key_shape": 1, "class_code": 1, "points_in_range": 1}
    assert result.stopped == {"school_1": ["student_key_shape", "class_code", "points_in_range"]}
    assert result.schools["school_3"].published == 2
    assert waiting_rows(BEHAVIOR_EVENTS.name) == {"school_1": 3}


def test_quarantined_rows_keep_all_that_they_landed_with(lake: Any) -> None:
    row = lake.event(points=500)
    lake.land([row])
    lake.load_one()
    ((found,),) = lake.quarantined().values()
    assert found == {**row, "broken_rules": ["points_in_range"]}


def test_rows_of_no_school_are_quarantined_as_such(lake: Any) -> None:
    lake.land([lake.event(school_id="Ana María"), lake.event(school_id=None, event_id=None), lake.event()])
    result = lake.load_one()
    assert {row["school_id"] for row in lake.quarantined()[NO_SCHOOL]} == {"Ana María", None}
    assert result.schools[NO_SCHOOL].quarantined == 2
    assert result.schools["school_1"].published == 1


def test_a_whole_load_of_bad_schools_publishes_nothing(lake: Any) -> None:
    lake.land([lake.event(points=500)])
    result = lake.load_one()
    assert (result.total("published"), result.total("quarantined"), result.objects) == (0, 1, 0)
    assert lake.published() == []


def test_a_warning_is_told_and_published(lake: Any) -> None:
    early = datetime(2026, 2, 3, 14, 9, 59)
    lake.land([lake.event(received_at=early), lake.event()])
    result = lake.load_one()
    assert result.stopped == {}
    assert result.broken == {"received_after_occurred": 1}
    assert "warned of received_after_occurred 1" in result.summary
    assert [row["received_at"] for row in lake.published()].count(early) == 1


def test_what_is_only_counted_warns_of_nothing(lake: Any) -> None:
    lake.land([lake.event(graduation_year=0), lake.event()])
    result = lake.load_one()
    assert result.broken == {"cohort_known": 1}
    assert "warned" not in result.summary
    assert {row["graduation_year"] for row in lake.published()} == {0, 2029}


def test_copies_within_a_load_are_dropped_and_counted(lake: Any) -> None:
    row = lake.event()
    other_cohort = {**row, "graduation_year": 2030}
    lake.land([row, row])
    lake.land([other_cohort, lake.event()])
    result = lake.load_one()
    counts = result.schools["school_1"]
    assert (counts.landed, counts.duplicate, counts.published) == (4, 2, 2)
    assert dict(counts.broken) == {"event_id_unique": 2}
    assert len(ids(lake.published())) == len(set(ids(lake.published()))) == 2


def test_one_schools_event_ids_do_not_hide_anothers_events(lake: Any) -> None:
    row = lake.event()
    lake.land([row, {**row, "school_id": "school_2"}])
    assert lake.load_one().total("published") == 2
    lake.land([{**row, "school_id": "school_3"}])
    assert lake.load_one(now=LATER).total("published") == 1


def test_rows_that_the_lake_has_are_dropped_and_counted(lake: Any) -> None:
    first, second = lake.event(), lake.event()
    lake.land([first])
    lake.load_one()
    moved = {**first, "graduation_year": 2031}  # delivered again after the student's cohort was corrected
    lake.land([first, moved, second])
    result = lake.load_one(now=LATER)
    counts = result.schools["school_1"]
    assert (counts.landed, counts.duplicate, counts.published) == (3, 2, 1)
    assert ids(lake.published()) == ids([first, second])


def test_a_load_of_what_the_lake_has_writes_nothing(lake: Any) -> None:
    rows = [lake.event(school_id=f"school_{number}") for number in range(4)]
    lake.land(rows)
    lake.load_one()
    before = lake.objects("lake/behavior_events/")
    lake.land(rows)
    result = lake.load_one(now=LATER)
    assert (result.total("duplicate"), result.total("published"), result.objects) == (4, 0, 0)
    assert lake.objects("lake/behavior_events/") == before


def test_rows_are_known_again_in_a_stopped_school_too(lake: Any) -> None:
    row = lake.event()
    lake.land([row])
    lake.load_one()
    lake.land([row, lake.event(points=500)])
    counts = lake.load_one(now=LATER).schools["school_1"]
    assert (counts.landed, counts.duplicate, counts.quarantined, counts.published) == (2, 1, 1, 0)


def test_a_partition_that_was_rewritten_is_written_where_it_is(lake: Any) -> None:
    partition = ("2029", "2026", "02", "school_1")
    known = lake.event()
    lake.land([known])
    lake.load_one()
    first = dict(partitions("behavior_events"))
    with rewriting(BEHAVIOR_EVENTS, "compaction") as rewriter:
        rewriter.rewrite([partition])
    move_partitions("behavior_events", first)  # a process that lost its lease comes late
    lake.land([known, lake.event()])
    result = lake.load_one(now=LATER)
    assert any(key.endswith(f"/gen=0001/{result.load_id}-0000.parquet") for key in lake.objects("lake/"))
    assert len(lake.published()) == 2


def test_loads_are_bounded_in_files_and_bytes(lake: Any) -> None:
    sizes = [len(lake.objects(lake.land([lake.event()]), "LANDING").popitem()[1]) for _ in range(5)]
    results = lake.load(bounds=Bounds(shards=1, files=2))
    assert [result.files for result in results] == [2, 2, 1]
    assert len({result.load_id for result in results}) == 3
    for _ in range(3):
        lake.land([lake.event()])
    results = lake.load(now=LATER, bounds=Bounds(shards=1, size=sizes[0] * 2 + 100))
    assert [result.files for result in results] == [2, 1]


def test_a_file_larger_than_a_load_is_taken_alone(lake: Any) -> None:
    lake.land([lake.event()])
    lake.land([lake.event()])
    assert [result.files for result in lake.load(bounds=Bounds(shards=1, size=1))] == [1, 1]


def test_only_the_landing_area_of_the_table_is_taken(lake: Any) -> None:
    lake.land([lake.change()], table="academic_changes")
    lake.put(b"raw", table="errors/behavior_events")
    assert lake.load("behavior_events") == []


def test_another_table_is_refused(lake: Any) -> None:
    with pytest.raises(UnknownTableError, match="'pupils' is no lake table: use one of behavior_events"):
        load("pupils", now=NOW)


def test_the_load_table_is_gone_and_the_manifest_stays(lake: Any) -> None:
    keys = sorted([lake.land([lake.event()]), lake.land([lake.event()])])
    result = lake.load_one()
    assert lake.tables() == []
    manifests = lake.objects(f"loads/{result.load_id}/manifest/", "LANDING")
    assert list(manifests) == [f"loads/{result.load_id}/manifest/shard=0000/files.txt"]
    (manifest,) = manifests.values()
    assert manifest.decode().splitlines() == [f"s3://luca-landing-000000000000/{key}" for key in keys]


def test_the_ledger_tells_the_load(lake: Any) -> None:
    lake.land([lake.event(), lake.event(school_id="school_2", points=500)])
    result = lake.load_one()
    found = ledger.find("behavior_events", result.load_id)
    assert found.state is LoadState.PUBLISHED
    assert set(found.times) == {state.value for state in LoadState}
    assert found.facts["rows"] == {"landed": 2, "duplicate": 0, "quarantined": 1, "published": 1}
    assert found.facts["broken"] == {"points_in_range": 1}
    assert found.facts["rules_version"]
    assert found.facts["contract_version"] == 1
    assert ledger.the_open_load("behavior_events") is None
    schools = ledger.read_schools(found)
    assert schools["school_2"] == {
        "landed": 1,
        "duplicate": 0,
        "quarantined": 1,
        "published": 0,
        "stopped": True,
        "broken": {"points_in_range": 1},
    }


def test_each_state_has_its_own_moment_and_the_rules_have_that_of_the_run(
    lake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = count()
    monkeypatch.setattr(work, "_elapsed", lambda: float(next(ticks)))
    lake.land([lake.event()])
    load_id = lake.load_one(now=NOW).load_id
    told = explained(find(load_id))
    assert list(told["times"]) == ["claiming", "claimed", "judged", "published"]
    assert told["times"]["claiming"] == told["judged_by"] == utc_text(NOW)
    assert list(told["seconds"]) == ["claimed", "judged", "published"]
    assert min(told["seconds"].values()) >= 1
    (row,) = [pq.read_table(io.BytesIO(body)) for body in lake.objects("lake/loads/").values()]
    written = {
        name: f"{row[f'{name}_at'][0].as_py():%Y-%m-%dT%H:%M:%S.000Z}" for name in ("judged", "published")
    }
    assert written == {name: told["times"][name] for name in written}


def test_recent_loads_are_flat_rows_newest_first(lake: Any) -> None:
    lake.land([lake.event(graduation_year=0)])
    lake.load_one()
    lake.land([lake.change()], table="academic_changes")
    lake.load_one("academic_changes", now=LATER)
    rows = recent_loads()
    assert [row["table"] for row in rows] == ["academic_changes", "behavior_events"]
    assert rows[1] | {"load_id": "", "opened_at": ""} == {
        "load_id": "",
        "table": "behavior_events",
        "state": "published",
        "opened_at": "",
        "files": 1,
        "landed": 1,
        "duplicate": 0,
        "quarantined": 0,
        "published": 1,
        "set_aside": 0,
        "broken": "cohort_known 1",
        "error": "",
    }


def test_the_summary_is_one_line_of_all_that_matters(lake: Any) -> None:
    copy = lake.event()
    lake.land([copy, copy, lake.event(school_id="school_2", points=500)])
    result = lake.load_one()
    assert result.summary == (
        f"load {result.load_id}: 1 files, 3 rows = 1 published in 1 files + 1 quarantined + "
        "1 duplicate; stopped school_2 (points_in_range)"
    )


def test_no_report_shows_a_value_of_a_row(lake: Any, with_reports: None, tmp_path: Path) -> None:
    raw = "GOMC110912HDFRRL04"
    lake.land(
        [lake.event(student_key=raw, class_id="le dicen Chuy"), lake.event(school_id="Colegio de Chuy")]
    )
    result = lake.load_one(docs=tmp_path)
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    written += lake.objects(bucket="REPORTS").values()
    told = json.dumps(
        [result.summary, recent_loads(), ledger.read_schools(ledger.loads("behavior_events")[0])]
    )
    for text in (raw, "Chuy"):
        assert not any(text.encode() in body for body in written)
        assert text not in told


def test_each_load_has_a_page_in_the_folder_and_in_the_bucket(
    lake: Any, with_reports: None, tmp_path: Path
) -> None:
    loads = []
    for table, row in (("behavior_events", lake.event), ("academic_changes", lake.change)):
        for hour in range(2):
            lake.land([row()], table=table)
            loads.append(lake.load_one(table, now=NOW + timedelta(hours=hour), docs=tmp_path))
    site = lake.objects("quality/", "REPORTS")
    pages = {f"{load.table}/{load.load_id}.{kind}" for load in loads for kind in ("html", "es.html", "json")}
    assert set(site) == {f"quality/{page}" for page in pages}
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")} == pages


def test_metrics_tell_the_load(lake: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "false")
    lake.land([lake.event(), lake.event(school_id="school_2", points=500)])
    result = lake.load_one()
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["RowsPublished"] == [1.0]
    assert told["RowsQuarantined"] == [1.0]
    assert told["SchoolsStopped"] == [1.0]
    assert told["table"] == "behavior_events"
    assert told["load_id"] == result.load_id


def test_a_real_landing_file_of_firehose_has_nanoseconds(lake: Any) -> None:
    rows = pa.Table.from_pylist([lake.event()], BEHAVIOR_EVENTS.landing_schema)
    sink = io.BytesIO()
    pq.write_table(rows, sink, use_deprecated_int96_timestamps=True)
    lake.put(sink.getvalue())
    assert lake.load_one().total("published") == 1
    (row,) = lake.published()
    assert row["occurred_at"] == datetime(2026, 2, 3, 14, 15)


def test_every_lake_table_can_be_loaded(lake: Any) -> None:
    for table, row in (("behavior_events", lake.event), ("academic_changes", lake.change)):
        lake.land([row()], table=table)
    assert {table: len(lake.load(table)) for table in LAKE_TABLES} == dict.fromkeys(LAKE_TABLES, 1)


@pytest.mark.parametrize("seed", range(3))
def test_random_loads_put_every_row_where_it_belongs(lake: Any, seed: int) -> None:
    chance = random.Random(seed)
    breaches = [{"points": 500}, {"student_key": "Ana"}, {"local_date": None}, {"event_type": "dance"}]
    pool = [
        lake.event(
            school_id=f"school_{chance.randrange(6)}",
            occurred_at=datetime(2026, 1, 1, 12) + timedelta(days=day),
            local_date=date(2026, 1, 1) + timedelta(days=day),
            graduation_year=chance.choice([0, 2028, 2029]),
        )
        for day in (chance.randrange(33) for _ in range(60))
    ]
    in_lake: set[str] = set()
    for number in range(2):
        bad = set(chance.sample([f"school_{school}" for school in range(6)], 2))
        rows = [{**row, "graduation_year": 2030 - number} for row in chance.choices(pool, k=80)]
        rows += [lake.event(school_id=school, **chance.choice(breaches)) for school in sorted(bad)]
        chance.shuffle(rows)
        for start in range(0, len(rows), 15):
            lake.land(rows[start : start + 15])
        result = lake.load_one(now=NOW + timedelta(hours=number))
        assert set(result.stopped) == bad
        new = {row["event_id"] for row in rows if row["school_id"] not in bad} - in_lake
        assert result.total("landed") == len(rows)
        assert result.total("published") == len(new)
        held = {row["event_id"] for row in rows if row["school_id"] in bad} - in_lake
        assert result.total("quarantined") == len(held)
        in_lake |= new
    assert sorted(row["event_id"] for row in lake.published()) == sorted(in_lake)

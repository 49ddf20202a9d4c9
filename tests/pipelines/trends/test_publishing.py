from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from moto import mock_aws

from adapters import catalog, marts, publications
from adapters.aws import client
from adapters.catalog import PartitionRefusedError
from adapters.publications import PublicationTakenError
from pipelines.partitions.retiring import GRACE
from pipelines.trends.publishing import Mart, Published, Span, publish, settle
from tests.pipelines.conftest import dies

pytestmark = pytest.mark.service

LAKE, RESULTS = "luca-lake-000000000000", "luca-results-000000000000"
COLUMNS = {
    **{"student_key": "string", "points": "bigint", "mean": "double", "seen_at": "timestamp"},
    **{"cohort": "int", "iso_week": "string", "school_id": "string"},
}
KEYS = ("cohort", "iso_week", "school_id")
FOLDER = "marts/luca_marts/weeks/"
NOW = datetime(2026, 3, 2, 5, tzinfo=UTC)
LATER = NOW + timedelta(days=7)

Row = tuple[str, int, int, str, str]  # student, points, cohort, ISO week, school


@pytest.fixture(autouse=True)
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A lake bucket and no marts."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_GLUE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "LUCA_LAKE_BUCKET": LAKE,
        "LUCA_MARTS_DATABASE": "luca_marts",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        client.cache_clear()
        for bucket in (LAKE, RESULTS):
            client("s3").create_bucket(Bucket=bucket)
        client("glue").create_database(DatabaseInput={"Name": "luca_marts"})
        yield
    client.cache_clear()


def stage(rows: Iterable[Row], columns: dict[str, str] = COLUMNS, files: int = 2) -> None:
    """Leaves rows where Athena leaves what it computed: some files of any order, one of them without rows."""
    week_column = "period" if "period" in columns else "iso_week"
    made = [
        {
            **{
                "student_key": student,
                "points": points,
                "mean": points / 3,
                "seen_at": NOW.replace(tzinfo=None),
            },
            **{"cohort": cohort, week_column: week, "school_id": school},
        }
        for student, points, cohort, week, school in rows
    ]
    kinds = {"string": pa.string(), "bigint": pa.int64(), "double": pa.float64(), "int": pa.int32()}
    schema = pa.schema([(name, kinds.get(kind, pa.timestamp("ns"))) for name, kind in columns.items()])
    s3, glue = client("s3"), client("glue")
    for key in keys("dbt-tmp/", RESULTS):
        s3.delete_object(Bucket=RESULTS, Key=key)
    for number in range(files):
        sink = io.BytesIO()
        part = pa.Table.from_pylist(made[number::files], schema)
        pq.write_table(part, sink, use_deprecated_int96_timestamps=True)
        s3.put_object(Bucket=RESULTS, Key=f"dbt-tmp/luca_marts/weeks/{number}", Body=sink.getvalue())
    s3.put_object(Bucket=RESULTS, Key="dbt-tmp/luca_marts/weeks/empty", Body=b"")
    if glue.get_tables(DatabaseName="luca_marts", Expression="^weeks__dbt_tmp$")["TableList"]:
        glue.delete_table(DatabaseName="luca_marts", Name="weeks__dbt_tmp")
    glue.create_table(
        DatabaseName="luca_marts",
        TableInput={
            "Name": "weeks__dbt_tmp",
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"EXTERNAL": "TRUE"},
            "StorageDescriptor": {
                "Columns": [{"Name": name, "Type": kind} for name, kind in columns.items()],
                "Location": f"s3://{RESULTS}/dbt-tmp/luca_marts/weeks",
            },
        },
    )


def weeks(span: Span = Span.WEEKS, first: str = "", by: tuple[str, ...] = KEYS) -> Mart:
    return Mart("weeks", by, "weeks__dbt_tmp", span, first)


def run(rows: Iterable[Row], mart: Mart, at: datetime = NOW) -> Published:
    """A run of one mart, as dbt makes it."""
    settle(lambda: at)
    stage(rows)
    return publish(mart, lambda: at)


def keys(prefix: str, bucket: str = LAKE) -> set[str]:
    found = client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix)
    return {item["Key"] for item in found.get("Contents", [])}


def places() -> dict[tuple[str, ...], str]:
    """Where Glue says that each partition is."""
    pages = client("glue").get_paginator("get_partitions")
    return {
        tuple(found["Values"]): found["StorageDescriptor"]["Location"].removeprefix(f"s3://{LAKE}/")
        for page in pages.paginate(DatabaseName="luca_marts", TableName="weeks")
        for found in page["Partitions"]
    }


def seen() -> dict[tuple[str, ...], list[tuple[str, int]]]:
    """What a reader finds in each partition; none of a mart that there is not."""
    glue = client("glue")
    if not glue.get_tables(DatabaseName="luca_marts", Expression="^weeks$")["TableList"]:
        return {}
    found = {}
    for values, place in places().items():
        rows = []
        for key in keys(place):
            body = client("s3").get_object(Bucket=LAKE, Key=key)["Body"].read()
            rows += [
                (row["student_key"], row["points"]) for row in pq.read_table(io.BytesIO(body)).to_pylist()
            ]
        found[values] = rows
    return found


def expected(rows: Iterable[Row]) -> dict[tuple[str, ...], list[tuple[str, int]]]:
    found: dict[tuple[str, ...], list[tuple[str, int]]] = {}
    for student, points, *values in sorted(rows):
        found.setdefault(tuple(map(str, values)), []).append((student, points))
    return found


OLD: list[Row] = [
    ("ana", 1, 2029, "2026-W05", "s1"),
    ("ana", 2, 2029, "2026-W06", "s1"),
    ("bea", 3, 2029, "2026-W06", "s1"),
    ("cid", 4, 2030, "2026-W06", "s2"),
    ("ana", 5, 2029, "2026-W07", "s1"),
    ("cid", 6, 2030, "2026-W07", "s2"),
]
# Of week 6 on: bea has other points, cid is in another cohort now, W07 of s1 is as it was, W08 is new.
AGAIN: list[Row] = [
    ("bea", 7, 2029, "2026-W06", "s1"),
    ("ana", 2, 2029, "2026-W06", "s1"),
    ("cid", 4, 2031, "2026-W06", "s2"),
    ("ana", 5, 2029, "2026-W07", "s1"),
    ("cid", 6, 2031, "2026-W07", "s2"),
    ("ana", 8, 2029, "2026-W08", "s1"),
]
NEW = [OLD[0], *AGAIN]


def test_a_mart_is_made_with_the_columns_of_what_was_built_and_a_file_for_each_partition() -> None:
    done = run(OLD, weeks(Span.ALL))

    assert done == Published(rows=6, written=5, unchanged=0, dropped=0)
    assert seen() == expected(OLD)
    table = client("glue").get_table(DatabaseName="luca_marts", Name="weeks")["Table"]
    described = table["StorageDescriptor"]
    assert {c["Name"]: c["Type"] for c in described["Columns"] + table["PartitionKeys"]} == COLUMNS
    assert [c["Name"] for c in table["PartitionKeys"]] == list(KEYS)
    assert described["Location"] == f"s3://{LAKE}/{FOLDER}"
    (key,) = keys(f"{FOLDER}cohort=2029/iso_week=2026-W05/school_id=s1/")
    file = pq.ParquetFile(io.BytesIO(client("s3").get_object(Bucket=LAKE, Key=key)["Body"].read()))
    assert file.schema_arrow == pa.schema(
        [
            ("student_key", pa.string()),
            ("points", pa.int64()),
            ("mean", pa.float64()),
            ("seen_at", pa.timestamp("ms")),
        ]
    )
    assert file.metadata.row_group(0).column(0).compression == "SNAPPY"
    assert keys(publications.PREFIX) == set()  # nothing was replaced


def test_weeks_that_are_built_again_replace_those_of_before_and_the_rest_stays_where_it_is() -> None:
    run(OLD, weeks(Span.ALL))
    before = places()

    done = run(AGAIN, weeks(), LATER)

    assert done == Published(rows=6, written=4, unchanged=1, dropped=2)
    assert seen() == expected(NEW)
    after = places()
    stay = [("2029", "2026-W05", "s1"), ("2029", "2026-W07", "s1")]
    assert [after[values] for values in stay] == [before[values] for values in stay]


def test_the_look_back_goes_even_if_no_row_is_left_in_it() -> None:
    run(OLD, weeks(Span.ALL))
    assert run([], weeks(first="2026-W07"), LATER).dropped == 2
    assert seen() == expected([row for row in OLD if row[3] < "2026-W07"])


def test_where_only_the_rows_say_what_was_built_nothing_goes_without_rows() -> None:
    run(OLD, weeks(Span.ALL))
    assert run([], weeks(), LATER) == Published(0, 0, 0, 0)
    assert seen() == expected(OLD)


def test_a_period_is_replaced_in_all_its_partitions_and_the_others_stay() -> None:
    columns = {"period" if name == "iso_week" else name: kind for name, kind in COLUMNS.items()}
    mart = Mart("weeks", ("cohort", "period", "school_id"), "weeks__dbt_tmp", Span.PERIODS)
    fresh = [row for row in AGAIN if row[3] == "2026-W06"]
    for rows in (OLD, fresh):
        stage(rows, columns)
        done = publish(mart, lambda: NOW)
    assert done == Published(rows=3, written=2, unchanged=0, dropped=1)
    assert seen() == expected([*fresh, *(row for row in OLD if row[3] != "2026-W06")])


def test_a_second_run_of_the_same_rows_writes_nothing() -> None:
    run(OLD, weeks(Span.ALL))
    before = places()
    assert run(reversed(OLD), weeks(first="2026-W05"), LATER) == Published(6, 0, 5, 0)
    assert places() == before


def test_what_was_replaced_stays_for_the_queries_that_read_it_and_then_goes() -> None:
    run(OLD, weeks(Span.ALL))
    old = keys(FOLDER)
    run(AGAIN, weeks(), LATER)
    replaced = old - {f"{place}{marts.FILE}" for place in places().values()}
    assert len(replaced) == 3

    settle(lambda: LATER + GRACE - timedelta(seconds=1))
    assert keys(FOLDER) >= replaced
    settle(lambda: LATER + GRACE)
    assert not keys(FOLDER) & replaced
    assert seen() == expected(NEW)


@pytest.mark.fault
def test_a_file_that_was_rewritten_or_lost_is_written_again() -> None:
    run(OLD, weeks(Span.ALL))
    rewritten, lost = (places()[values] + marts.FILE for values in sorted(places())[:2])
    s3 = client("s3")
    s3.put_object(Bucket=LAKE, Key=rewritten, Body=b"without somebody")
    s3.delete_object(Bucket=LAKE, Key=lost)

    assert run(OLD, weeks(first="2026-W05"), LATER) == Published(6, 2, 3, 0)
    assert seen() == expected(OLD)


@pytest.mark.fault
def test_where_glue_refuses_a_batch_the_next_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "PARTITIONS_A_WRITE", 2)
    run(OLD, weeks(Span.ALL))
    again: list[Row] = [(student, points + 1, *rest) for student, points, *rest in OLD]
    glue = client("glue")
    real, calls = glue.batch_update_partition, []

    def refuse_second(**asked: object) -> object:
        calls.append(asked)
        if len(calls) == 2:
            detail = {"ErrorCode": "InternalServiceException", "ErrorMessage": "not now"}
            return {"Errors": [{"PartitionValueList": ["2029", "2026-W07", "s1"], "ErrorDetail": detail}]}
        return real(**asked)

    monkeypatch.setattr(glue, "batch_update_partition", refuse_second)
    with pytest.raises(PartitionRefusedError, match=r"W07.*of weeks: InternalServiceException: not now"):
        run(again, weeks(), LATER)
    between = seen()
    assert between.keys() == expected(OLD).keys()
    assert sum(between[values] == rows for values, rows in expected(again).items()) == 2

    settle(lambda: LATER)
    assert seen() == expected(again)


@pytest.mark.fault
def test_a_run_whose_files_another_run_has_deleted_publishes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    run(OLD, weeks(Span.ALL))
    real = publications.change

    def after_another(kept: publications.Kept, wanted: publications.Publication) -> publications.Kept:
        monkeypatch.setattr(publications, "change", real)
        settle(lambda: LATER)  # the other run takes the first one for dead
        return real(kept, wanted)

    monkeypatch.setattr(publications, "change", after_another)
    with pytest.raises(PublicationTakenError, match="another run works on mart weeks"):
        run(AGAIN, weeks(), LATER)
    assert seen() == expected(OLD)
    assert len(keys(FOLDER)) == 5


@pytest.mark.fault
def test_a_mart_that_something_else_wrote_is_named_and_built_anew_on_request() -> None:
    run(OLD, weeks(Span.ALL))
    client("glue").create_partition(
        DatabaseName="luca_marts",
        TableName="weeks",
        PartitionInput={
            "Values": ["2029", "2026-W09", "s1"],
            "StorageDescriptor": {
                "Location": f"s3://{LAKE}/{FOLDER}cohort=2029/iso_week=2026-W09/school_id=s1"
            },
        },
    )
    client("s3").put_object(Bucket=LAKE, Key=f"{FOLDER}cohort=2029/iso_week=2026-W09/x", Body=b"x")

    with pytest.raises(marts.MartLayoutError, match=r"2026-W09/s1 of mart weeks .*--full-refresh"):
        run(AGAIN, weeks(), LATER)
    settle(lambda: LATER)
    run(NEW, weeks(Span.ALL), LATER)
    assert seen() == expected(NEW)
    assert keys(FOLDER) == {f"{place}{marts.FILE}" for place in places().values()}


def test_a_mart_with_other_partition_keys_loses_nothing_unless_it_is_built_anew() -> None:
    run(OLD, weeks(Span.ALL))
    fewer = ("iso_week", "school_id")
    with pytest.raises(marts.MartLayoutError, match=r"\['cohort', .* by \['iso_week', 'school_id'\]"):
        run(AGAIN, weeks(by=fewer), LATER)
    assert seen() == expected(OLD)

    run(OLD, weeks(Span.ALL, by=fewer), LATER)
    assert set(places()) == {values[1:] for values in expected(OLD)}


def test_a_full_refresh_leaves_nothing_of_before_and_takes_over_the_columns_that_were_built() -> None:
    run(OLD, weeks(Span.ALL))
    stage(AGAIN, {name: kind for name, kind in COLUMNS.items() if name != "mean"})
    publish(weeks(Span.ALL), lambda: LATER)
    assert seen() == expected(AGAIN)
    table = client("glue").get_table(DatabaseName="luca_marts", Name="weeks")["Table"]
    assert [c["Name"] for c in table["StorageDescriptor"]["Columns"]] == ["student_key", "points", "seen_at"]


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.parametrize("first", [False, True], ids=["again", "first"])
def test_killed_before_any_of_its_writes_nothing_is_missing_and_the_next_run_ends_the_same(
    first: bool,
) -> None:
    write = 1
    while dies_and_ends_the_same(write, first):
        write += 1
    assert write > 8


# Of the changed weeks: 2 to 5 files, 6 the plan, 7 partitions that move, 8 new ones, 9 those that go.
@pytest.mark.fault
@pytest.mark.parametrize("write", [4, 8, 9])
def test_killed_between_two_steps_it_ends_the_same(write: int) -> None:
    assert dies_and_ends_the_same(write, first=False)


def dies_and_ends_the_same(write: int, first: bool) -> bool:
    """Kills a run before its n-th write, and runs it again; returns whether it came that far."""
    rows, mart = (OLD, weeks(Span.ALL)) if first else (AGAIN, weeks(first="2026-W06"))
    before, whole = ({}, expected(OLD)) if first else (expected(OLD), expected(NEW))
    _begin_anew()
    if not first:
        run(OLD, weeks(Span.ALL))
    stage(rows)
    killed = dies(write, lambda: publish(mart, lambda: LATER), ("s3", "glue"))
    for values, found in seen().items():  # every partition is as it was, or as it shall be
        assert found in (before.get(values), whole.get(values)), (write, values)
    assert set(seen()) >= before.keys() & whole.keys(), write

    run(rows, mart, LATER)
    assert seen() == whole, write
    settle(lambda: LATER + GRACE)
    assert keys("marts/") == {f"{place}{marts.FILE}" for place in places().values()}, write
    assert keys(publications.PREFIX) == set(), write
    return killed


def _begin_anew() -> None:
    s3, glue = client("s3"), client("glue")
    for key in keys(""):
        s3.delete_object(Bucket=LAKE, Key=key)
    for table in glue.get_tables(DatabaseName="luca_marts")["TableList"]:
        glue.delete_table(DatabaseName="luca_marts", Name=table["Name"])

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.local.athena import scan
from tests.infra.local.athena.conftest import SYMLINK_TABLE, QueryFailedError

pytestmark = pytest.mark.local


def external(
    athena: Any, columns: str, more: str = "STORED AS PARQUET", name: str = "t", folder: str = "t/"
) -> None:
    athena.run(f"CREATE EXTERNAL TABLE {name} ({columns}) {more} LOCATION '{athena.location}{folder}'")


def symlink(athena: Any, columns: str, uris: list[str]) -> None:
    athena.put("manifest/files.txt", "\n".join(uris).encode())
    external(athena, columns, SYMLINK_TABLE, folder="manifest/")


def test_a_predicate_on_a_partition_key_reads_only_its_files(events: Any) -> None:
    everything = events.run("SELECT count(*) FROM events")
    october = events.run("SELECT count(*) FROM events WHERE month = '10' AND year = '2025'")
    keys = events.s3.list_objects_v2(
        Bucket=events.location.split("/")[2], Prefix=f"{events.database}/events/"
    )["Contents"]
    sizes = {key["Key"]: key["Size"] for key in keys}
    assert (everything.value, everything.bytes_scanned) == ("5", sum(sizes.values()))
    assert (october.value, october.bytes_scanned) == (
        "3",
        sum(s for k, s in sizes.items() if "month=10" in k),
    )


PRUNED = [
    "SELECT * FROM (SELECT * FROM events) WHERE month = '11'",
    "WITH e AS (SELECT month AS m, points FROM events) SELECT * FROM e WHERE m = '11'",
    "SELECT * FROM v WHERE month = '11'",
    "SELECT month, n FROM (SELECT month, count(*) AS n FROM events GROUP BY month) WHERE month IN ('11')",
    "SELECT * FROM events e JOIN (VALUES 'school_1') AS s(id) ON e.school_id = s.id AND e.month = '11'",
    (
        "SELECT * FROM events e LEFT JOIN (VALUES 'school_1') AS s(id) ON e.school_id = s.id WHERE e.month >"
        " '10'"
    ),
    "SELECT * FROM (SELECT month FROM events UNION ALL SELECT '12') WHERE month = '11'",
    (
        "SELECT * FROM events WHERE month = '11' AND (points > 0 OR points < 0) AND year BETWEEN '2025' AND"
        " '2026'"
    ),
    "SELECT * FROM events WHERE CAST(month AS integer) = 11",
    "SELECT * FROM events WHERE NOT month = '10' AND coalesce(month, '') <> ''",
]
WHOLE = [
    "SELECT * FROM (SELECT *, row_number() OVER (ORDER BY event_id) AS n FROM events) WHERE month = '11'",
    "SELECT * FROM (SELECT * FROM events ORDER BY event_id LIMIT 4) WHERE month = '11'",
    "SELECT * FROM (VALUES 'e01') AS x(id) LEFT JOIN events e ON x.id = e.event_id WHERE e.month IS NULL",
    "SELECT max(points) FROM events HAVING max(month) = '11'",
    "WITH e AS (SELECT * FROM events) SELECT * FROM e WHERE month = '11' UNION ALL SELECT * FROM e",
    "SELECT * FROM events WHERE month = '11' OR points > 0",
    "SELECT * FROM (SELECT max(month) AS month FROM events) WHERE month = '11'",
]


@pytest.mark.parametrize(("queries", "share"), [(PRUNED, 1), (WHOLE, 2)], ids=["pruned", "whole"])
def test_pruning_reaches_as_far_as_it_may_and_no_further(events: Any, queries: list[str], share: int) -> None:
    events.run("CREATE VIEW v AS SELECT * FROM events")
    both = events.run("SELECT count(*) FROM events").bytes_scanned
    one = events.run("SELECT count(*) FROM events WHERE month = '11'").bytes_scanned
    expected = {1: {one}, 2: {both, both * 2}}[share]
    assert {
        sql: events.run(sql).bytes_scanned for sql in queries if events.run(sql).bytes_scanned not in expected
    } == {}


@pytest.fixture
def both(events: Any) -> Any:
    """The events partitioned, and a copy without partitions, of which nothing can be pruned."""
    events.run("CREATE TABLE flat AS SELECT * FROM events")
    events.run("CREATE VIEW v AS SELECT * FROM events")
    events.run("CREATE VIEW flat_v AS SELECT * FROM flat")
    return events


def unpruned(sql: str) -> str:
    return re.sub(r"\b(FROM|JOIN) v\b", r"\1 flat_v", re.sub(r"\b(FROM|JOIN) events\b", r"\1 flat", sql))


@pytest.mark.parametrize("sql", [*PRUNED, *WHOLE])
def test_pruning_takes_no_row_from_an_answer(both: Any, sql: str) -> None:
    assert unpruned(sql) != sql
    assert sorted(map(str, both.run(sql).rows)) == sorted(map(str, both.run(unpruned(sql)).rows))


KEYS = st.sampled_from(["month", "year", "month || year", "CAST(month AS integer)", "coalesce(month, '0')"])
VALUES = {"CAST(month AS integer)": ["9", "10", "11", "NULL"]}
TEXTS = ["'10'", "'11'", "'2025'", "'102025'", "''", "NULL"]


@st.composite
def predicates(draw: st.DrawFn, depth: int = 2) -> str:
    if depth and draw(st.booleans()):
        left, right = draw(predicates(depth=depth - 1)), draw(predicates(depth=depth - 1))
        return f"{draw(st.sampled_from(['', 'NOT ']))}({left} {draw(st.sampled_from(['AND', 'OR']))} {right})"
    if draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from(["points > 0", "event_type = 'late'", "props IS NULL", "true", "false"]))
    key = draw(KEYS)
    value = st.sampled_from(VALUES.get(key, TEXTS))
    shape = draw(
        st.sampled_from(
            [
                "{k} = {a}",
                "{k} <> {a}",
                "{k} >= {a}",
                "{k} IN ({a}, {b})",
                "{k} IS NULL",
                "{k} BETWEEN {a} AND {b}",
                "{k} IS DISTINCT FROM {a}",
            ]
        )
    )
    return shape.format(k=key, a=draw(value), b=draw(value))


SCHOOLS = "(VALUES 'school_1', 'x') AS s (id)"
SHAPES = st.sampled_from(
    [
        "SELECT event_id, month FROM events WHERE {p}",
        "SELECT event_id FROM (SELECT * FROM v) WHERE {p}",
        "WITH e AS (SELECT * FROM events) SELECT month, count(*) FROM e WHERE {p} GROUP BY month",
        "SELECT event_id, id FROM {s} LEFT JOIN events ON school_id = id AND ({p})",
        "SELECT event_id, id FROM {s} LEFT JOIN events ON school_id = id WHERE {p}",
        "SELECT event_id, id FROM {s} JOIN events ON school_id = id AND ({p})",
        "SELECT event_id, id FROM events FULL JOIN {s} ON school_id = id WHERE {p}",
        "SELECT event_id FROM (SELECT *, rank() OVER (ORDER BY event_id) AS r FROM events) "
        "WHERE ({p}) AND r > 2",
        "SELECT month, n FROM (SELECT month, year, points, event_type, props, count(*) AS n "
        "FROM events GROUP BY 1, 2, 3, 4, 5) WHERE {p}",
        "SELECT event_id FROM (SELECT * FROM events UNION ALL SELECT * FROM events WHERE points > 0) "
        "WHERE {p}",
        "SELECT event_id FROM (SELECT * FROM events ORDER BY event_id LIMIT 3) WHERE {p}",
        "SELECT event_id FROM events WHERE event_id IN (SELECT event_id FROM events WHERE {p})",
    ]
)


@pytest.mark.property
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shape=SHAPES, predicate=predicates())
def test_no_predicate_over_partition_keys_changes_an_answer(both: Any, shape: str, predicate: str) -> None:
    sql = shape.format(p=predicate, s=SCHOOLS)
    assert sorted(map(str, both.run(sql).rows)) == sorted(map(str, both.run(unpruned(sql)).rows))


def test_a_partitions_own_location_wins_over_the_convention(athena: Any) -> None:
    external(athena, "x int", "PARTITIONED BY (day string) STORED AS PARQUET")
    table = pa.table({"x": pa.array([7], pa.int32())})
    athena.parquet("t/day=1/stale.parquet", pa.table({"x": pa.array([1], pa.int32())}))
    athena.parquet("elsewhere/a=b/f.parquet", table)
    athena.run(f"ALTER TABLE t ADD PARTITION (day = '1') LOCATION '{athena.location}elsewhere/a=b/'")
    assert athena.run("SELECT x, day FROM t").rows == [["7", "1"]]


@pytest.mark.parametrize("together", [1, 99], ids=["their table is listed", "each is listed"])
def test_each_partition_has_the_files_of_its_location_and_no_others(
    athena: Any, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    monkeypatch.setattr(scan, "LISTED_TOGETHER", together)
    external(athena, "x int", "PARTITIONED BY (day string) STORED AS PARQUET")
    for number, path in enumerate(
        ["day=1/gen=a/f", "day=1/gen=b/f", "day=1/gen=b/deeper/f", "day=1/gen=b/_hidden/f", "day=10/f", "f"]
    ):
        athena.parquet(f"t/{path}", pa.table({"x": pa.array([number], pa.int32())}))
    for day, folder in (("1", "day=1/gen=b"), ("10", "day=10/"), ("2", "nothing/")):
        athena.run(f"ALTER TABLE t ADD PARTITION (day = '{day}') LOCATION '{athena.location}t/{folder}'")
    found = athena.run("SELECT day, x FROM t ORDER BY x")
    assert found.rows == [["1", "1"], ["1", "2"], ["10", "4"]]


def test_partition_values_come_from_glue_and_may_hold_any_character(athena: Any) -> None:
    external(athena, "x int", "PARTITIONED BY (k string, n int) STORED AS PARQUET")
    athena.parquet("p/f.parquet", pa.table({"x": pa.array([1], pa.int32()), "k": ["in the file"]}))
    athena.run(f"ALTER TABLE t ADD PARTITION (k = 'a b/c=d%é', n = '3') LOCATION '{athena.location}p/'")
    assert athena.run("SELECT k, n, n + 1 FROM t WHERE k = 'a b/c=d%é'").rows == [["a b/c=d%é", "3", "4"]]


def test_files_may_lack_columns_hold_others_and_order_them_differently(athena: Any) -> None:
    external(athena, "id string, points bigint, note string")
    athena.parquet("t/1.parquet", pa.table({"id": ["a"], "points": pa.array([1], pa.int64())}))
    athena.parquet(
        "t/2.parquet",
        pa.table({"NOTE": ["n"], "extra": [1.5], "points": pa.array([2], pa.int32()), "id": ["b"]}),
    )
    assert athena.run("SELECT * FROM t ORDER BY id").rows == [["a", "1", None], ["b", "2", "n"]]


def test_a_column_of_another_type_fails_only_the_queries_that_ask_for_it(athena: Any) -> None:
    external(athena, "id string, points bigint")
    uri = athena.parquet("t/1.parquet", pa.table({"id": ["a"], "points": ["many"]}))
    assert athena.run("SELECT id FROM t").value == "a"
    with pytest.raises(QueryFailedError, match=rf"HIVE_BAD_DATA.*'points'.*{uri}.*bigint"):
        athena.run("SELECT points FROM t")


def test_timestamps_are_read_in_milliseconds_whatever_the_file_holds(athena: Any) -> None:
    external(athena, "at timestamp")
    micro = pa.array([1_700_000_000_123_000, 1_700_000_000_124_000], pa.timestamp("us"))
    athena.parquet("t/1.parquet", pa.table({"at": micro}))
    athena.parquet("t/2.parquet", pa.table({"at": micro.cast(pa.timestamp("ms", "UTC"))}))
    assert athena.run("SELECT at, count(*) FROM t GROUP BY 1 ORDER BY 1").rows == [
        ["2023-11-14 22:13:20.123", "2"],
        ["2023-11-14 22:13:20.124", "2"],
    ]


def test_nested_columns_arrive_as_rows_arrays_and_maps(athena: Any) -> None:
    external(athena, "who struct<name:string,tags:array<string>>, marks map<string,int>")
    who = pa.array([{"name": "x", "tags": ["a", "b"]}])
    marks = pa.array([[("math", 7)]], pa.map_(pa.string(), pa.int32()))
    athena.parquet("t/1.parquet", pa.table({"who": who, "marks": marks}))
    assert athena.run("SELECT who.name, who.tags[2], marks['math'], who FROM t").rows == [
        ["x", "b", "7", "{name=x, tags=[a, b]}"]
    ]


def test_a_symlink_table_reads_exactly_the_files_it_lists(athena: Any) -> None:
    uris = [
        athena.parquet(f"landing/{i}.parquet", pa.table({"x": pa.array([i], pa.int64())})) for i in range(12)
    ]
    chosen = [uris[i] for i in (0, 3, 4, 7, 11)]
    symlink(athena, "x bigint", chosen)
    answer = athena.run('SELECT x, "$path" FROM t ORDER BY x')
    assert answer.rows == [[str(i), uri] for i, uri in zip((0, 3, 4, 7, 11), chosen, strict=True)]
    assert answer.bytes_scanned == sum(athena.size(uri) for uri in chosen)


@pytest.mark.fault
@pytest.mark.parametrize("count", [2, 12])
def test_a_listed_file_that_has_vanished_fails_the_query_by_name(athena: Any, count: int) -> None:
    uris = [
        athena.parquet(f"landing/{i}.parquet", pa.table({"x": pa.array([i], pa.int64())}))
        for i in range(count)
    ]
    symlink(athena, "x bigint", [*uris, f"{athena.location}landing/gone.parquet"])
    with pytest.raises(QueryFailedError, match=rf"HIVE_CURSOR_ERROR.*{athena.location}landing/gone\.parquet"):
        athena.run("SELECT count(*) FROM t")


@pytest.mark.fault
def test_a_truncated_file_fails_the_query_by_name(athena: Any) -> None:
    whole = athena.parquet("landing/a.parquet", pa.table({"x": list(range(1000))}))
    cut = athena.put("landing/b.parquet", athena.read(whole)[:500])
    symlink(athena, "x bigint", [whole, cut])
    with pytest.raises(QueryFailedError, match=rf"HIVE_BAD_DATA.*{cut}"):
        athena.run("SELECT count(*) FROM t")


@pytest.mark.fault
def test_a_file_with_a_broken_page_fails_the_query_by_name(athena: Any) -> None:
    whole = athena.parquet("landing/a.parquet", pa.table({"x": list(range(5000))}))
    body = bytearray(athena.read(whole))
    body[100:400] = b"\0" * 300
    broken = athena.put("landing/b.parquet", bytes(body))
    symlink(athena, "x bigint", [whole, broken])
    with pytest.raises(QueryFailedError, match=rf"HIVE_BAD_DATA.*{broken}"):
        athena.run("SELECT sum(x) FROM t")


def test_a_replaced_object_is_read_anew(athena: Any) -> None:
    external(athena, "x bigint")
    athena.parquet("t/f.parquet", pa.table({"x": [1]}))
    assert athena.run("SELECT x FROM t").value == "1"
    athena.parquet("t/f.parquet", pa.table({"x": [2]}))
    assert athena.run("SELECT x FROM t").value == "2"


def test_json_lines_are_read_by_name_without_regard_to_case(athena: Any) -> None:
    external(
        athena,
        "id string, points int, tags array<string>",
        "ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'",
    )
    athena.put("t/1.json", b'{"ID":"a","points":1,"tags":["x"]}\n{"ID":"b","extra":true}\n')
    assert athena.run("SELECT * FROM t ORDER BY id").rows == [["a", "1", "[x]"], ["b", None, None]]


@pytest.mark.fault
def test_a_broken_json_line_fails_the_query_by_name(athena: Any) -> None:
    external(athena, "id string", "ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'")
    uri = athena.put("t/1.json", b'{"id":"a"\n{"id":"b"}\n')
    with pytest.raises(QueryFailedError, match=rf"HIVE_BAD_DATA.*{uri}"):
        athena.run("SELECT * FROM t")


def test_quoted_csv_gives_text_and_skips_its_header(athena: Any) -> None:
    serde = (
        "ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde' WITH SERDEPROPERTIES ('separatorChar'"
        " = ',')"
    )
    athena.run(
        f"CREATE EXTERNAL TABLE t (a string, b string) {serde} LOCATION '{athena.location}t/' "
        "TBLPROPERTIES ('skip.header.line.count' = '1')"
    )
    athena.put("t/1.csv", b'a,b\n"x, y",\nz,"say ""hi"""\n')
    assert athena.run("SELECT * FROM t ORDER BY a").rows == [["x, y", ""], ["z", 'say "hi"']]


def test_delimited_text_gives_typed_columns_and_null_where_it_cannot(athena: Any) -> None:
    external(athena, "a int, b string", "ROW FORMAT DELIMITED FIELDS TERMINATED BY ';'")
    athena.put("t/1.csv", b"1;x\nnone;\\N\n")
    assert athena.run("SELECT * FROM t ORDER BY a").rows == [["1", "x"], [None, None]]


def test_a_table_without_files_has_no_rows(athena: Any) -> None:
    external(athena, "a int, b string")
    assert athena.run("SELECT count(*), max(b) FROM t").rows == [["0", None]]


def test_files_that_hide_behind_an_underscore_or_dot_are_not_data(athena: Any) -> None:
    external(athena, "x bigint")
    athena.parquet("t/f.parquet", pa.table({"x": [1]}))
    athena.put("t/_SUCCESS", b"done")
    athena.put("t/.part", b"half")
    assert athena.run("SELECT count(*) FROM t").value == "1"


def test_formats_that_are_not_read_here_are_refused(athena: Any, refusal: Callable[[str], str]) -> None:
    assert "NOT_SUPPORTED" in refusal(
        f"CREATE EXTERNAL TABLE t (a int) STORED AS ORC LOCATION '{athena.location}t/'"
    )
    athena.glue.create_table(
        DatabaseName=athena.database,
        TableInput={
            "Name": "ice",
            "Parameters": {"table_type": "ICEBERG"},
            "StorageDescriptor": {"Columns": []},
        },
    )
    assert "Iceberg" in refusal("SELECT * FROM ice")

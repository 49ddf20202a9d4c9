from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.infra.local.athena.conftest import RESULTS, QueryFailedError

pytestmark = pytest.mark.local


def test_create_table_as_makes_a_partitioned_table_that_reads_back(events: Any) -> None:
    table = events.glue.get_table(DatabaseName=events.database, Name="events")["Table"]
    partitions = events.glue.get_partitions(DatabaseName=events.database, TableName="events")["Partitions"]
    assert [c["Name"] for c in table["PartitionKeys"]] == ["year", "month"]
    assert {c["Name"]: c["Type"] for c in table["StorageDescriptor"]["Columns"]}["occurred_at"] == "timestamp"
    assert sorted(p["StorageDescriptor"]["Location"] for p in partitions) == [
        f"{events.location}events/year=2025/month=10/",
        f"{events.location}events/year=2025/month=11/",
    ]
    assert events.run("SELECT event_id FROM events ORDER BY 1 DESC LIMIT 1").value == "e05"


def test_a_manifest_lists_the_files_that_a_write_has_left(athena: Any) -> None:
    answer = athena.run(f"CREATE TABLE t WITH (external_location = '{athena.location}t/') AS SELECT 1 AS x")
    manifest = answer.execution["Statistics"]["DataManifestLocation"]
    query_id = answer.execution["QueryExecutionId"]
    assert manifest == f"s3://{RESULTS}/primary/tables/{query_id}-manifest.csv"
    [uri] = athena.read(manifest).decode().split()
    assert uri.startswith(f"{athena.location}t/")
    inserted = athena.run("INSERT INTO t VALUES 2, 3")
    [more] = athena.read(inserted.execution["Statistics"]["DataManifestLocation"]).decode().split()
    assert more != uri
    assert inserted.value == "2"
    assert athena.run("SELECT sum(x) FROM t").value == "6"


def test_without_a_location_a_table_lies_beside_the_results(athena: Any) -> None:
    answer = athena.run("CREATE TABLE t AS SELECT 1 AS x")
    location = athena.glue.get_table(DatabaseName=athena.database, Name="t")["Table"]["StorageDescriptor"][
        "Location"
    ]
    assert location == f"s3://{RESULTS}/primary/tables/{answer.execution['QueryExecutionId']}/"


def test_an_insert_goes_to_the_location_that_its_partition_has(athena: Any) -> None:
    where = f"external_location = '{athena.location}t/', partitioned_by = ARRAY['day']"
    athena.run(f"CREATE TABLE t WITH ({where}) AS SELECT 1 AS x, 'mon' AS day")
    athena.run(f"ALTER TABLE t PARTITION (day = 'mon') SET LOCATION '{athena.location}moved/'")
    athena.run("INSERT INTO t (day, x) SELECT 'mon', 5 UNION ALL SELECT 'tue', 6")
    assert athena.run(
        "SELECT x, day, regexp_extract(\"$path\", '[^/]+/[^/]+/[^/]+$') LIKE '%moved/%' FROM t ORDER BY x"
    ).rows == [
        ["5", "mon", "true"],
        ["6", "tue", "false"],
    ]


def test_types_survive_a_table_and_null_stays_null(athena: Any) -> None:
    athena.run(
        """CREATE TABLE t WITH (format = 'PARQUET', write_compression = 'ZSTD') AS
        SELECT CAST(1 AS tinyint) a, 2147483648 b, 1.50 c, 1e0 d, 'x' e, true f, DATE '2025-01-01' g,
        TIMESTAMP '2025-01-01 00:00:00.123' h, ARRAY[1] i,
        MAP(ARRAY['k'], ARRAY[1]) j, CAST(ROW(1) AS ROW(z integer)) k, X'ff' l,
        CAST(NULL AS varchar) m, CAST(1 AS real) n"""
    )
    answer = athena.run("SELECT * FROM t")
    assert list(answer.types) == [
        "tinyint", "bigint", "decimal", "double", "varchar", "boolean", "date", "timestamp", "array", "map",
        "row", "varbinary", "varchar", "float",
    ]  # fmt: skip
    assert answer.rows == [
        [
            "1",
            "2147483648",
            "1.50",
            "1.0",
            "x",
            "true",
            "2025-01-01",
            "2025-01-01 00:00:00.123",
            "[1]",
            "{k=1}",
            "{z=1}",
            "ff",
            None,
            "1.0",
        ]
    ]


def test_json_and_text_tables_read_back_too(athena: Any) -> None:
    for format_ in ("JSON", "TEXTFILE"):
        athena.run(
            f"CREATE TABLE {format_}_t WITH (format = '{format_}') AS SELECT 1 AS x, 'a' AS y UNION ALL"
            " SELECT 2, NULL"
        )
        assert athena.run(f"SELECT * FROM {format_}_t ORDER BY x").rows == [["1", "a"], ["2", None]]


@pytest.mark.parametrize(("partitions", "ends"), [(100, "SUCCEEDED"), (101, "FAILED")])
def test_a_write_may_open_a_hundred_partitions(athena: Any, partitions: int, ends: str) -> None:
    made = athena.wait(
        athena.start(
            f"CREATE TABLE t WITH (external_location = '{athena.location}t/', partitioned_by = ARRAY['p']) "
            f"AS SELECT x, CAST(x AS varchar) AS p FROM UNNEST(sequence(1, {partitions})) AS s(x)"
        )
    )
    assert made["Status"]["State"] == ends
    if ends == "FAILED":
        assert made["Status"]["StateChangeReason"].startswith("HIVE_TOO_MANY_OPEN_PARTITIONS")
    else:
        athena.run("INSERT INTO t SELECT x, CAST(x AS varchar) FROM UNNEST(sequence(101, 200)) AS s(x)")
        assert athena.run("SELECT count(DISTINCT p) FROM t").value == "200"


def test_partition_values_that_need_escaping_read_back(athena: Any) -> None:
    athena.run(
        f"CREATE TABLE t WITH (external_location = '{athena.location}t/', partitioned_by = ARRAY['k', 'd'])"
        " AS SELECT * FROM (VALUES (1, 'a/b=c', DATE '2025-01-01'), (2, NULL, DATE '2025-01-02')) AS v(x,"
        " k, d)"
    )
    assert athena.run("SELECT x, k, d FROM t ORDER BY x").rows == [
        ["1", "a/b=c", "2025-01-01"],
        ["2", None, "2025-01-02"],
    ]


def test_unload_writes_files_and_their_manifest(events: Any) -> None:
    answer = events.run(
        f"UNLOAD (SELECT event_id, month FROM events) TO '{events.location}out/' WITH (format = 'PARQUET')"
    )
    files = events.read(answer.execution["Statistics"]["DataManifestLocation"]).decode().split()
    assert files
    assert all(f.startswith(f"{events.location}out/") for f in files)


def test_a_view_remembers_its_query_and_its_database(events: Any) -> None:
    events.run("CREATE VIEW busy AS SELECT school_id, count(*) AS n FROM events GROUP BY school_id")
    events.run(
        "CREATE OR REPLACE VIEW busy AS SELECT school_id, count(*) AS n, max(points) best FROM events GROUP"
        " BY 1"
    )
    assert events.run(f"SELECT n, best FROM {events.database}.busy WHERE school_id = 'school_1'").rows == [
        ["3", "3"]
    ]
    record = events.glue.get_table(DatabaseName=events.database, Name="busy")["Table"]
    assert record["TableType"] == "VIRTUAL_VIEW"
    assert [c["Type"] for c in record["StorageDescriptor"]["Columns"]] == ["string", "bigint", "int"]


REFUSED = [
    ("CREATE TABLE events AS SELECT 1 AS x", "TABLE_ALREADY_EXISTS"),
    ("CREATE TABLE t WITH (external_location = '{at}events/') AS SELECT 1 AS x", "HIVE_PATH_ALREADY_EXISTS"),
    ("CREATE TABLE t AS SELECT 1", "MISSING_COLUMN_NAME"),
    ("CREATE TABLE t AS SELECT NULL AS x", "COLUMN_TYPE_UNKNOWN"),
    ("CREATE TABLE t AS SELECT 1 AS x, 2 AS x", "DUPLICATE_COLUMN_NAME"),
    ("CREATE TABLE t AS SELECT now() AS x", "Unsupported Hive type"),
    (
        "CREATE TABLE t WITH (partitioned_by = ARRAY['x']) AS SELECT 1 AS x, 2 AS y",
        "Partition keys must be the last columns",
    ),
    ("CREATE TABLE t WITH (format = 'ORC') AS SELECT 1 AS x", "NOT_SUPPORTED"),
    ("CREATE TABLE t WITH (bucketed_by = ARRAY['x'], bucket_count = 2) AS SELECT 1 AS x", "NOT_SUPPORTED"),
    ("CREATE TABLE t WITH (table_type = 'ICEBERG', location = '{at}i/') AS SELECT 1 AS x", "ICEBERG"),
    ("CREATE TABLE nowhere.t AS SELECT 1 AS x", "SCHEMA_NOT_FOUND"),
    ("INSERT INTO events (event_id) SELECT 1", "TYPE_MISMATCH"),
    ("INSERT INTO events SELECT 'x'", "TYPE_MISMATCH"),
    ("INSERT INTO events (nope) SELECT 'x'", "COLUMN_NOT_FOUND"),
    ("INSERT OVERWRITE events SELECT 'x'", "SYNTAX_ERROR|mismatched"),
    ("DELETE FROM events WHERE points < 0", "NOT_SUPPORTED.*Iceberg"),
    ("UPDATE events SET points = 0", "NOT_SUPPORTED.*Iceberg"),
    (
        "MERGE INTO events e USING events s ON e.event_id = s.event_id WHEN MATCHED THEN DELETE",
        "NOT_SUPPORTED.*Iceberg",
    ),
    ("CREATE TABLE t (x int)", "NOT_SUPPORTED"),
    ("CREATE VIEW events AS SELECT 1 AS x", "already exists"),
    ("CREATE VIEW v AS SELECT nope FROM events", "COLUMN_NOT_FOUND"),
    ("VACUUM events", "NOT_SUPPORTED"),
]


@pytest.mark.parametrize(("sql", "reason"), REFUSED, ids=[r[0][:60] for r in REFUSED])
def test_a_write_that_athena_refuses_leaves_nothing_behind(events: Any, sql: str, reason: str) -> None:
    with pytest.raises(QueryFailedError, match=reason):
        events.run(sql.replace("{at}", events.location))
    assert [t["Name"] for t in events.glue.get_tables(DatabaseName=events.database)["TableList"]] == [
        "events"
    ]
    assert events.run("SELECT count(*) FROM events").value == "5"


def test_an_enforced_work_group_forbids_a_location_of_ones_own(
    athena: Any, refusal: Callable[[str], str]
) -> None:
    athena.group = "luca-dbt"
    assert "external_location" in refusal(
        f"CREATE TABLE t WITH (external_location = '{athena.location}t/') AS SELECT 1 AS x"
    )
    made = athena.run("CREATE TABLE t AS SELECT 1 AS x")
    assert made.execution["ResultConfiguration"]["OutputLocation"].startswith(f"s3://{RESULTS}/dbt/tables/")

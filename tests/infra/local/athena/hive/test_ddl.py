from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from tests.infra.local.athena.conftest import QueryFailedError

pytestmark = pytest.mark.local


def test_an_external_table_keeps_what_its_statement_says(athena: Any) -> None:
    athena.run(f"""CREATE EXTERNAL TABLE IF NOT EXISTS `{athena.database}`.`t` (
          `id` string COMMENT 'who, when', points decimal(10,2), who struct<name:string,tags:array<string>>)
        COMMENT 'a table' PARTITIONED BY (year string, month int COMMENT 'zero padded')
        ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
        WITH SERDEPROPERTIES ('ignore.malformed.json' = 'false')
        STORED AS INPUTFORMAT 'org.apache.hadoop.mapred.TextInputFormat'
        OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
        LOCATION '{athena.location}t' TBLPROPERTIES ('classification' = 'json', 'owner' = 'luca');""")
    table = athena.glue.get_table(DatabaseName=athena.database, Name="t")["Table"]
    assert table["StorageDescriptor"]["Columns"] == [
        {"Name": "id", "Type": "string", "Comment": "who, when"},
        {"Name": "points", "Type": "decimal(10,2)"},
        {"Name": "who", "Type": "struct<name:string,tags:array<string>>"},
    ]
    assert [(k["Name"], k["Type"]) for k in table["PartitionKeys"]] == [("year", "string"), ("month", "int")]
    assert table["StorageDescriptor"]["Location"] == f"{athena.location}t/"
    assert (
        table["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"]
        == "org.openx.data.jsonserde.JsonSerDe"
    )
    assert table["Parameters"]["owner"] == "luca"
    assert table["TableType"] == "EXTERNAL_TABLE"


def test_show_create_table_gives_a_statement_that_makes_the_table_again(athena: Any) -> None:
    athena.run(
        "CREATE EXTERNAL TABLE t (a int COMMENT 'x', b map<string,int>) PARTITIONED BY (c string) STORED AS"
        f" PARQUET LOCATION '{athena.location}t/' TBLPROPERTIES ('k' = 'v')"
    )
    first = [row[0] for row in athena.run("SHOW CREATE TABLE t").rows]
    athena.run("DROP TABLE t")
    athena.run("\n".join(str(line) for line in first))
    assert [row[0] for row in athena.run("SHOW CREATE TABLE t").rows] == first


def test_partitions_are_added_dropped_and_found_on_s3(athena: Any) -> None:
    athena.run(
        "CREATE EXTERNAL TABLE t (x bigint) PARTITIONED BY (year string, month string) STORED AS PARQUET"
        f" LOCATION '{athena.location}t/'"
    )
    for month in ("01", "02"):
        athena.parquet(f"t/year=2026/month={month}/f.parquet", pa.table({"x": [int(month)]}))
    athena.parquet("t/stray/f.parquet", pa.table({"x": [9]}))
    athena.run(
        "ALTER TABLE t ADD IF NOT EXISTS PARTITION (year = '2026', month = '01') PARTITION (year = '2025',"
        " month = '12')"
    )
    assert [r[0] for r in athena.run("SHOW PARTITIONS t").rows] == [
        "year=2025/month=12",
        "year=2026/month=01",
    ]
    athena.run("MSCK REPAIR TABLE t")
    assert athena.run("SELECT sum(x) FROM t").value == "3"
    athena.run(
        "ALTER TABLE t DROP PARTITION (year = '2025', month = '12'), PARTITION (year = '2026', month = '01')"
    )
    assert [r[0] for r in athena.run("SHOW PARTITIONS t").rows] == ["year=2026/month=02"]
    athena.run("ALTER TABLE t DROP IF EXISTS PARTITION (year = '1999', month = '01')")


def test_columns_and_properties_can_be_added(athena: Any) -> None:
    athena.run(f"CREATE EXTERNAL TABLE t (a int) STORED AS PARQUET LOCATION '{athena.location}t/'")
    athena.parquet("t/f.parquet", pa.table({"a": pa.array([1], pa.int32())}))
    athena.run("ALTER TABLE t ADD COLUMNS (b string COMMENT 'new', add_note array<int>)")
    athena.run("ALTER TABLE t SET TBLPROPERTIES ('classification' = 'parquet')")
    assert athena.run("SELECT * FROM t").rows == [["1", None, None]]
    table = athena.glue.get_table(DatabaseName=athena.database, Name="t")["Table"]
    assert table["Parameters"]["classification"] == "parquet"
    athena.run("ALTER TABLE t REPLACE COLUMNS (a int)")
    assert [r[0] for r in athena.run("SHOW COLUMNS IN t").rows] == ["a"]


def test_databases_are_made_and_dropped(athena: Any) -> None:
    name = f"{athena.database}_b"
    athena.run(f"CREATE DATABASE IF NOT EXISTS {name} COMMENT 'mine' LOCATION '{athena.location}'")
    athena.run(f"CREATE SCHEMA IF NOT EXISTS `{name}`")
    assert [name] in athena.run("SHOW DATABASES").rows
    athena.run(f"CREATE EXTERNAL TABLE {name}.t (a int) STORED AS PARQUET LOCATION '{athena.location}t/'")
    with pytest.raises(QueryFailedError, match="not empty"):
        athena.run(f"DROP DATABASE {name}")
    athena.run(f"DROP DATABASE {name} CASCADE")
    assert [name] not in athena.run("SHOW SCHEMAS").rows
    athena.run(f"DROP SCHEMA IF EXISTS {name}")


def test_tables_are_shown_by_pattern_and_described_with_their_keys(events: Any) -> None:
    events.run("CREATE VIEW recent AS SELECT * FROM events")
    assert events.run("SHOW TABLES").rows == [["events"], ["recent"]]
    assert events.run(f"SHOW TABLES IN {events.database} 'ev*'").rows == [["events"]]
    assert events.run("SHOW VIEWS").rows == [["recent"]]
    described = [str(row[0]).split("\t")[0].strip() for row in events.run("DESCRIBE events").rows]
    assert described[:2] == ["event_id", "school_id"]
    assert described[-2:] == ["year", "month"]


def test_information_schema_tells_of_tables_and_columns(events: Any) -> None:
    events.run("CREATE VIEW recent AS SELECT event_id FROM events")
    where = f"WHERE table_schema = '{events.database}'"
    assert events.run(
        f"SELECT table_name, table_type FROM information_schema.tables {where} ORDER BY 1"
    ).rows == [
        ["events", "BASE TABLE"],
        ["recent", "VIEW"],
    ]
    columns = events.run(
        f"SELECT column_name, data_type FROM information_schema.columns {where} AND table_name = 'events'"
        " ORDER BY ordinal_position"
    )
    assert ["occurred_at", "timestamp(3)"] in columns.rows
    assert columns.rows[-1] == ["month", "varchar"]


def test_explain_shows_the_plan_and_reads_nothing(events: Any) -> None:
    answer = events.run("EXPLAIN SELECT * FROM events WHERE month = '10' AND points > 0")
    plan = "\n".join(str(row[0]) for row in answer.rows)
    assert "events" in plan
    assert "month" in plan
    assert answer.bytes_scanned == 0


REFUSED = [
    ("DROP TABLE nope", "does not exist"),
    ("DROP VIEW events", "DROP TABLE"),
    ("DROP DATABASE nope", "Database does not exist"),
    ("CREATE EXTERNAL TABLE t (a int) STORED AS PARQUET", "no LOCATION"),
    ("CREATE EXTERNAL TABLE t (a integr) STORED AS PARQUET LOCATION 's3://x/'", "Unknown type"),
    ("CREATE EXTERNAL TABLE t (a int, a string) STORED AS PARQUET LOCATION 's3://x/'", "Duplicate column"),
    ("CREATE EXTERNAL TABLE t (a int) STORED PARQUET LOCATION 's3://x/'", "mismatched input"),
    ("CREATE EXTERNAL TABLE t (a int) LOCATION 'x/y'", "not a location"),
    ("CREATE EXTERNAL TABLE events (a int) STORED AS PARQUET LOCATION 's3://x/'", "already exists"),
    ("ALTER TABLE events ADD PARTITION (year = '2025')", "partition spec"),
    ("ALTER TABLE events ADD PARTITION (year = '2025', month = '10')", "already exists"),
    ("ALTER TABLE events RENAME TO other", "NOT_SUPPORTED"),
    ("ALTER TABLE events ADD COLUMNS (points int)", "Duplicate column"),
    ("SHOW PARTITIONS nope", "TABLE_NOT_FOUND"),
    ("SHOW FUNCTIONS", "mismatched input"),
    ("DESCRIBE nope", "TABLE_NOT_FOUND"),
    ("PREPARE q FROM SELECT 1", "NOT_SUPPORTED"),
    ("EXPLAIN ANALYZE SELECT 1", "NOT_SUPPORTED"),
    ("SELECT * FROM othercatalog.x.y", "CATALOG_NOT_FOUND"),
    ("SELECT * FROM nowhere.y", "SCHEMA_NOT_FOUND"),
]


@pytest.mark.parametrize(("sql", "reason"), REFUSED, ids=[r[0] for r in REFUSED])
def test_ddl_that_athena_refuses_fails_with_the_reason(
    events: Any, refusal: Callable[[str], str], sql: str, reason: str
) -> None:
    assert reason in refusal(sql)


def test_drop_if_exists_is_content_with_nothing(athena: Any) -> None:
    athena.run("DROP TABLE IF EXISTS nope")
    athena.run("DROP VIEW IF EXISTS nope")

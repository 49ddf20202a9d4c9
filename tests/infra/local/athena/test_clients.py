from __future__ import annotations

import warnings
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pyathena
import pytest

pytestmark = pytest.mark.local

COLUMNS = (
    "event_id, points, occurred_at, props, CAST(points AS decimal(10, 2)) AS d, "
    "points > 0 AS good, 1.5e0 AS x"
)


@pytest.fixture
def wrangler(clients: Any) -> Iterator[Any]:
    with warnings.catch_warnings():
        # awswrangler and pandas warn of each other's next versions, which is not what is tested.
        warnings.simplefilter("ignore")
        import awswrangler

        yield awswrangler


@pytest.mark.parametrize("way", ["ctas", "plain", "unload"])
def test_awswrangler_reads_the_same_frame_each_way(events: Any, wrangler: Any, way: str) -> None:
    frame = wrangler.athena.read_sql_query(
        f"SELECT {COLUMNS} FROM events ORDER BY event_id",
        database=events.database,
        workgroup="primary",
        ctas_approach=way == "ctas",
        unload_approach=way == "unload",
        s3_output=f"{events.location}wrangled/",
        athena_query_wait_polling_delay=0.02,
    ).sort_values("event_id")
    assert frame["event_id"].tolist() == ["e01", "e02", "e03", "e04", "e05"]
    assert frame["points"].tolist() == [-1, 3, 0, -1, 5]
    assert str(frame["occurred_at"].iloc[0]) == "2025-10-01 08:30:00.250000"
    assert frame["props"].isna().tolist() == [False, False, True, False, True]
    assert frame["d"].tolist() == [
        Decimal("-1.00"),
        Decimal("3.00"),
        Decimal("0.00"),
        Decimal("-1.00"),
        Decimal("5.00"),
    ]
    assert frame["good"].tolist() == [False, True, False, False, True]
    assert frame["x"].tolist() == [1.5] * 5


def test_awswrangler_reads_in_a_work_group_that_enforces_its_location(events: Any, wrangler: Any) -> None:
    frame = wrangler.athena.read_sql_query(
        "SELECT count(*) AS n FROM events", database=events.database, workgroup="luca-dbt",
        ctas_approach=False, athena_query_wait_polling_delay=0.02,
    )  # fmt: skip
    assert frame["n"].tolist() == [5]


def test_awswrangler_runs_parameters_and_tells_failures(events: Any, wrangler: Any) -> None:
    frame = wrangler.athena.read_sql_query(
        "SELECT event_id FROM events WHERE school_id = ? AND points > ?",
        database=events.database, workgroup="primary", ctas_approach=False, s3_output=f"{events.location}w/",
        params=["'school_1'", "0"], paramstyle="qmark", athena_query_wait_polling_delay=0.02,
    )  # fmt: skip
    assert frame["event_id"].tolist() == ["e02"]
    with pytest.raises(wrangler.exceptions.QueryFailed, match="COLUMN_NOT_FOUND"):
        wrangler.athena.read_sql_query(
            "SELECT nope FROM events", database=events.database, workgroup="primary", ctas_approach=False,
            s3_output=f"{events.location}w/", athena_query_wait_polling_delay=0.02,
        )  # fmt: skip


def test_awswrangler_repairs_and_describes_a_table(events: Any, wrangler: Any) -> None:
    wrangler.athena.repair_table(
        "events", database=events.database, workgroup="luca-dbt", athena_query_wait_polling_delay=0.02
    )
    described = wrangler.athena.describe_table(
        "events", database=events.database, workgroup="luca-dbt", athena_query_wait_polling_delay=0.02
    )
    assert described["Column Name"].tolist()[-2:] == ["year", "month"]
    assert described["Partition"].tolist()[-2:] == [True, True]


def test_a_pyathena_cursor_gives_python_values(events: Any, clients: Any) -> None:
    with pyathena.connect(
        work_group="primary", region_name="us-east-1", schema_name=events.database, poll_interval=0.02,
        s3_staging_dir=f"{events.location}py/",
    ) as connection:  # fmt: skip
        cursor = connection.cursor()
        cursor.execute(f"SELECT {COLUMNS} FROM events WHERE event_id = %(id)s", {"id": "e01"})
        [row] = cursor.fetchall()
        assert row[0:2] == ("e01", -1)
        assert row[2].isoformat() == "2025-10-01T08:30:00.250000"
        assert row[4:] == (Decimal("-1.00"), False, 1.5)
        assert [d[1] for d in cursor.description or []] == [
            "varchar", "integer", "timestamp", "varchar", "decimal", "boolean", "double",
        ]  # fmt: skip
        assert cursor.data_scanned_in_bytes > 0
        with pytest.raises(pyathena.error.OperationalError, match="TABLE_NOT_FOUND"):
            cursor.execute("SELECT * FROM missing")

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal

import boto3
import pytest

from adapters import athena
from adapters.aws import client
from infra.local.athena import AthenaServer, WorkGroup
from tests.moto_process import moto_process

pytestmark = pytest.mark.service


@pytest.fixture(scope="module", autouse=True)
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Athena played by the local server, S3 and Glue by moto."""
    with moto_process() as endpoint, pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("AWS_ENDPOINT_URL"):
                patch.delenv(name)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_ENDPOINT_URL", endpoint)
        group = WorkGroup("luca-jobs", "s3://results-athena/jobs/", enforce=True)
        played = AthenaServer(
            {"luca-jobs": group},
            cache_dir=tmp_path_factory.mktemp("athena"),
            glue_endpoint=endpoint,
            s3_endpoint=endpoint,
        )
        played.start()
        patch.setenv("AWS_ENDPOINT_URL_ATHENA", played.endpoint)
        client.cache_clear()
        athena._session.cache_clear()
        boto3.Session().client("s3").create_bucket(Bucket="results-athena")
        yield
        client.cache_clear()
        athena._session.cache_clear()
        played.stop()


WHERE = {"work_group": "luca-jobs", "database": "default"}


def test_values_keep_their_types() -> None:
    frame = athena.query(
        """
        SELECT CAST(9007199254740993 AS bigint) AS large, 7 AS small, 'x' AS text, '' AS nothing,
               CAST('1.50' AS decimal(7, 3)) AS score, DATE '2026-02-03' AS day,
               TIMESTAMP '2026-02-03 14:15:16.789' AS moment, true AS yes, 0.5E0 AS half, ARRAY[1, 2] AS list
        """,
        **WHERE,
    )
    (row,) = frame.to_dict("records")
    assert row["moment"].to_pydatetime() == datetime(2026, 2, 3, 14, 15, 16, 789_000)
    assert (row["large"], row["small"]) == (9007199254740993, 7)
    assert (row["text"], row["nothing"]) == ("x", "")
    assert (row["score"], row["half"]) == (Decimal("1.500"), 0.5)
    assert (row["day"], row["yes"]) == (date(2026, 2, 3), True)
    assert row["list"] == "[1, 2]"


def test_whole_numbers_stay_whole_beside_nulls() -> None:
    frame = athena.query("SELECT * FROM (VALUES (9007199254740993), (NULL)) AS t(n)", **WHERE)
    assert frame["n"].tolist() == [9007199254740993, None]


def test_text_survives_quotes_commas_and_line_breaks() -> None:
    frame = athena.query(
        "SELECT * FROM (VALUES ('a,\"b\"'), ('c' || chr(10) || 'd'), (''), (NULL)) AS t(x)", **WHERE
    )
    assert frame["x"].astype(object).where(frame["x"].notna(), None).tolist() == ['a,"b"', "c\nd", "", None]


def test_a_result_as_text_knows_nothing_from_empty() -> None:
    table = athena.query_text("SELECT * FROM (VALUES (1, ''), (2, NULL)) AS t(n, x)", **WHERE)
    assert table.to_pydict() == {"n": ["1", "2"], "x": ["", None]}


def test_no_rows_keep_their_columns() -> None:
    frame = athena.query("SELECT 1 AS n, 'x' AS x WHERE false", **WHERE)
    assert list(frame.columns) == ["n", "x"]
    assert frame.empty
    assert athena.query_text("SELECT 1 AS n WHERE false", **WHERE).num_rows == 0


def test_a_statement_without_a_table_of_rows_is_answered() -> None:
    name = f"luca_{uuid.uuid4().hex}"
    assert athena.query(f"CREATE DATABASE {name}", **WHERE).empty
    assert name in athena.query("SHOW DATABASES", **WHERE).iloc[:, 0].tolist()


@pytest.mark.fault
def test_a_failed_query_says_what_athena_said() -> None:
    sql = "SELECT nothing FROM luca_lake.nowhere"
    with pytest.raises(athena.QueryFailedError, match=r"in work group 'luca-jobs': .*NOT_FOUND") as caught:
        athena.query(sql, **WHERE)
    assert caught.value.sql == sql
    assert caught.value.query_id
    assert "NOT_FOUND" in caught.value.reason


@pytest.mark.fault
def test_a_refused_query_says_why() -> None:
    with pytest.raises(athena.QueryFailedError, match=r"\(refused\) in work group 'no-such-group'"):
        athena.query("SELECT 1", work_group="no-such-group", database="default")

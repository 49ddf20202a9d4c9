from __future__ import annotations

import concurrent.futures
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.local.athena import executions
from tests.infra.local.athena.conftest import RESULTS

pytestmark = pytest.mark.local

ENDLESS = (
    "SELECT count(*) FROM UNNEST(sequence(1, 200000)) AS a(x) CROSS JOIN UNNEST(sequence(1, 200000)) AS b(y)"
    " WHERE x * y % 7 = 3"
)


def test_the_result_object_lies_exactly_where_the_execution_says(athena: Any) -> None:
    answer = athena.run(
        "SELECT 'say \"hi\"' AS a, NULL AS b, '' AS c, 1.5e0 AS d, TIMESTAMP '2025-01-01 00:00:00' AS \"E f\""
    )
    location = answer.execution["ResultConfiguration"]["OutputLocation"]
    assert location == f"s3://{RESULTS}/primary/{answer.execution['QueryExecutionId']}.csv"
    assert (
        athena.read(location) == b'"a","b","c","d","e f"\n"say ""hi""",,"","1.5","2025-01-01 00:00:00.000"\n'
    )


def test_a_utility_statement_leaves_plain_text(events: Any) -> None:
    answer = events.run("SHOW PARTITIONS events")
    location = answer.execution["ResultConfiguration"]["OutputLocation"]
    assert location.endswith(".txt")
    assert events.read(location) == b"year=2025/month=10\nyear=2025/month=11\n"


def test_the_clients_output_location_holds_unless_the_work_group_enforces_its_own(athena: Any) -> None:
    mine = {"ResultConfiguration": {"OutputLocation": f"s3://{RESULTS}/mine/"}}
    assert (
        athena.run("SELECT 1", **mine)
        .execution["ResultConfiguration"]["OutputLocation"]
        .startswith(f"s3://{RESULTS}/mine/")
    )
    athena.group = "luca-dbt"
    assert (
        athena.run("SELECT 1", **mine)
        .execution["ResultConfiguration"]["OutputLocation"]
        .startswith(f"s3://{RESULTS}/dbt/")
    )


def test_a_work_group_shows_what_clients_look_for(athena: Any) -> None:
    configuration = athena.client.get_work_group(WorkGroup="luca-analysts")["WorkGroup"]["Configuration"]
    assert configuration["EnforceWorkGroupConfiguration"] is True
    assert configuration["BytesScannedCutoffPerQuery"] == 10_000
    assert {g["Name"] for g in athena.client.list_work_groups()["WorkGroups"]} == {
        "primary",
        "luca-dbt",
        "luca-analysts",
    }


def test_the_same_request_token_gives_the_same_execution(athena: Any) -> None:
    token = "a" * 32 + athena.database
    first = athena.start("SELECT 1", ClientRequestToken=token)
    assert athena.start("SELECT 1", ClientRequestToken=token) == first
    with pytest.raises(ClientError, match="Idempotent parameters do not match"):
        athena.start("SELECT 2", ClientRequestToken=token)


def test_execution_parameters_take_the_place_of_question_marks_but_not_in_text(athena: Any) -> None:
    assert athena.run("SELECT ? || '?' || ?", ExecutionParameters=["'a'", "'b'"]).value == "a?b"
    with pytest.raises(ClientError, match="question marks"):
        athena.start("SELECT ?", ExecutionParameters=["1", "2"])


def test_results_come_in_pages_with_the_header_once(athena: Any) -> None:
    query_id = athena.start("SELECT x FROM UNNEST(sequence(1, 2500)) AS s(x) ORDER BY x")
    athena.wait(query_id)
    first = athena.client.get_query_results(QueryExecutionId=query_id)
    assert first["ResultSet"]["Rows"][0]["Data"] == [{"VarCharValue": "x"}]
    assert len(first["ResultSet"]["Rows"]) == 1000
    values = [
        r["Data"][0]["VarCharValue"]
        for p in athena.client.get_paginator("get_query_results").paginate(QueryExecutionId=query_id)
        for r in p["ResultSet"]["Rows"]
    ]
    assert values == ["x", *map(str, range(1, 2501))]


def test_columns_without_a_name_are_numbered_and_the_same_name_may_come_twice(athena: Any) -> None:
    answer = athena.run("SELECT 1, 'a' AS x, 2, 'b' AS X")
    assert (list(answer.names), answer.rows) == (["_col0", "x", "_col2", "x"], [["1", "a", "2", "b"]])


@pytest.mark.fault
def test_a_stopped_query_ends_at_once_and_gives_its_place_to_another(athena: Any) -> None:
    query_ids = [athena.start(ENDLESS) for _ in range(4)]
    time.sleep(0.3)
    before = time.monotonic()
    for query_id in query_ids:
        athena.client.stop_query_execution(QueryExecutionId=query_id)
    states = [athena.wait(query_id)["Status"]["State"] for query_id in query_ids]
    assert states == ["CANCELLED"] * 4
    assert athena.run("SELECT 1").value == "1"
    assert time.monotonic() - before < 5


def test_a_stopped_query_has_no_results(athena: Any) -> None:
    query_id = athena.start(ENDLESS)
    athena.client.stop_query_execution(QueryExecutionId=query_id)
    athena.wait(query_id)
    with pytest.raises(ClientError, match="CANCELLED"):
        athena.client.get_query_results(QueryExecutionId=query_id)


def test_a_query_beyond_the_work_groups_limit_is_cancelled_before_it_reads(events: Any) -> None:
    events.group = "luca-analysts"
    assert events.run("SELECT count(*) FROM events WHERE month = '10'").value == "3"
    wide = " UNION ALL ".join(["SELECT * FROM events"] * 6)
    status = events.wait(events.start(f"SELECT count(*) FROM ({wide})"))["Status"]
    assert status["State"] == "CANCELLED"
    assert "Bytes scanned limit was exceeded" in status["StateChangeReason"]
    assert "allows 10000" in status["StateChangeReason"]


def test_a_result_that_memory_no_longer_holds_is_read_from_its_object(
    athena: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql = (
        "SELECT * FROM (VALUES ('', NULL, 'say \"hi\", twice'), ('a', 'b\nc', 'é')) AS t (x, y, z) ORDER BY x"
    )
    query_id = athena.start(sql)
    athena.wait(query_id)
    before = athena.client.get_query_results(QueryExecutionId=query_id)["ResultSet"]["Rows"]
    monkeypatch.setattr(executions, "HELD_BYTES", 0)
    athena.run("SELECT 1")
    assert athena.client.get_query_results(QueryExecutionId=query_id)["ResultSet"]["Rows"] == before
    location = athena.client.get_query_execution(QueryExecutionId=query_id)["QueryExecution"][
        "ResultConfiguration"
    ]
    bucket, _, key = location["OutputLocation"].removeprefix("s3://").partition("/")
    athena.s3.delete_object(Bucket=bucket, Key=key)
    with pytest.raises(ClientError, match="Could not find results"):
        athena.client.get_query_results(QueryExecutionId=query_id)


def test_many_queries_at_once_keep_their_own_answers(events: Any) -> None:
    def one(i: int) -> tuple[str | None, str | None]:
        return (
            events.run(f"SELECT {i}").value,
            events.run(f"SELECT count(*) + {i} FROM events WHERE points > -9").value,
        )

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one, range(24)))
    assert answers == [(str(i), str(i + 5)) for i in range(24)]


def test_a_failed_query_says_why_in_every_place_that_clients_read(athena: Any) -> None:
    query_id = athena.start("SELECT nope FROM missing")
    status = athena.wait(query_id)["Status"]
    assert status["State"] == "FAILED"
    assert "missing" in status["StateChangeReason"]
    assert status["AthenaError"]["ErrorMessage"] == status["StateChangeReason"]
    with pytest.raises(ClientError, match="FAILED") as caught:
        athena.client.get_query_results(QueryExecutionId=query_id)
    assert caught.value.response["Error"]["Code"] == "InvalidRequestException"


@pytest.mark.parametrize(
    ("operation", "arguments", "code"),
    [
        ("get_query_execution", {"QueryExecutionId": "nope"}, "InvalidRequestException"),
        ("get_work_group", {"WorkGroup": "nope"}, "InvalidRequestException"),
        ("start_query_execution", {"QueryString": " ", "WorkGroup": "primary"}, "InvalidRequestException"),
        (
            "start_query_execution",
            {"QueryString": "SELECT '" + "x" * 262_144 + "'"},
            "InvalidRequestException",
        ),
        (
            "get_table_metadata",
            {"CatalogName": "AwsDataCatalog", "DatabaseName": "x", "TableName": "y"},
            "MetadataException",
        ),
        (
            "list_table_metadata",
            {"CatalogName": "AwsDataCatalog", "DatabaseName": "nope"},
            "MetadataException",
        ),
        ("list_named_queries", {}, "UnknownOperationException"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused(
    athena: Any, operation: str, arguments: dict[str, Any], code: str
) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(athena.client, operation)(**arguments)
    assert caught.value.response["Error"]["Code"] == code


def test_executions_can_be_listed_and_asked_for_together(athena: Any) -> None:
    query_ids = [athena.start(f"SELECT {i}") for i in range(3)]
    for query_id in query_ids:
        athena.wait(query_id)
    listed = athena.client.list_query_executions(WorkGroup="primary", MaxResults=50)["QueryExecutionIds"]
    assert set(query_ids) <= set(listed) or len(listed) == 50
    reply = athena.client.batch_get_query_execution(QueryExecutionIds=[*query_ids, "nope"])
    assert [e["Query"] for e in reply["QueryExecutions"]] == ["SELECT 0", "SELECT 1", "SELECT 2"]
    assert [e["QueryExecutionId"] for e in reply["UnprocessedQueryExecutionIds"]] == ["nope"]


def test_the_catalog_can_be_browsed_through_athena(events: Any) -> None:
    client = events.client
    catalog = {"CatalogName": "AwsDataCatalog"}
    assert client.list_data_catalogs()["DataCatalogsSummary"][0]["CatalogName"] == "AwsDataCatalog"
    assert client.get_data_catalog(Name="AwsDataCatalog")["DataCatalog"]["Type"] == "GLUE"
    assert client.get_database(**catalog, DatabaseName=events.database)["Database"]["Name"] == events.database
    assert events.database in {d["Name"] for d in client.list_databases(**catalog)["DatabaseList"]}
    table = client.get_table_metadata(**catalog, DatabaseName=events.database, TableName="events")[
        "TableMetadata"
    ]
    assert [k["Name"] for k in table["PartitionKeys"]] == ["year", "month"]
    assert [
        t["Name"]
        for t in client.list_table_metadata(**catalog, DatabaseName=events.database)["TableMetadataList"]
    ] == ["events"]


def test_runtime_statistics_count_the_rows(athena: Any) -> None:
    query_id = athena.start("SELECT x FROM (VALUES 1, 2, 3) AS t(x)")
    athena.wait(query_id)
    statistics = athena.client.get_query_runtime_statistics(QueryExecutionId=query_id)[
        "QueryRuntimeStatistics"
    ]
    assert statistics["Rows"]["OutputRows"] == 3

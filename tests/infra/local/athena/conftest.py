from __future__ import annotations

import io
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.local.athena import AthenaServer, WorkGroup
from tests.moto_process import moto_process

RESULTS, LAKE = "luca-results-000000000000", "luca-lake-000000000000"
PARQUET_SERDE = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
SYMLINK_TABLE = (
    f"ROW FORMAT SERDE '{PARQUET_SERDE}' "
    "STORED AS INPUTFORMAT 'org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat' "
    "OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'"
)


@dataclass(frozen=True)
class Answer:
    """What a query gave: text as GetQueryResults shows it, and the execution's record."""

    names: Sequence[str]
    types: Sequence[str]
    rows: Sequence[Sequence[str | None]]
    execution: dict[str, Any]

    @property
    def value(self) -> str | None:
        [[value]] = self.rows
        return value

    @property
    def bytes_scanned(self) -> int:
        return int(self.execution["Statistics"]["DataScannedInBytes"])


class QueryFailedError(Exception):
    """A query ended FAILED; the text is Athena's reason."""


@dataclass
class Athena:
    """One test's view of the server: a database of its own and a prefix of the lake."""

    database: str
    client: Any
    glue: Any
    s3: Any
    endpoints: dict[str, str]
    location: str
    group: str = "primary"
    made: list[str] = field(default_factory=list)

    def start(self, sql: str, **more: Any) -> str:
        started = self.client.start_query_execution(
            QueryString=sql, QueryExecutionContext={"Database": self.database}, WorkGroup=self.group, **more
        )
        return str(started["QueryExecutionId"])

    def wait(self, query_id: str) -> dict[str, Any]:
        while True:
            execution = self.client.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
            if execution["Status"]["State"] not in ("QUEUED", "RUNNING"):
                return dict(execution)

    def run(self, sql: str, **more: Any) -> Answer:
        query_id = self.start(sql, **more)
        execution = self.wait(query_id)
        if execution["Status"]["State"] != "SUCCEEDED":
            raise QueryFailedError(execution["Status"]["StateChangeReason"])
        rows: list[list[str | None]] = []
        info: list[dict[str, Any]] = []
        for page in self.client.get_paginator("get_query_results").paginate(QueryExecutionId=query_id):
            info = page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
            rows += [[cell.get("VarCharValue") for cell in row["Data"]] for row in page["ResultSet"]["Rows"]]
        if execution["StatementType"] == "DML" and execution.get("SubstatementType") != "UNLOAD":
            rows = rows[1:]
        return Answer([c["Name"] for c in info], [c["Type"] for c in info], rows, execution)

    def value(self, expression: str) -> str | None:
        return self.run(f"SELECT {expression}").value

    def put(self, key: str, body: bytes) -> str:
        """Writes an object under this test's prefix; returns its URI."""
        bucket, _, prefix = self.location.removeprefix("s3://").partition("/")
        self.s3.put_object(Bucket=bucket, Key=prefix + key, Body=body)
        return f"{self.location}{key}"

    def parquet(self, key: str, table: pa.Table) -> str:
        sink = io.BytesIO()
        pq.write_table(table, sink)
        return self.put(key, sink.getvalue())

    def size(self, uri: str) -> int:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return int(self.s3.head_object(Bucket=bucket, Key=key)["ContentLength"])

    def read(self, uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return bytes(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read())


@pytest.fixture(scope="session")
def aws() -> Iterator[str]:
    """Endpoint of moto: Glue and S3."""
    with moto_process() as endpoint, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        s3 = boto3.client("s3", endpoint_url=endpoint)
        for bucket in (RESULTS, LAKE):
            s3.create_bucket(Bucket=bucket)
        yield endpoint


@pytest.fixture(scope="session")
def server(aws: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AthenaServer]:
    groups = [
        WorkGroup("primary", f"s3://{RESULTS}/primary/", enforce=False),
        WorkGroup("luca-dbt", f"s3://{RESULTS}/dbt/", enforce=True),
        WorkGroup("luca-analysts", f"s3://{RESULTS}/analysts/", enforce=True, bytes_scanned_cutoff=10_000),
    ]
    cache: Path = tmp_path_factory.mktemp("athena")
    running = AthenaServer({g.name: g for g in groups}, cache_dir=cache, glue_endpoint=aws, s3_endpoint=aws)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def sessions(aws: str, server: AthenaServer) -> dict[str, Any]:
    """boto3's clients: making one takes longer than most queries."""
    clients = {name: boto3.client(name, endpoint_url=aws) for name in ("glue", "s3")}
    return {**clients, "athena": boto3.client("athena", endpoint_url=server.endpoint)}


@pytest.fixture
def athena(aws: str, server: AthenaServer, sessions: dict[str, Any]) -> Athena:
    database = f"t_{uuid.uuid4().hex[:12]}"
    sessions["glue"].create_database(DatabaseInput={"Name": database})
    return Athena(
        database,
        sessions["athena"],
        sessions["glue"],
        sessions["s3"],
        {"AWS_ENDPOINT_URL": aws, "AWS_ENDPOINT_URL_ATHENA": server.endpoint},
        f"s3://{LAKE}/{database}/",
    )


@pytest.fixture
def clients(athena: Athena, monkeypatch: pytest.MonkeyPatch) -> Athena:
    """The same, with boto3's own variables set, for clients that make their clients themselves."""
    for name, value in athena.endpoints.items():
        monkeypatch.setenv(name, value)
    return athena


@pytest.fixture
def refusal(athena: Athena) -> Callable[[str], str]:
    """Runs what must fail and returns Athena's reason."""

    def refused(sql: str) -> str:
        with pytest.raises(QueryFailedError) as caught:
            athena.run(sql)
        return str(caught.value)

    return refused


@pytest.fixture
def events(athena: Athena) -> Athena:
    """A table of behaviour events with two months and two schools, as analysts would query it."""
    athena.run(f"""
        CREATE TABLE events WITH (
          external_location = '{athena.location}events/', partitioned_by = ARRAY['year', 'month'])
        AS SELECT * FROM (VALUES
          ('e01', 'school_1', 'k1', 'late', TIMESTAMP '2025-10-01 08:30:00.250', -1,
            '{{"room":"lab","tags":["door","bus"]}}', '2025', '10'),
          ('e02', 'school_1', 'k2', 'praise', TIMESTAMP '2025-10-02 09:00:00', 3,
            '{{"room":"gym","tags":[]}}', '2025', '10'),
          ('e03', 'school_2', 'k3', 'absence', TIMESTAMP '2025-10-31 23:30:00', 0, NULL, '2025', '10'),
          ('e04', 'school_1', 'k1', 'late', TIMESTAMP '2025-11-03 07:00:00', -1,
            '{{"room":"lab","tags":["bus"]}}', '2025', '11'),
          ('e05', 'school_2', 'k3', 'praise', TIMESTAMP '2025-11-04 10:00:00', 5, NULL, '2025', '11')
        ) AS t (event_id, school_id, student_key, event_type, occurred_at, points, props, year, month)
        """)
    return athena

"""A lake for tests: S3, Glue and DynamoDB played by moto, Athena by the local server on DuckDB."""

from __future__ import annotations

import io
import os
import urllib.request
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adapters import leases, queues
from adapters.aws import client
from infra.local.athena import AthenaServer, WorkGroup
from pipelines.load import gate, quality_reports, work
from pipelines.load.result import LoadResult
from pipelines.load.run import load
from tests.assumed_role import forget_clients
from tests.moto_process import moto_process
from tests.pipelines.plain_judge import judged_plainly
from transforms import load_history
from transforms.lake_schema import LAKE_TABLES, PARTITION_KEYS, PARTITION_TYPES, Column

NOW = datetime(2026, 2, 3, 15, 0, tzinfo=UTC)
HOUR = "2026-02-03-14"
BUCKETS = {name: f"luca-{name.lower()}-000000000000" for name in ("LANDING", "LAKE", "RESULTS", "REPORTS")}
GLUE_TYPES = {pa.int32(): "int", pa.string(): "string"}
WRITES = {
    *("PutObject", "DeleteObject", "DeleteObjects", "CopyObject"),
    *("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem"),
    *("CreateTable", "UpdateTable", "DeleteTable"),
    *("BatchCreatePartition", "BatchUpdatePartition", "UpdatePartition", "BatchDeletePartition"),
    *("PutParameter", "DeleteParameter", "DeleteMessageBatch"),
}


class Killed(BaseException):
    """The process is gone: nothing of ours may catch this."""


def dies(write: int, work: Callable[[], object], services: Iterable[str]) -> bool:
    """Runs work in a process that dies before its n-th write to some services.

    Returns:
        Whether it came that far.
    """
    left = write

    def call(model: Any, **_: Any) -> None:
        nonlocal left
        left -= model.name in WRITES
        if left <= 0:
            raise Killed(model.name)

    for service in services:
        client(service).meta.events.register("before-call", call)
    try:
        work()
    except Killed:
        return True
    finally:
        forget_clients()  # a new process takes over
    return False


@dataclass
class Lake:
    """The lake of one test, and hands to put things into it and to look at what is there."""

    moto: str
    ids: Iterator[int] = field(default_factory=lambda: iter(range(1, 10**9)))

    def reset(self) -> None:
        """Forgets everything, and makes the lake anew."""
        urllib.request.urlopen(urllib.request.Request(f"{self.moto}/moto-api/reset", method="POST")).close()
        forget_clients()
        _make()

    def dies(self, write: int, work: Callable[[], object] | None = None) -> bool:
        """Runs the load, or other work, in a process that dies before its n-th write.

        From that moment no call goes out, so nothing is tidied up either.

        Returns:
            Whether it came that far.
        """
        return dies(write, work or self.load, ("s3", "dynamodb", "glue", "ssm", "sqs"))

    def event(self, **changes: Any) -> dict[str, Any]:
        """A good behaviour event, with some columns changed."""
        number = next(self.ids)
        return {
            "event_id": str(uuid.UUID(int=number)),
            "school_id": "school_1",
            "student_key": f"{number % 7:032x}",
            "teacher_key": f"{number % 3:032x}",
            "pseudonym_version": 1,
            "graduation_year": 2029,
            "event_type": "participation",
            "status": None,
            "polarity": None,
            "subject": "matematicas",
            "class_id": "3B",
            "points": 2,
            "points_version": 1,
            "occurred_at": datetime(2026, 2, 3, 14, 15),
            "received_at": datetime(2026, 2, 3, 14, 15, 3),
            "local_date": date(2026, 2, 3),
            "utc_offset_minutes": -360,
            "correlation_id": str(uuid.UUID(int=number << 64)),
            "contract_version": 1,
            **changes,
        }

    def change(self, **changes: Any) -> dict[str, Any]:
        """A good academic change (an evaluation), with some columns changed."""
        number = next(self.ids)
        return {
            "change_id": f"{number:032x}",
            "change_type": "evaluation",
            "operation": "insert",
            "school_id": "school_1",
            "student_key": f"{number % 7:032x}",
            "teacher_key": None,
            "pseudonym_version": 1,
            "graduation_year": 2029,
            "previous_graduation_year": None,
            "subject": "matematicas",
            "period": "2026-1",
            "evaluation_key": f"{number % 5:032x}",
            "evaluation_type": "exam",
            "score": Decimal("85.500"),
            "evaluations_count": None,
            "version": 1,
            "rules_version": None,
            "changed_at": datetime(2026, 2, 3, 14, 15),
            "local_date": date(2026, 2, 2),
            "correlation_id": None,
            "contract_version": 1,
            **changes,
        }

    def land(
        self,
        rows: Iterable[dict[str, Any]] | pa.Table,
        name: str = "",
        *,
        hour: str = HOUR,
        table: str = "behavior_events",
    ) -> str:
        """Puts rows into the landing area as one file, as Firehose does; returns its key."""
        if not isinstance(rows, pa.Table):
            rows = pa.Table.from_pylist(list(rows), LAKE_TABLES[table].landing_schema)
        sink = io.BytesIO()
        pq.write_table(rows, sink, compression="snappy")
        return self.put(sink.getvalue(), name, hour=hour, table=table)

    def put(self, body: bytes, name: str = "", *, hour: str = HOUR, table: str = "behavior_events") -> str:
        """Puts bytes into the landing area; returns their key."""
        key = f"{table}/hour={hour}/{name or f'{next(self.ids):06d}'}.parquet"
        client("s3").put_object(Bucket=BUCKETS["LANDING"], Key=key, Body=body)
        return key

    def load(self, table: str = "behavior_events", now: datetime = NOW, **options: Any) -> list[LoadResult]:
        """Runs the load."""
        return load(table, now=now, **options)

    def load_one(self, table: str = "behavior_events", now: datetime = NOW, **options: Any) -> LoadResult:
        """Runs the load, which has one thing to do."""
        (result,) = load(table, now=now, **options)
        return result

    def objects(self, prefix: str = "", bucket: str = "LAKE") -> dict[str, bytes]:
        """What is in a bucket."""
        s3, found = client("s3"), {}
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKETS[bucket], Prefix=prefix):
            for item in page.get("Contents", []):
                found[item["Key"]] = s3.get_object(Bucket=BUCKETS[bucket], Key=item["Key"])["Body"].read()
        return found

    def stored(self, bucket: str) -> dict[str, str]:
        """The ETag of each object of a bucket."""
        listed = client("s3").list_objects_v2(Bucket=BUCKETS[bucket])["Contents"]
        return {item["Key"]: item["ETag"].strip('"') for item in listed}

    def published(self, table: str = "behavior_events") -> list[dict[str, Any]]:
        """The rows that a reader of the lake sees: those in the locations of Glue's partitions."""
        rows = []
        for keys, files in self._partitions(table):
            for body in files.values():
                rows += [{**row, **keys} for row in pq.read_table(io.BytesIO(body)).to_pylist()]
        return rows

    def published_files(self, table: str = "behavior_events") -> dict[str, bytes]:
        """The files in the locations of Glue's partitions."""
        return {key: body for _, files in self._partitions(table) for key, body in files.items()}

    def _partitions(self, table: str) -> Iterator[tuple[dict[str, Any], dict[str, bytes]]]:
        """The keys of each of Glue's partitions, and the files where it is."""
        pages = client("glue").get_paginator("get_partitions")
        for page in pages.paginate(DatabaseName="luca_lake", TableName=table):
            for partition in page["Partitions"]:
                place = partition["StorageDescriptor"]["Location"].removeprefix(f"s3://{BUCKETS['LAKE']}/")
                keys: dict[str, Any] = dict(zip(PARTITION_KEYS, partition["Values"], strict=True))
                yield {**keys, "graduation_year": int(keys["graduation_year"])}, self.objects(place)

    def quarantined(self, table: str = "behavior_events") -> dict[str, list[dict[str, Any]]]:
        """The rows in quarantine, by school."""
        found: dict[str, list[dict[str, Any]]] = {}
        for key, body in self.objects(f"quarantine/{table}/").items():
            school = key.split("/school_id=")[1].split("/")[0]
            found.setdefault(school, []).extend(pq.read_table(io.BytesIO(body)).to_pylist())
        return found

    def tables(self, database: str = "luca_landing") -> list[str]:
        """The names of a Glue database's tables."""
        return [table["Name"] for table in client("glue").get_tables(DatabaseName=database)["TableList"]]


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Endpoints of moto and of the local Athena, one of each a test process."""
    with moto_process() as endpoint, pytest.MonkeyPatch.context() as patch:
        _credentials(patch)
        group = WorkGroup("luca-jobs", f"s3://{BUCKETS['RESULTS']}/jobs/", enforce=True)
        server = AthenaServer(
            {"luca-jobs": group},
            cache_dir=tmp_path_factory.mktemp("athena"),
            glue_endpoint=endpoint,
            s3_endpoint=endpoint,
        )
        server.start()
        yield endpoint, server.endpoint
        server.stop()


@pytest.fixture
def with_reports() -> None:
    """Asked for by tests that look at the quality reports: Great Expectations judges, and they are kept."""


@pytest.fixture
def lake(
    servers: tuple[str, str], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Lake]:
    """An empty lake."""
    moto, athena_endpoint = servers
    if "with_reports" not in request.fixturenames:
        monkeypatch.setattr(gate, "judge", judged_plainly)
        monkeypatch.setattr(quality_reports, "keep", lambda site, docs: None)
    for name in list(os.environ):
        if name.startswith("AWS_ENDPOINT_URL"):
            monkeypatch.delenv(name)
    _credentials(monkeypatch)
    for name, value in {
        "AWS_ENDPOINT_URL": moto,
        "AWS_ENDPOINT_URL_ATHENA": athena_endpoint,
        "LUCA_LEDGER": "luca-loads",
        **{f"LUCA_{name}_BUCKET": bucket for name, bucket in BUCKETS.items()},
        "LUCA_LANDING_DATABASE": "luca_landing",
        "LUCA_LAKE_DATABASE": "luca_lake",
        "LUCA_JOBS_WORK_GROUP": "luca-jobs",
        "POWERTOOLS_SERVICE_NAME": "tests",
        "POWERTOOLS_METRICS_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(leases, "SILENCE_SECONDS", 0.05)  # the next process waits no longer for a dead one
    monkeypatch.setattr(leases, "BEAT_SECONDS", 60)  # a renewal is no write of the work that `dies` counts
    monkeypatch.setattr(leases, "TRUST_SECONDS", 600)
    monkeypatch.setattr(gate, "PAUSES", (0.0, 0.0))
    monkeypatch.setattr(queues, "WAIT_SECONDS", 0)  # moto is the one server of its queues
    monkeypatch.setattr(work, "_elapsed", lambda: 0.0)  # a load's times are its `now`, however long it takes
    lake = Lake(moto)
    lake.reset()
    yield lake
    forget_clients()


def _credentials(patch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        patch.setenv(name, "test")
    patch.setenv("AWS_DEFAULT_REGION", "us-east-1")


def _make() -> None:
    for bucket in BUCKETS.values():
        client("s3").create_bucket(Bucket=bucket)
    boto3.client("dynamodb").create_table(
        TableName="luca-loads",
        KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("PK", "SK")],
        BillingMode="PAY_PER_REQUEST",
    )
    for database in ("luca_landing", "luca_lake"):
        client("glue").create_database(DatabaseInput={"Name": database})
    for table in LAKE_TABLES.values():
        keys = [(key, GLUE_TYPES[PARTITION_TYPES[key]]) for key in PARTITION_KEYS]
        _make_table(table.name, table.lake_columns, keys)
    _make_table(
        load_history.NAME, load_history.COLUMNS, [(key, "string") for key in load_history.PARTITION_KEYS]
    )


def _make_table(name: str, columns: Iterable[Column], keys: Iterable[tuple[str, str]]) -> None:
    definition = {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"classification": "parquet", "EXTERNAL": "TRUE"},
        "PartitionKeys": [{"Name": key, "Type": kind} for key, kind in keys],
        "StorageDescriptor": {
            "Columns": [{"Name": column.name, "Type": column.glue_type} for column in columns],
            "Location": f"s3://{BUCKETS['LAKE']}/lake/{name}/",
            "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
            "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
            "SerdeInfo": {
                "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
            },
        },
    }
    client("glue").create_table(DatabaseName="luca_lake", TableInput=definition)

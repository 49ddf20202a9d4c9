"""What dbt needs of the cloud, on this machine: Glue and S3 by moto, Athena by our own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests

from adapters import athena
from infra.local.athena import AthenaServer, WorkGroup
from infra.local.templates import read_template
from pipelines.trends.commands import ROOT
from tests.assumed_role import forget_clients
from tests.moto_process import moto_process
from transforms.calendar import iso_week
from transforms.lake_schema import BEHAVIOR_EVENTS, LAKE_TABLES, PARTITION_KEYS, PARTITION_TYPES, LakeTable
from transforms.load_history import SCHEMA as LOADS

LAKE = "luca-lake-000000000000"
RESULTS = "luca-results-000000000000"
REPORTS = "luca-reports-000000000000"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "LUCA_LAKE_BUCKET": LAKE,
    "LUCA_RESULTS_BUCKET": RESULTS,
    "LUCA_REPORTS_BUCKET": REPORTS,
    "LUCA_LAKE_DATABASE": "luca_lake",
    "LUCA_MARTS_DATABASE": "luca_marts",
    "LUCA_DBT_WORK_GROUP": "luca-dbt",
    "LUCA_DBT_POLL_SECONDS": "0.02",
}


@contextmanager
def running(cache_dir: Path) -> Iterator[None]:
    """All of it, with the environment by which `run_trends` and boto3 find it."""
    groups = {"luca-dbt": WorkGroup("luca-dbt", f"s3://{RESULTS}/dbt/", enforce=False)}
    with moto_process() as endpoint, pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.setenv("AWS_ENDPOINT_URL", endpoint)
        with AthenaServer(
            groups, cache_dir=cache_dir, glue_endpoint=endpoint, s3_endpoint=endpoint
        ) as server:
            patch.setenv("AWS_ENDPOINT_URL_ATHENA", server.endpoint)
            forget_clients()  # of another file's services, which are gone
            yield
    forget_clients()


def dbt(work: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs dbt commands as `python -m pipelines.trends` does."""
    command = [sys.executable, "-m", "pipelines.trends", "--work-dir", str(work), *arguments]
    return subprocess.run(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=200,
        check=False,
    )


def build(work: Path) -> None:
    """Builds the models without their tests, for the state that a test begins with."""
    done = dbt(work, "run")
    assert done.returncode == 0, done.stdout


def create_lake() -> None:
    """Buckets, databases and the lake's tables, all empty."""
    requests.post(f"{os.environ['AWS_ENDPOINT_URL']}/moto-api/reset", timeout=10)
    for bucket in (LAKE, RESULTS, REPORTS):
        boto3.client("s3").create_bucket(Bucket=bucket)
    glue = boto3.client("glue")
    for database in ("luca_lake", "luca_marts"):
        glue.create_database(DatabaseInput={"Name": database})
    for table in LAKE_TABLES.values():
        glue.create_table(DatabaseName="luca_lake", TableInput=_table_input(table))
    loads = read_template(ROOT / "infra" / "load.yaml").resources["LoadsTable"].properties["TableInput"]
    where = {**loads["StorageDescriptor"], "Location": f"s3://{LAKE}/lake/loads/"}
    glue.create_table(DatabaseName="luca_lake", TableInput={**loads, "StorageDescriptor": where})


def publish(rows: Iterable[Mapping[str, Any]], lake_table: LakeTable = BEHAVIOR_EVENTS) -> None:
    """Adds rows to the lake as a load does: a file for each partition."""
    places: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        places.setdefault(_place(row), []).append(row)
    name = lake_table.name
    shape = _table_input(lake_table)["StorageDescriptor"]
    known = {tuple(partition["Values"]) for partition in _partitions("luca_lake", name)}
    for values, together in places.items():
        path = "/".join(f"{key}={value}" for key, value in zip(PARTITION_KEYS, values, strict=True))
        prefix = f"lake/{name}/{path}/"
        table = pa.Table.from_pylist(together, schema=lake_table.lake_schema)
        boto3.client("s3").put_object(Bucket=LAKE, Key=f"{prefix}{uuid4().hex}.parquet", Body=_parquet(table))
        if values not in known:
            where = {**shape, "Location": f"s3://{LAKE}/{prefix}"}
            boto3.client("glue").create_partition(
                DatabaseName="luca_lake",
                TableName=name,
                PartitionInput={"Values": list(values), "StorageDescriptor": where},
            )


def publish_loads(rows: Iterable[Mapping[str, Any]]) -> None:
    """Adds rows to the table of loads, in one file of one month."""
    prefix = "lake/loads/year=2025/month=09/"
    boto3.client("s3").put_object(
        Bucket=LAKE, Key=f"{prefix}loads.parquet", Body=_parquet(pa.Table.from_pylist([*map(dict, rows)]))
    )
    glue = boto3.client("glue")
    shape = glue.get_table(DatabaseName="luca_lake", Name="loads")["Table"]["StorageDescriptor"]
    glue.create_partition(
        DatabaseName="luca_lake",
        TableName="loads",
        PartitionInput={
            "Values": ["2025", "09"],
            "StorageDescriptor": {**shape, "Location": f"s3://{LAKE}/{prefix}"},
        },
    )


def note_load(load_id: str, opened: date, weeks: Iterable[date], *, school_id: str = "school_1") -> None:
    """Adds a load to the table of loads, which brought a school a behaviour event of each week."""
    noted = {
        "load_id": load_id,
        "table_name": "behavior_events",
        "school_id": school_id,
        "opened_at": datetime(opened.year, opened.month, opened.day),
        "published_at": datetime(opened.year, opened.month, opened.day, 1),
        "published_weeks": [(iso_week(week), 1) for week in weeks],
    }
    noted["published"] = len(noted["published_weeks"])
    rows = pa.Table.from_pylist([noted], LOADS)
    month = f"lake/loads/year={opened:%Y}/month={opened:%m}/"
    boto3.client("s3").put_object(Bucket=LAKE, Key=f"{month}{uuid4().hex}.parquet", Body=_parquet(rows))
    glue, values = boto3.client("glue"), [f"{opened:%Y}", f"{opened:%m}"]
    if values not in [partition["Values"] for partition in _partitions("luca_lake", "loads")]:
        shape = glue.get_table(DatabaseName="luca_lake", Name="loads")["Table"]["StorageDescriptor"]
        where = {**shape, "Location": f"s3://{LAKE}/{month}"}
        glue.create_partition(
            DatabaseName="luca_lake",
            TableName="loads",
            PartitionInput={"Values": values, "StorageDescriptor": where},
        )


def remove(events: Iterable[Mapping[str, Any]]) -> None:
    """Takes events out of the lake, and their partitions with them if nothing is left."""
    gone = {event["event_id"] for event in events}
    glue, s3 = boto3.client("glue"), boto3.client("s3")
    for key in files("lake/behavior_events/"):
        rows = _read(key) if any(_partition(key) == _place(event) for event in events) else None
        if rows is None or not gone & set(rows["event_id"].to_pylist()):
            continue
        kept = rows.filter([event_id not in gone for event_id in rows["event_id"].to_pylist()])
        if kept.num_rows:
            s3.put_object(Bucket=LAKE, Key=key, Body=_parquet(kept))
        else:
            s3.delete_object(Bucket=LAKE, Key=key)
            glue.delete_partition(
                DatabaseName="luca_lake", TableName="behavior_events", PartitionValues=list(_partition(key))
            )


def mart(name: str, *, since: str = "") -> pd.DataFrame:
    """A mart's rows from an ISO week on, as catalog and files say it, without Athena."""
    table = boto3.client("glue").get_table(DatabaseName="luca_marts", Name=name)["Table"]
    keys = [key["Name"] for key in table["PartitionKeys"]]
    columns = [column["Name"] for column in table["StorageDescriptor"]["Columns"]]
    frames = []
    for partition in _partitions("luca_marts", name):
        values = dict(zip(keys, partition["Values"], strict=True))
        if values.get("iso_week", "") >= since:
            prefix = partition["StorageDescriptor"]["Location"].removeprefix(f"s3://{LAKE}/")
            frames += [_read(key).to_pandas().assign(**values) for key in files(prefix)]
    rows = pd.concat(frames, ignore_index=True)[[*columns, *keys]]
    return rows.astype({"graduation_year": int}) if "graduation_year" in keys else rows


def add_column(name: str, column: str) -> None:
    """Gives a mart a column that its model does not have."""
    glue = boto3.client("glue")
    table = glue.get_table(DatabaseName="luca_marts", Name=name)["Table"]
    kept = {key: table[key] for key in ("Name", "TableType", "Parameters", "PartitionKeys")}
    where = {**table["StorageDescriptor"]}
    where["Columns"] = [*where["Columns"], {"Name": column, "Type": "int"}]
    glue.update_table(DatabaseName="luca_marts", TableInput={**kept, "StorageDescriptor": where})


def every_row() -> dict[str, list[str]]:
    """By mart and view, all its rows as text, sorted; not of what a run is building."""
    pages = boto3.client("glue").get_paginator("get_tables").paginate(DatabaseName="luca_marts")
    names = [table["Name"] for page in pages for table in page["TableList"]]
    names = [name for name in names if not name.endswith("__dbt_tmp")]
    found = {
        name: athena.query(f"SELECT * FROM {name}", work_group="luca-dbt", database="luca_marts")
        for name in names
    }
    return {name: sorted(map(str, rows.astype(object).to_numpy().tolist())) for name, rows in found.items()}


def wait_for_queries() -> None:
    """Until Athena has ended what a killed process began."""
    service = boto3.client("athena")
    for query_id in service.list_query_executions(WorkGroup="luca-dbt")["QueryExecutionIds"]:
        while service.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]["Status"]["State"] in (
            "QUEUED",
            "RUNNING",
        ):
            time.sleep(0.02)


def files(prefix: str, *, bucket: str = LAKE) -> dict[str, str]:
    """Keys and ETags of a bucket's objects."""
    pages = boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return {item["Key"]: item["ETag"] for page in pages for item in page.get("Contents", [])}


def spoil(keys: Iterable[str]) -> None:
    """Makes these objects unreadable: whoever reads one fails."""
    for key in keys:
        boto3.client("s3").put_object(Bucket=LAKE, Key=key, Body=b"not Parquet")


def _place(event: Mapping[str, Any]) -> tuple[str, ...]:
    day = event["local_date"]
    return str(event["graduation_year"]), f"{day:%Y}", f"{day:%m}", event["school_id"]


def _partition(key: str) -> tuple[str, ...]:
    return tuple(part.split("=")[1] for part in key.split("/") if "=" in part)


def _read(key: str) -> pa.Table:
    body = boto3.client("s3").get_object(Bucket=LAKE, Key=key)["Body"].read()
    return pq.read_table(io.BytesIO(body))


def _parquet(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file)
    return file.getvalue()


def _partitions(database: str, table: str) -> list[dict[str, Any]]:
    pages = (
        boto3.client("glue").get_paginator("get_partitions").paginate(DatabaseName=database, TableName=table)
    )
    return [partition for page in pages for partition in page["Partitions"]]


def _table_input(table: LakeTable) -> dict[str, Any]:
    hive = "org.apache.hadoop.hive.ql.io.parquet"
    keys = {pa.int32(): "int", pa.string(): "string"}
    return {
        "Name": table.name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"classification": "parquet", "EXTERNAL": "TRUE"},
        "PartitionKeys": [{"Name": name, "Type": keys[kind]} for name, kind in PARTITION_TYPES.items()],
        "StorageDescriptor": {
            "Location": f"s3://{LAKE}/lake/{table.name}/",
            "Columns": [{"Name": column.name, "Type": column.glue_type} for column in table.lake_columns],
            "InputFormat": f"{hive}.MapredParquetInputFormat",
            "OutputFormat": f"{hive}.MapredParquetOutputFormat",
            "SerdeInfo": {"SerializationLibrary": f"{hive}.serde.ParquetHiveSerDe"},
        },
    }

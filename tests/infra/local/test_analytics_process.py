from __future__ import annotations

import subprocess
import sys

import boto3

_GLUE = (
    "import sys; from infra.local.analytics_process import glue; print(glue(), flush=True); sys.stdin.read()"
)


def test_a_partition_is_listed_without_its_columns_if_they_are_not_asked_for():
    with subprocess.Popen(
        [sys.executable, "-c", _GLUE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        glue = boto3.client(
            "glue",
            endpoint_url=child.stdout.readline().strip(),
            region_name="us-east-1",
            aws_access_key_id="x",
            aws_secret_access_key="x",
        )
        described = {"Location": "s3://lake/x/", "Columns": [{"Name": "points", "Type": "int"}]}
        name = {"DatabaseName": "marts", "TableName": "weeks"}
        glue.create_database(DatabaseInput={"Name": "marts"})
        glue.create_table(
            DatabaseName="marts", TableInput={"Name": "weeks", "PartitionKeys": [{"Name": "iso_week"}]}
        )
        glue.create_partition(**name, PartitionInput={"Values": ["2026-W06"], "StorageDescriptor": described})
        (short,) = glue.get_partitions(**name, ExcludeColumnSchema=True)["Partitions"]
        (whole,) = glue.get_partitions(**name)["Partitions"]
        child.stdin.close()
    assert short["StorageDescriptor"] == {"Location": "s3://lake/x/"}
    assert whole["StorageDescriptor"] == described

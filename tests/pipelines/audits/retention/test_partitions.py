from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import boto3
import pytest
from moto import mock_aws

from adapters.aws import client
from pipelines.audits.retention import partitions
from transforms.lake_schema import LAKE_TABLES

pytestmark = pytest.mark.service


@pytest.fixture
def glue(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A catalog with the lake's tables, and no mart yet."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "LUCA_LAKE_DATABASE": "luca_lake",
        "LUCA_MARTS_DATABASE": "luca_marts",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL_GLUE", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client.cache_clear()
        made = boto3.client("glue")
        for database in ("luca_lake", "luca_marts"):
            made.create_database(DatabaseInput={"Name": database})
        columns = [
            ("graduation_year", "int"),
            ("year", "string"),
            ("month", "string"),
            ("school_id", "string"),
        ]
        for table in LAKE_TABLES:
            keys = [{"Name": name, "Type": kind} for name, kind in columns]
            made.create_table(
                DatabaseName="luca_lake",
                TableInput={"Name": table, "PartitionKeys": keys, "StorageDescriptor": {"Columns": []}},
            )
        for year in (0, 2019, 2020, 2021, 2029):
            values = [str(year), "2019", "03", "school_1"]
            made.create_partition(
                DatabaseName="luca_lake",
                TableName="behavior_events",
                PartitionInput={"Values": values, "StorageDescriptor": {"Columns": []}},
            )
        yield made
    client.cache_clear()


def test_partitions_of_cohorts_that_are_over_are_named(glue: Any) -> None:
    (found,) = partitions.findings(date(2023, 6, 1))

    assert (found.check, found.where, found.count) == ("partition-over", "lake/lake/behavior_events", 2)
    assert found.examples == ("2019/2019/03/school_1", "2020/2019/03/school_1")
    assert "'graduation_year > 0 AND graduation_year <= 2020'" in str(found.way_out)


def test_nothing_is_named_before_s3_has_had_its_days(glue: Any) -> None:
    (found,) = partitions.findings(date(2023, 1, 3))
    assert found.count == 1
    assert list(partitions.findings(date(2021, 12, 31))) == []


@pytest.mark.parametrize(("day", "year"), [("2022-12-31", 2019), ("2023-01-01", 2020), ("2024-02-29", 2021)])
def test_the_last_cohort_that_is_over(day: str, year: int) -> None:
    assert partitions.last_year_over(date.fromisoformat(day)) == year

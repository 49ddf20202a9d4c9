"""Retention on the local cloud: rules put by their function, the audit under its role, expiry seen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from adapters import lake
from adapters.aws import client
from adapters.pseudonym_keys import read_keys
from adapters.table import put_school, put_students
from infra.local.cloud import LocalCloud
from infra.local.expiry import expire
from infra.local.state_machines.execution import StateError
from pipelines.audits.retention import history
from pipelines.audits.retention.cohorts import compare
from pipelines.audits.retention.page import pages
from pipelines.audits.retention.run import audit
from pipelines.cli import app
from tests.assumed_role import assumed, forget_clients
from tests.recorded_calls import local_cloud
from transforms.keys import StudentKey
from transforms.lake_schema import BEHAVIOR_EVENTS
from transforms.pseudonyms import Pseudonymizer
from transforms.schools import School
from transforms.students import Student

pytestmark = [pytest.mark.e2e, pytest.mark.local]

NOW = datetime.now(UTC)
COHORT = "lake/behavior_events/graduation_year=2029/year=2026/month=02/school_id=school_1/x.parquet"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """The whole platform, with one school and a student whose time is over."""
    patch = pytest.MonkeyPatch()
    with local_cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        for name, value in cloud.environment.items():
            patch.setenv(name, value)
        patch.setenv("POWERTOOLS_METRICS_DISABLED", "true")
        forget_clients()
        put_school(School("school_1", "UTC"))
        put_students([Student(StudentKey("school_1", "student_zq_1"), 2001)])
        boto3.client("ssm").put_parameter(
            Name="/luca/pseudonym-keys/school_1/v1", Value="A" * 43 + "=", Type="SecureString"
        )
        yield cloud
    patch.undo()
    forget_clients()


def checks(**options: Any) -> set[tuple[str, str]]:
    with assumed("luca-retention-audit"):
        return {(each.check, each.where) for each in audit(now=NOW, **options).findings}


def test_a_day_in_the_life_of_the_rules(cloud: LocalCloud, tmp_path: Path) -> None:
    s3, lake = boto3.client("s3"), cloud.environment["LUCA_LAKE_BUCKET"]
    s3.put_object(Bucket=lake, Key=COHORT, Body=b"rows")
    overdue = ("student-overdue", "school_1")
    assert checks() == {("rule-missing", "lake"), overdue}
    cloud.fire("luca-retention-roll", NOW)
    assert checks() == {overdue}

    rules = s3.get_bucket_lifecycle_configuration(Bucket=lake)["Rules"]
    kept = [rule for rule in rules if rule["ID"] != "behavior_events-2029"]
    (later,) = (rule for rule in kept if rule["ID"] == "behavior_events-2030")
    later["Expiration"] = {"Date": datetime(2099, 1, 1, tzinfo=UTC)}
    s3.put_bucket_lifecycle_configuration(Bucket=lake, LifecycleConfiguration={"Rules": kept})
    boto3.client("logs").put_retention_policy(logGroupName="/luca/api", retentionInDays=365)
    boto3.client("sqs").create_queue(QueueName="luca-experiment")
    s3.put_object(Bucket=lake, Key="tmp/x", Body=b"")
    assert checks(compare_cohorts=False) == {
        ("rule-missing", "lake"),
        ("rule-changed", "lake"),
        ("log-group-too-long", "/luca/api"),
        ("queue-unregistered", "luca-experiment"),
        ("unregistered", "lake"),
    }
    done = CliRunner().invoke(app, ["audit", "retention", "--no-cohorts", "--out", str(tmp_path / "a.html")])
    assert done.exit_code == 3
    assert "behavior_events-2029" in (tmp_path / "a.html").read_text()

    assert CliRunner().invoke(app, ["retention", "roll"]).exit_code == 0
    assert not {("rule-missing", "lake"), ("rule-changed", "lake")} & checks(compare_cohorts=False)
    expire(s3, datetime(2031, 12, 31, tzinfo=UTC), [lake])
    assert COHORT in [each["Key"] for each in s3.list_objects_v2(Bucket=lake)["Contents"]]
    expire(s3, datetime(2032, 1, 9, tzinfo=UTC), [lake])
    assert not s3.list_object_versions(Bucket=lake, Prefix=COHORT).get("Versions")


@pytest.mark.slow
def test_its_schedule_runs_the_audit_as_a_task_that_tells_its_metrics(cloud: LocalCloud) -> None:
    before = len(history.earlier())
    with pytest.raises(StateError, match="container audit ended with 3"):  # critical, as before
        cloud.fire("luca-audit-retention", NOW)
    assert len(history.earlier()) == before + 1
    (log,) = (cloud.state_dir / "logs").glob("luca-retention-audit-*.log")
    assert '"RetentionCriticalFindings"' in log.read_text()


def test_the_reports_hold_no_student_and_become_a_history(cloud: LocalCloud) -> None:
    with assumed("luca-retention-audit"):
        done = audit(now=NOW)
        before = len(history.earlier())
        written = pages(done, history.earlier(), history.INDEX)
        history.keep(done, written)
        assert len(history.earlier()) == before + 1
    for page in written.values():
        assert "student_zq_1" not in page
        assert "student-overdue" in page


@pytest.mark.slow
def test_rows_of_another_cohort_are_moved_by_their_role_and_the_audit_finds_them_no_more(
    cloud: LocalCloud,
) -> None:
    put_students([Student(StudentKey("school_2", "student_zq_2"), 2030)])
    client("ssm").put_parameter(
        Name="/luca/pseudonym-keys/school_2/v1", Value="B" * 43 + "=", Type="SecureString"
    )
    (key,) = read_keys("school_2")
    named = {"student_key": Pseudonymizer(key).student("student_zq_2"), "load_id": "l"}
    rows = [{**named, "event_id": str(number), "local_date": NOW.date()} for number in range(3)]
    old, new = ((year, "2026", "02", "school_2") for year in ("2029", "2030"))
    place, sink = lake.partition_path("behavior_events", old), pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, BEHAVIOR_EVENTS.lake_schema), sink)
    bucket = cloud.environment["LUCA_LAKE_BUCKET"]
    lake.write(bucket, f"{place}x.parquet", sink.getvalue().to_pybytes())
    lake.register_partitions("behavior_events", {old: place})

    with assumed("luca-rehome"):
        told = CliRunner().invoke(app, ["retention", "rehome", "--school", "school_2", "--apply"]).output
        for refused in (
            lambda: client("s3").put_object(Bucket=bucket, Key="marts/x", Body=b""),
            lambda: client("s3").put_object(Bucket=bucket, Key="lake/loads/x", Body=b""),
            lambda: client("dynamodb").get_item(
                TableName="luca-platform",
                Key={"PK": {"S": "TENANT#school_2#STUDENT#student_zq_2"}, "SK": {"S": "PROFILE"}},
            ),
        ):
            with pytest.raises(ClientError, match="AccessDenied"):
                refused()
    assert "3 rows moved" in told
    assert "behavior_events: 3 rows of these schools before and after" in told
    assert f"luca trends --since {NOW.date()}" in told
    with assumed("luca-retention-audit"):
        assert next(compare(["school_2"])).elsewhere == ()
    assert lake.partition_locations("behavior_events", [old, new]) == {
        values: lake.partition_path("behavior_events", values, number)
        for values, number in ((old, 1), (new, 0))
    }
    assert (
        CliRunner().invoke(app, ["retention", "rehome", "--school", "school_2"]).output.count("0 rows") == 1
    )

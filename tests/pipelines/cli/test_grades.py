from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws
from typer.testing import CliRunner

from adapters.academic_table import academic_config, put_academic_config
from adapters.aws import client
from adapters.grade_queue import ConsolidationOrder
from adapters.table import put_items, put_school
from infra.local.children import REPOSITORY
from lambdas.grade_consolidator import consolidate_school
from pipelines.cli import grades
from transforms.academic_items import Evaluation
from transforms.keys import StudentKey
from transforms.periods import AcademicConfig, GradingRules, InvalidAcademicConfigError, Period
from transforms.schools import School

pytestmark = pytest.mark.service

Q1 = Period("Q1_2026", date(2026, 1, 15), date(2026, 4, 15))
CONFIG = AcademicConfig(
    "school_1", 1, [Q1], {"*": GradingRules({"exam": Decimal("0.7"), "quiz": Decimal("0.3")})}
)


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The table of the template and the job's queue, played by moto, with one school."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "LUCA_"))]:
        monkeypatch.delenv(name)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "LUCA_TABLE": "luca-platform",
    }.items():
        monkeypatch.setenv(name, value)
    template = yaml.load((REPOSITORY / "infra/store.yaml").read_text(), yaml.BaseLoader)
    declared = template["Resources"]["Table"]["Properties"]
    wanted = ("TableName", "KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes", "BillingMode")
    with mock_aws():
        client.cache_clear()
        boto3.client("dynamodb").create_table(**{name: declared[name] for name in wanted})
        queue = boto3.client("sqs").create_queue(QueueName="luca-grades")
        monkeypatch.setenv("LUCA_GRADES_QUEUE", queue["QueueUrl"])
        put_school(School("school_1", "America/Mexico_City"))
        put_academic_config(CONFIG)
        yield
    client.cache_clear()


def evaluation(name: str = "exam_1", score: int = 80, **changes: Any) -> Evaluation:
    fields: dict[str, Any] = {
        "subject": "matematicas",
        "period": "Q1_2026",
        "type": name.partition("_")[0],
        "date": date(2026, 2, 15),
        "teacher_id": "teacher_789",
        "recorded_at": "2026-02-15T18:00:00.000Z",
        "correlation_id": "d",
        **changes,
    }
    return Evaluation(StudentKey("school_1", "ana"), evaluation_id=name, score=Decimal(score), **fields)


def luca(*arguments: str) -> str:
    """What `luca grades …` prints."""
    done = CliRunner().invoke(grades.app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal on which tables are not cut."""
    monkeypatch.setattr(grades.console, "width", 200)


def night() -> None:
    consolidate_school(ConsolidationOrder(school_id="school_1", run_id="r"), lambda: False)


def orders() -> list[str]:
    queue = boto3.client("sqs").get_queue_url(QueueName="luca-grades")["QueueUrl"]
    messages = boto3.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    return sorted(json.loads(message["Body"])["school_id"] for message in messages)


def test_run_orders_every_school_or_those_that_are_named() -> None:
    put_school(School("school_2", "Europe/Madrid"))
    luca("run", "--wait", "0")
    assert orders() == ["school_1", "school_2"]
    luca("run", "--wait", "0", "--school", "school_2", "--school", "school_2")
    assert orders() == ["school_2"]


def test_run_does_not_wait_for_ever() -> None:
    with pytest.raises(grades.NightNotOverError, match="1 orders were left after 1 s"):
        luca("run", "--wait", "1")


def test_show_explains_a_grade_by_its_parts_and_evaluations() -> None:
    assert not put_items(
        each.item() for each in (evaluation(score=81), evaluation("quiz_1", 100), evaluation("project_1"))
    )
    night()
    shown = luca("show", "school_1", "ana", "--evaluations")
    for words in ("86.7", "yes", "exam 81 × 0.7 (1)", "quiz 100 × 0.3 (1)", "unweighted_type 1"):
        assert words in shown
    assert "counted" in shown
    assert "pending" in shown
    assert "has no grades" in luca("show", "school_1", "ben")


def test_pending_says_what_evaluations_wait_for() -> None:
    assert "nothing of school school_1 waits" in luca("pending", "school_1")
    assert not put_items(each.item() for each in (evaluation(), evaluation("exam_2", period="S1")))
    shown = luca("pending", "school_1")
    assert "the next night" in shown
    assert "unknown_period" in shown


def test_rules_are_shown_and_set_with_exact_numbers(tmp_path: Path) -> None:
    assert '"exam": "0.7"' in luca("rules", "school_1")
    given = {"periods": [], "grading_rules": {"*": {"weights": {"exam": 0.1, "quiz": 0.2, "homework": 0.7}}}}
    file = tmp_path / "rules.json"
    file.write_text(json.dumps(given))
    assert "v2" in luca("rules", "school_1", "--set", str(file))
    stored = academic_config("school_1")
    assert stored is not None
    assert (stored.version, stored.rules("x")) == (
        2,
        GradingRules({"exam": Decimal("0.1"), "quiz": Decimal("0.2"), "homework": Decimal("0.7")}),
    )
    assert "set them with --set" in luca("rules", "school_9")
    file.write_text(json.dumps({**given, "grading_rules": {"*": {"weights": {"exam": 0.1}}}}))
    with pytest.raises(InvalidAcademicConfigError, match=r"sum to 0\.1:"):
        luca("rules", "school_1", "--set", str(file))

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws

from adapters import academic_table
from adapters.academic_table import (
    StaleVersionError,
    academic_config,
    pending_evaluations,
    put_academic_config,
    read_group,
    student_grades,
    write_consolidation,
)
from adapters.aws import client
from adapters.school_register import school_ids, time_zones
from adapters.table import put_items, put_school
from infra.local.children import REPOSITORY
from transforms.academic_items import Evaluation
from transforms.consolidation import Consolidation, consolidate
from transforms.keys import GroupKey, StudentKey
from transforms.periods import AcademicConfig, GradingRules, Period
from transforms.schools import School

pytestmark = pytest.mark.service

ANA = StudentKey("school_1", "ana")
GROUP = GroupKey(ANA, "matematicas", "Q1_2026")
Q1 = Period("Q1_2026", date(2026, 1, 15), date(2026, 4, 15))
RULES = GradingRules({"exam": Decimal("0.7"), "quiz": Decimal("0.3")})
CONFIG = AcademicConfig("school_1", 1, [Q1], {"*": RULES})


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The table of the template, played by moto."""
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
        yield
    client.cache_clear()


def evaluation(name: str, score: int = 80, student: StudentKey = ANA, **changes: Any) -> Evaluation:
    fields: dict[str, Any] = {
        "subject": "matematicas",
        "period": "Q1_2026",
        "type": "exam",
        "date": date(2026, 2, 15),
        "teacher_id": "teacher_789",
        "recorded_at": "2026-02-15T18:00:00.000Z",
        "correlation_id": "d",
        **changes,
    }
    return Evaluation(student, evaluation_id=name, score=Decimal(score), **fields)


def record(*evaluations: Evaluation) -> None:
    assert not put_items(each.item() for each in evaluations)


def decide() -> Consolidation:
    previous, evaluations = read_group(GROUP)
    return consolidate(
        GROUP,
        previous,
        evaluations,
        period=Q1,
        rules=RULES,
        rules_version=1,
        now="2026-02-16T08:00:00.000Z",
        correlation_id="r",
    )


def pending(after: str | None = None) -> list[str | None]:
    return [each.evaluation_id for each in pending_evaluations("school_1", after)]


# Configuration


def test_each_version_of_a_configuration_stays_and_the_last_one_holds() -> None:
    assert academic_config("school_1") is None
    second = replace(CONFIG, version=2, periods=[])
    put_academic_config(CONFIG)
    put_academic_config(second)
    assert academic_config("school_1") == second
    items = boto3.resource("dynamodb").Table("luca-platform").scan()["Items"]
    assert sorted(item["SK"] for item in items) == ["PERIODS", "PERIODS#v000001", "PERIODS#v000002"]


def test_the_same_configuration_twice_is_taken() -> None:
    put_academic_config(CONFIG)
    put_academic_config(CONFIG)
    assert academic_config("school_1") == CONFIG


@pytest.mark.parametrize("version", [1, 3])
def test_a_change_that_does_not_follow_the_current_version_is_refused(version: int) -> None:
    put_academic_config(CONFIG)
    with pytest.raises(StaleVersionError, match=f"at version 1, not {version - 1}: .* give it version 2"):
        put_academic_config(replace(CONFIG, version=version, periods=[]))
    assert academic_config("school_1") == CONFIG


# What is pending


def test_pending_evaluations_come_page_by_page_with_those_of_a_group_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(academic_table, "ENTRIES_A_PAGE", 2)
    # '-' and digits sort around '#': a student whose name begins with another's must not come between.
    students = [StudentKey("school_1", name) for name in ("ana", "ana-b", "ana0", "an")]
    record(*(evaluation(f"exam_{number}", student=each) for number in range(3) for each in students))
    record(evaluation("exam_9", student=StudentKey("school_12", "ana")))
    found = list(pending_evaluations("school_1"))
    order = [each.group.student.student_id for each in found]
    assert len(found) == 12
    assert len([one for one, two in zip(order, [None, *order], strict=False) if one != two]) == 4


def test_a_reading_may_begin_after_an_entry_that_is_pending_no_more() -> None:
    record(*(evaluation(f"exam_{number}") for number in range(4)))
    assert pending("ana#matematicas#Q1_2026#exam_1") == ["exam_2", "exam_3"]
    record(replace(evaluation("exam_1"), consolidated=True))
    assert pending("ana#matematicas#Q1_2026#exam_1") == ["exam_2", "exam_3"]
    assert pending("ana#matematicas#Q1_2026#exam_3") == []


# Writing


def test_a_decision_is_not_written_over_a_score_that_came_meanwhile() -> None:
    first = evaluation("exam_1")
    record(first)
    decided = decide()
    record(first.corrected(score=Decimal(10), recorded_at=first.recorded_at, correlation_id="e"))
    assert not write_consolidation(decided)
    assert read_group(GROUP)[0] is None
    assert pending() == ["exam_1"]
    assert write_consolidation(decide())
    assert pending() == []


def test_of_two_decisions_on_one_reading_only_the_first_is_written() -> None:
    record(evaluation("exam_1"))
    one, two = decide(), decide()
    assert write_consolidation(one)
    assert not write_consolidation(two)
    (grade,) = student_grades(ANA)
    assert (grade.version, grade.calculation) == (1, 1)


def test_a_slower_job_does_not_write_after_one_that_changed_nothing() -> None:
    first = evaluation("exam_1")
    record(first)
    assert write_consolidation(decide())
    wrong = first.corrected(score=Decimal(10), recorded_at=first.recorded_at, correlation_id="e")
    record(wrong, evaluation("exam_2", deleted=True))
    slower = decide()
    assert slower.changed
    record(wrong.corrected(score=first.score, recorded_at=first.recorded_at, correlation_id="f"))
    faster = decide()
    assert not faster.changed
    assert write_consolidation(faster)
    # Only the grade's counter tells: without the slower one's mark nothing else stands in its way.
    assert not write_consolidation(replace(slower, marks=[]))
    (grade,) = student_grades(ANA)
    assert grade.consolidated_score == Decimal(80)


def test_an_unchanged_grade_keeps_all_but_when_it_was_calculated() -> None:
    first = evaluation("exam_1")
    record(first)
    assert write_consolidation(decide())
    table = boto3.resource("dynamodb").Table("luca-platform")
    key = {"PK": "TENANT#school_1#STUDENT#ana", "SK": "GRADE#matematicas#Q1_2026"}
    before = table.get_item(Key=key)["Item"]
    record(first.corrected(recorded_at=first.recorded_at, correlation_id="e"))
    assert write_consolidation(decide())
    assert table.get_item(Key=key)["Item"] == {**before, "calculation": 2}


def test_grades_of_a_student_come_by_subject_and_period() -> None:
    record(evaluation("exam_1"))
    assert write_consolidation(decide())
    record(evaluation("exam_1", student=StudentKey("school_1", "ana0")))
    assert [(each.subject, each.period) for each in student_grades(ANA)] == [("matematicas", "Q1_2026")]


# The register of schools


def test_every_school_that_was_created_is_in_the_register_with_its_zone_as_it_is_now() -> None:
    put_school(School("school_1", "America/Mexico_City"))
    put_school(School("school_2", "Europe/Madrid"))
    put_school(School("school_1", "America/Bogota", version=2))
    assert list(school_ids()) == ["school_1", "school_2"]
    assert time_zones([*school_ids(), "school_9"]) == {
        "school_1": "America/Bogota",
        "school_2": "Europe/Madrid",
    }


def test_the_zones_of_more_schools_than_one_call_takes_are_all_read() -> None:
    schools = [School(f"school_{number}", "Europe/Madrid") for number in range(120)]
    assert not put_items(each.item() for each in schools)
    assert len(time_zones(each.school_id for each in schools)) == 120

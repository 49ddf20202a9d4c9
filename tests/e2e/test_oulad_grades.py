"""Real records: every grade of the nightly job against one that pandas computes from the same files."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterator
from decimal import Decimal

import pandas as pd
import pytest
from boto3.dynamodb.types import TypeDeserializer

from adapters.academic_table import pending_evaluations, put_academic_config
from adapters.aws import client
from adapters.grade_queue import ConsolidationOrder
from adapters.table import put_items
from infra.local.children import REPOSITORY
from infra.local.cloud import LocalCloud
from lambdas.grade_consolidator import Report, consolidate_school
from pipelines.simulation.oulad_grades import academic_records
from tests.e2e.oulad_records import GROUP, OULAD, PAGE, Tables, computed_grades, records_or_skip
from tests.recorded_calls import local_cloud

pytestmark = [pytest.mark.local, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def tables() -> Tables:
    return records_or_skip()


@pytest.fixture(scope="module")
def cloud(tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    patch = pytest.MonkeyPatch()
    store = [REPOSITORY / "infra" / "store.yaml"]
    with local_cloud(tmp_path_factory.mktemp("oulad"), templates=store) as running:
        for name in [name for name in os.environ if name.startswith(("AWS_", "LUCA_"))]:
            patch.delenv(name)
        for name, value in running.environment.items():
            patch.setenv(name, value)
        client.cache_clear()
        yield running
    patch.undo()
    client.cache_clear()


def night(module: str) -> Report:
    order = ConsolidationOrder(school_id=module, run_id=str(uuid.uuid4()))
    return consolidate_school(order, lambda: False)


def stored_grades(module: str) -> pd.DataFrame:
    """The grades in the store, read in one go and with boto3's own deserializer."""
    pages = (
        client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName="luca-platform",
            FilterExpression="begins_with(SK, :grade) AND begins_with(PK, :school)",
            ExpressionAttributeValues={
                ":grade": {"S": "GRADE#"},
                ":school": {"S": f"TENANT#{module}#"},
            },
        )
    )
    plain = TypeDeserializer().deserialize
    items = [{name: plain(value) for name, value in item.items()} for page in pages for item in page["Items"]]
    rows = [
        {
            "code_module": module,
            "code_presentation": item["SK"].split("#")[2],
            "id_student": int(item["PK"].split("#")[3]),
            "score": None if "consolidated_score" not in item else float(item["consolidated_score"]),
            "evaluations": int(item["evaluations_count"]),
            "passed": item.get("passed"),
            "version": int(item["version"]),
        }
        for item in items
    ]
    return pd.DataFrame(rows).set_index(GROUP).sort_index()


@pytest.mark.parametrize(
    "module",
    ["AAA", *(pytest.param(module, marks=pytest.mark.slow) for module in ("BBB", "CCC", "DDD", "EEE"))],
)
def test_every_grade_of_a_module_is_the_one_that_pandas_computes(
    cloud: LocalCloud, tables: Tables, module: str
) -> None:
    records = academic_records(OULAD, [module])
    for config in records.configs:
        put_academic_config(config)
    assert not put_items(evaluation.item() for evaluation in records.evaluations())
    report = night(module)
    assert (report.unplaced, report.faulty, report.postponed, report.waiting) == ({}, {}, 0, 0)
    assert report.consolidated == len(records.marked)
    assert list(pending_evaluations(module)) == []

    stored, computed = stored_grades(module), computed_grades(tables, module)
    assert len(stored) == len(computed) == report.written
    pd.testing.assert_series_equal(
        stored["evaluations"],
        computed["evaluations"],
        check_dtype=False,
        check_names=False,
        check_index_type=False,
    )
    pd.testing.assert_series_equal(
        stored["score"].astype("float64"),
        computed["score"],
        check_names=False,
        check_index_type=False,
        rtol=0,
        atol=1e-9,
    )
    graded = stored["score"].notna()
    assert (stored.loc[graded, "passed"] == (stored.loc[graded, "score"] >= 40)).all()
    assert stored.loc[~graded, "passed"].isna().all()
    assert set(stored["version"]) == {1}

    dated = records.marked.merge(tables.course)
    outside = (dated["date_submitted"] < 0) | (dated["date_submitted"] >= dated["module_presentation_length"])
    assert report.dated_outside == int(outside.sum())

    again = night(module)
    assert (again.written, again.unchanged, again.consolidated) == (0, 0, 0)


def test_what_the_data_leaves_open_is_what_the_page_says(tables: Tables) -> None:
    handed_in, assessment = tables.handed_in, tables.assessment
    exams = assessment[assessment["assessment_type"] == "Exam"]
    used = set(handed_in["id_assessment"])
    sums = assessment.groupby(["code_module", "code_presentation"])["weight"].sum()
    dated = handed_in.merge(tables.course)
    late = dated["date_submitted"] >= dated["module_presentation_length"]
    marked = handed_in.dropna(subset=["score"])
    weights = marked.groupby(GROUP)["weight"].sum()
    graded = marked.groupby(GROUP).size().reset_index()
    counts = {
        "presentations": assessment.groupby("code_module")["code_presentation"].nunique(),
        "evaluations": marked.groupby("code_module").size(),
        "grades": graded.groupby("code_module").size(),
        "without a mark": handed_in[handed_in["score"].isna()].groupby("code_module").size(),
        "banked": handed_in[handed_in["is_banked"]].groupby("code_module").size(),
        "before the start": dated[dated["date_submitted"] < 0].groupby("code_module").size(),
        "after the end": dated[late].groupby("code_module").size(),
        "exams": exams.groupby("code_module").size(),
        "exams without records": exams[~exams["id_assessment"].isin(used)].groupby("code_module").size(),
        "weights sum to": sums.groupby("code_module").max(),
        "no grade": weights[weights == 0].groupby("code_module").size(),
    }
    expected = pd.DataFrame(counts).fillna(0).astype(int)
    rows = [
        [cell.strip() for cell in line.strip("|\n").split("|")]
        for line in PAGE.read_text().splitlines()
        if re.match(r"\| (what|[a-z ]+) \|", line)
    ]
    said = {name: [int(Decimal(cell.replace(",", ""))) for cell in cells] for name, *cells in rows[1:]}
    assert rows[0][1:] == list(expected.index)
    assert said == {name: expected[name].tolist() for name in expected}

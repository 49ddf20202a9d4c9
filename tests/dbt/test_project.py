from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from pipelines.trends import dictionary
from tests.dbt import cloud
from transforms.events import EVENT_TYPES, STATUSES
from transforms.lake_schema import LAKE_TABLES, PARTITION_TYPES

SUMMED = (
    "weekly_student_behavior",
    "weekly_school_behavior",
    "weekly_cohort_behavior",
    "weekly_class_behavior",
)
MAKE_DOCS = ("docs", "generate", "--static", "--empty-catalog", "--no-compile")
OF_STUDENTS = ("weekly_student_behavior", "weekly_student_trends", "early_warnings", "student_period_grades")


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What dbt makes of the project and its docs, where no cloud is."""
    work = tmp_path_factory.mktemp("dbt")
    done = cloud.dbt(work, *MAKE_DOCS)
    assert done.returncode == 0, done.stdout
    return work


@pytest.fixture(scope="module")
def manifest(read: Path) -> dict[str, Any]:
    """The project as dbt reads it."""
    return json.loads((read / "manifest.json").read_text())


@pytest.fixture(scope="module")
def models(manifest: dict[str, Any]) -> dict[str, Any]:
    return {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "model"}


@pytest.mark.parametrize("table", LAKE_TABLES.values(), ids=lambda table: table.name)
def test_a_source_has_the_columns_types_and_meanings_of_the_lake_schema(manifest, table):
    columns = manifest["sources"][f"source.luca.lake.{table.name}"]["columns"]

    assert list(columns) == [*(column.name for column in table.lake_columns), *PARTITION_TYPES]
    described = {name: column["description"].strip() for name, column in columns.items()}
    meanings = {column.name: column.meaning for column in (*table.columns, *table.lake_columns)}
    assert {name: described[name] for name in described if name in meanings} == {
        name: meanings[name] for name in described if name in meanings
    }
    assert {column.name: columns[column.name]["data_type"] for column in table.lake_columns} == {
        column.name: column.glue_type for column in table.lake_columns
    }


def test_the_docs_are_made_without_a_cloud_and_lead_from_the_lake_to_the_readers(read, manifest):
    assert " ".join(MAKE_DOCS) in (cloud.ROOT / "Makefile").read_text()
    page = (read / "static_index.html").read_text()

    behind = manifest["parent_map"]
    assert "model.luca.weekly_class_behavior" in behind["exposure.luca.school_reports"]
    assert behind["model.luca.weekly_class_behavior"].count("model.luca.stg_behavior_events") == 1
    assert behind["model.luca.stg_behavior_events"] == ["source.luca.lake.behavior_events"]
    assert all(exposure in page for exposure in manifest["exposures"])
    assert len(manifest["exposures"]) >= 20


def test_every_source_says_how_fresh_it_must_be(manifest):
    assert all(source["freshness"]["warn_after"]["count"] for source in manifest["sources"].values())


def test_every_model_and_column_is_described(manifest, models):
    nodes = [*models.values(), *manifest["sources"].values()]
    assert all(node["description"].strip() for node in nodes)
    silent = [
        f"{node['name']}.{column['name']}"
        for node in nodes
        for column in node["columns"].values()
        if not column["description"].strip()
    ]
    assert silent == []


def test_every_model_enforces_a_contract_on_typed_columns(models):
    for model in models.values():
        assert model["config"]["contract"]["enforced"], model["name"]
        assert all(column["data_type"] for column in model["columns"].values()), model["name"]


@pytest.fixture(scope="module")
def marts(models: dict[str, Any]) -> dict[str, Any]:
    return {name: model for name, model in models.items() if "marts" in model["fqn"]}


def test_what_is_published_has_no_pseudonym_and_nothing_that_is_told_of_single_rows(models):
    public = {name: model for name, model in models.items() if model["fqn"][1] == "public"}
    assert len(public) == 4
    told = {"student_key", "row_count", "first_load_id", "last_load_id", "as_of", "event_count"}
    assert all(name.startswith("public_") for name in public)
    assert not any(told & set(model["columns"]) for model in public.values())


def test_every_published_total_is_computed_from_published_cells_alone(models):
    for name, model in models.items():
        if model["fqn"][1] == "public" and name != "public_weekly_cohort_behavior":
            sources = model["depends_on"]["nodes"]
            assert sources, name
            assert all(source.startswith("model.luca.public_") for source in sources), name


def test_a_mart_counts_each_event_type_and_status_of_the_contract(models):
    for name in SUMMED:
        assert {f"{kind}_count" for kind in (*EVENT_TYPES, *STATUSES)} <= set(models[name]["columns"])


def test_the_cohort_stands_first_in_the_path_so_that_a_lifecycle_rule_finds_it(marts):
    of_students = {name: mart for name, mart in marts.items() if "student_key" in mart["columns"]}
    assert set(of_students) == set(OF_STUDENTS)
    assert {mart["config"]["partitioned_by"][0] for mart in of_students.values()} == {"graduation_year"}


def test_a_school_has_folders_of_its_own_in_every_student_mart_so_that_its_role_can_be_told_to_stay_there(
    marts,
):
    assert {marts[name]["config"]["partitioned_by"][-1] for name in OF_STUDENTS} == {"school_id"}


def test_every_mart_says_what_stands_behind_its_rows(marts):
    for name, mart in marts.items():
        assert {"row_count", "first_load_id", "last_load_id", "as_of"} <= set(mart["columns"]), name


def test_every_column_has_a_unit(manifest, models):
    silent = [
        f"{node['name']}.{column['name']}"
        for node in (*models.values(), *manifest["sources"].values())
        for column in node["columns"].values()
        if not column["config"]["meta"].get("unit")
    ]
    assert silent == []


def test_the_dictionary_is_that_of_the_project(manifest):
    made = dictionary.page(manifest)

    assert (cloud.ROOT / "docs" / "data-dictionary.md").read_text() == made
    assert "| `school_id` | string, *partition* | identifier |" in made


def test_every_mart_is_tested_for_its_key_and_its_rules(manifest, marts):
    tested = {name: set() for name in marts}
    for node in manifest["nodes"].values():
        if node["resource_type"] == "test" and (mart := str(node["attached_node"]).split(".")[-1]) in tested:
            tested[mart].add(node["test_metadata"]["name"])
    assert all({"unique_combination", "always"} <= kinds for kinds in tested.values()), tested
    assert all("adds_up_to" in tested[name] for name in (*SUMMED, "weekly_student_trends"))


def test_a_rule_of_early_warning_looks_at_a_measure_that_there_is(models):
    rules = models["early_warning_rules"]["raw_code"]
    measures = re.findall(r"'(\w+)', '(\w+)', 'at_(?:least|most)'", rules)
    macro = (cloud.ROOT / "dbt" / "macros" / "warning_measures.sql").read_text()
    assert len(measures) == rules.count("'at_") >= 6
    for rule, measure in measures:
        assert f"'{measure}':" in macro, rule
        assert measure in models["weekly_student_trends"]["columns"], rule

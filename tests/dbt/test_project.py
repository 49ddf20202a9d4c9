from __future__ import annotations

import json
from typing import Any

import pytest

from tests.dbt import cloud
from transforms.events import EVENT_TYPES, STATUSES
from transforms.lake_schema import LAKE_TABLES, PARTITION_TYPES

MARTS = ("weekly_student_behavior", "weekly_school_behavior")


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The project as dbt reads it."""
    work = tmp_path_factory.mktemp("dbt")
    done = cloud.dbt(work, "parse")
    assert done.returncode == 0, done.stdout
    return json.loads((work / "manifest.json").read_text())


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


def test_a_mart_counts_each_event_type_and_status_of_the_contract(models):
    for name in MARTS:
        assert {f"{kind}_count" for kind in (*EVENT_TYPES, *STATUSES)} <= set(models[name]["columns"])


def test_the_cohort_stands_first_in_the_path_so_that_a_lifecycle_rule_finds_it(manifest, models):
    assert models["weekly_student_behavior"]["config"]["partitioned_by"] == ["graduation_year", "iso_week"]


def test_every_mart_is_tested_for_its_key_its_gaps_its_rules_and_its_sums(manifest):
    for mart in MARTS:
        kinds = {
            node["test_metadata"]["name"]
            for node in manifest["nodes"].values()
            if node["resource_type"] == "test" and node["attached_node"] == f"model.luca.{mart}"
        }
        assert {"unique_combination", "never_null", "always", "adds_up_to"} <= kinds

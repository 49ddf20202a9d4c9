from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from transforms.lake_schema import LAKE_TABLES, PARTITION_KEYS, PARTITION_TYPES, Column, LakeTable

TEMPLATE = Path(__file__).parents[2] / "infra" / "lake.yaml"


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms as their arguments."""


def _argument(loader: yaml.SafeLoader, _tag: str, node: yaml.Node) -> object:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    assert isinstance(node, yaml.SequenceNode)
    return loader.construct_sequence(node)


_Loader.add_multi_constructor("!", _argument)

RESOURCES = yaml.load(TEMPLATE.read_text(), _Loader)["Resources"]


def glue_table(database: str, table: LakeTable) -> dict[str, Any]:
    (found,) = (
        resource["Properties"]["TableInput"]
        for resource in RESOURCES.values()
        if resource["Type"] == "AWS::Glue::Table"
        and resource["Properties"]["DatabaseName"] == database
        and resource["Properties"]["TableInput"]["Name"] == table.name
    )
    return dict(found)


def as_glue(columns: tuple[Column, ...]) -> list[tuple[str, str]]:
    return [(column.name, column.glue_type) for column in columns]


def declared(columns: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(column["Name"], column["Type"]) for column in columns]


@pytest.mark.parametrize("table", LAKE_TABLES.values(), ids=LAKE_TABLES)
def test_the_template_declares_the_landing_table_of_the_contract(table: LakeTable) -> None:
    glue = glue_table("LandingDatabase", table)
    assert declared(glue["StorageDescriptor"]["Columns"]) == as_glue(table.columns)


@pytest.mark.parametrize("table", LAKE_TABLES.values(), ids=LAKE_TABLES)
def test_the_template_declares_the_lake_table_of_the_contract(table: LakeTable) -> None:
    glue = glue_table("LakeDatabase", table)
    assert declared(glue["StorageDescriptor"]["Columns"]) == as_glue(table.lake_columns)
    keys = tuple(Column(name, PARTITION_TYPES[name], "") for name in PARTITION_KEYS)
    assert declared(glue["PartitionKeys"]) == as_glue(keys)


@pytest.mark.parametrize("table", LAKE_TABLES.values(), ids=LAKE_TABLES)
def test_every_table_has_its_identity_and_day_among_its_columns(table: LakeTable) -> None:
    assert {table.identity, table.day} <= set(table.landing_schema.names)
    assert all(column.meaning for column in table.lake_columns)


def test_no_column_can_hold_a_raw_identifier() -> None:
    for table in LAKE_TABLES.values():
        assert not {"student_id", "teacher_id", "name", "email", "comment"} & set(table.landing_schema.names)

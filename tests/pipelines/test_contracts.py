"""The released contracts: the code keeps them, and a release that breaks them is refused."""

from __future__ import annotations

import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.contracts import FOLDER, ContractRefusedError, release, released
from transforms.lake_contract import contract_of, differences
from transforms.lake_schema import BEHAVIOR_EVENTS, LAKE_TABLES, Column, LakeTable

ROOM = Column("room", pa.string(), "Where it happened", since=2)
WITH_ROOM = replace(BEHAVIOR_EVENTS, version=2, columns=(*BEHAVIOR_EVENTS.columns, ROOM))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the first version of a contract."""
    release(BEHAVIOR_EVENTS, tmp_path)
    return tmp_path


@pytest.mark.parametrize("table", LAKE_TABLES.values(), ids=LAKE_TABLES)
def test_the_code_keeps_the_last_released_contract(table: LakeTable) -> None:
    last = released(table.name)[-1]
    found = differences(last, contract_of(table))
    assert not found, "raise its CONTRACT_VERSION and run `make contract-release`; docs/schema-evolution.md"
    assert contract_of(table) == last


@pytest.mark.parametrize("table", LAKE_TABLES)
def test_no_released_version_broke_the_one_before(table: str) -> None:
    contracts = released(table)
    assert [contract.version for contract in contracts] == list(range(1, len(contracts) + 1))
    for before, after in pairwise(contracts):
        assert all(difference.compatible for difference in differences(before, after))


def test_every_released_file_is_of_a_table() -> None:
    assert {file.name.split(".")[0] for file in FOLDER.iterdir()} == set(LAKE_TABLES)


def test_a_release_writes_the_next_version_beside_the_others(folder: Path) -> None:
    assert release(WITH_ROOM, folder) == ["room string is new: null in rows of before"]
    assert [contract.version for contract in released("behavior_events", folder)] == [1, 2]
    assert release(WITH_ROOM, folder) == []


def test_a_version_is_not_released_twice_with_other_words(folder: Path) -> None:
    reworded = replace(BEHAVIOR_EVENTS.columns[-3], meaning="Minutes from UTC")
    columns = (*BEHAVIOR_EVENTS.columns[:-3], reworded, *BEHAVIOR_EVENTS.columns[-2:])
    with pytest.raises(ContractRefusedError, match="says version 1, released is 1: set its CONTRACT_VERSION"):
        release(replace(BEHAVIOR_EVENTS, columns=columns), folder)
    assert len(list(folder.iterdir())) == 1


def test_an_incompatible_release_is_refused_and_nothing_is_written(folder: Path) -> None:
    lost = replace(BEHAVIOR_EVENTS, version=2, columns=BEHAVIOR_EVENTS.columns[:-2])
    with pytest.raises(ContractRefusedError, match="behavior_events breaks its contract: correlation_id is"):
        release(lost, folder)
    assert [file.name for file in folder.iterdir()] == ["behavior_events.v1.json"]


def test_a_version_is_not_left_out(folder: Path) -> None:
    with pytest.raises(ContractRefusedError, match="says version 3, released is 1"):
        release(
            replace(WITH_ROOM, version=3, columns=(*BEHAVIOR_EVENTS.columns, replace(ROOM, since=3))), folder
        )


def test_the_released_files_are_what_a_release_writes(tmp_path: Path) -> None:
    for table in LAKE_TABLES.values():
        last = released(table.name)[-1]
        for file in FOLDER.glob(f"{table.name}.*"):
            shutil.copy(file, tmp_path)
        written = tmp_path / f"{table.name}.v{last.version}.json"
        written.unlink()
        release(table, tmp_path)
        assert written.read_bytes() == (FOLDER / written.name).read_bytes()

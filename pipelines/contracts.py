"""The released contracts of the lake's tables: `python -m pipelines.contracts` releases the next versions.

One file a table and version, `contracts/{table}.v{version}.json`; a file that is released never changes.
A version is raised in the code first (`CONTRACT_VERSION` of `transforms.events` or
`transforms.academic_items`); docs/schema-evolution.md tells the steps.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from transforms.lake_contract import Contract, as_json, contract_of, differences, from_json
from transforms.lake_schema import LAKE_TABLES, LakeTable

FOLDER = Path(__file__).parents[1] / "contracts"


class ContractRefusedError(RuntimeError):
    """A contract that cannot be released as it is."""


def released(table: str, folder: Path = FOLDER) -> list[Contract]:
    """The released contracts of a table, oldest first."""
    found = (from_json(file.read_bytes()) for file in folder.glob(f"{table}.v*.json"))
    return sorted(found, key=lambda contract: contract.version)


def release(table: LakeTable, folder: Path = FOLDER) -> list[str]:
    """Writes the contract that the code keeps, if the last released one says otherwise.

    Args:
        table: The lake table.
        folder: Of the released contracts.

    Returns:
        What it changes, in words; empty where the last released one says the same.

    Raises:
        ContractRefusedError: It breaks what was promised, or its version is not the next one.
    """
    contract, before = contract_of(table), released(table.name, folder)
    found = differences(before[-1], contract) if before else []
    broken = [difference.words for difference in found if not difference.compatible]
    if broken:
        raise ContractRefusedError(f"{table.name} breaks its contract: {'; '.join(broken)}")
    last = before[-1].version if before else 0
    if before and not found and contract.version == last:
        return []
    if contract.version != last + 1:
        raise ContractRefusedError(
            f"{table.name} says version {contract.version}, released is {last}: set its CONTRACT_VERSION to "
            f"{last + 1}"
        )
    file = folder / f"{table.name}.v{contract.version}.json"
    file.write_bytes(as_json(contract))
    return [difference.words for difference in found] or ["the columns as before" if before else "the first"]


def main() -> None:
    """Releases what the code keeps; ends with 1 where a table's contract is refused."""
    argparse.ArgumentParser(prog="python -m pipelines.contracts", description=__doc__).parse_args()
    refused = False
    for table in LAKE_TABLES.values():
        try:
            words = release(table)
        except ContractRefusedError as error:
            refused = True
            sys.stderr.write(f"{error}\n")
            continue
        sys.stdout.write(f"{table.name} v{table.version}: {'; '.join(words) or 'as released'}\n")
    sys.exit(int(refused))


if __name__ == "__main__":
    main()

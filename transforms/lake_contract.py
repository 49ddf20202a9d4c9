"""What was promised of a lake table, version by version, and what a new version may change.

A released contract is a file of `contracts/`: what analysts' queries, dbt's models and files that were
written years ago rely on. A version may add; it never takes away, and never means something else.
Pure: `pipelines.contracts` reads and writes the files.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from msgspec import Struct, json

from transforms.lake_schema import PARTITION_KEYS, PARTITION_TYPES, LakeTable, glue_type, widens


class ContractColumn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A column as it was released; see `transforms.lake_schema.Column`.

    Attributes:
        name: Its name.
        type: Its type's name in Glue.
        meaning: What it says.
        required: Whether a row without it is refused.
        values: All that it may hold, in alphabetical order; None where it may hold anything of its type.
        since: The version that brought it.
    """

    name: str
    type: str
    meaning: str
    required: bool = False
    values: tuple[str, ...] | None = None
    since: int = 1


class Contract(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version of a lake table's contract.

    Attributes:
        table: The lake table.
        version: From 1.
        identity: The column that makes a row unique.
        day: The date column whose year and month are partitions.
        partition_keys: Name and Glue type, in order.
        columns: What a row has: the columns that are partition keys, then those of a published file in the
            order of the Glue table.
    """

    table: str
    version: int
    identity: str
    day: str
    partition_keys: tuple[tuple[str, str], ...]
    columns: tuple[ContractColumn, ...]


class Difference(NamedTuple):
    """What a later contract says otherwise than an earlier one.

    Attributes:
        compatible: Whether old files, old queries and new ones keep working together.
        words: What differs, and what to do about it.
    """

    compatible: bool
    words: str


def contract_of(table: LakeTable) -> Contract:
    """The contract that the code keeps."""
    in_path = (column for column in table.columns if column.name in PARTITION_KEYS)
    return Contract(
        table=table.name,
        version=table.version,
        identity=table.identity,
        day=table.day,
        partition_keys=tuple((key, glue_type(PARTITION_TYPES[key])) for key in PARTITION_KEYS),
        columns=tuple(
            ContractColumn(
                name=column.name,
                type=column.glue_type,
                required=column.required,
                values=tuple(sorted(column.values)) or None,
                meaning=column.meaning,
                since=column.since,
            )
            for column in (*in_path, *table.lake_columns)
        ),
    )


def as_json(contract: Contract) -> bytes:
    """A contract as its file holds it."""
    return json.format(json.encode(contract), indent=2) + b"\n"


def from_json(body: bytes) -> Contract:
    """A contract from its file.

    Raises:
        msgspec.ValidationError: It is none.
    """
    return json.decode(body, type=Contract)


def differences(before: Contract, after: Contract) -> list[Difference]:
    """What a contract says otherwise than the one before it.

    Args:
        before: As released.
        after: Of the same table.

    Returns:
        The incompatible ones first.
    """
    found = [*_of_table(before, after), *_of_columns(before, after)]
    return sorted(found, key=lambda difference: difference.compatible)


def _of_table(before: Contract, after: Contract) -> Iterator[Difference]:
    for what in ("identity", "day"):
        was, now = getattr(before, what), getattr(after, what)
        if was != now:
            yield Difference(
                False, f"{what} was {was}, is {now}: rows would be known by another column; make a new table"
            )
    if before.partition_keys != after.partition_keys:
        was, now = (
            ", ".join(f"{name} {kind}" for name, kind in contract.partition_keys)
            for contract in (before, after)
        )
        yield Difference(
            False,
            f"partition keys were ({was}), are ({now}): no file of before would be found; make a new table "
            "and move the rows",
        )


def _of_columns(before: Contract, after: Contract) -> Iterator[Difference]:
    was = {column.name: column for column in before.columns}
    now = {column.name: column for column in after.columns}
    for name in [name for name in was if name not in now]:
        yield Difference(
            False,
            f"{name} is gone: queries name it and old files hold it; keep it, and leave it empty from now on "
            "(a new name is a new column beside the old one)",
        )
    for name, column in now.items():
        if name in was:
            yield from _of_column(was[name], column)
        elif column.required:
            yield Difference(False, f"{name} is new and required: no row of before has it; make it optional")
        elif column.since <= before.version:
            yield Difference(
                False,
                f"{name} is new and says since={column.since}: say since={before.version + 1}, or files "
                "written before it are set aside",
            )
        else:
            yield Difference(True, f"{name} {column.type} is new: null in rows of before")
    kept = [column.name for column in after.columns if column.name in was]
    if kept != [column.name for column in before.columns if column.name in now]:
        yield Difference(False, "columns stand in another order: readers count them; put new ones last")
    elif [column.name for column in after.columns][: len(kept)] != kept:
        yield Difference(False, "a new column stands before an old one: readers count them; put it last")


def _of_column(was: ContractColumn, now: ContractColumn) -> Iterator[Difference]:
    name = was.name
    if was.type != now.type:
        if widens(was.type, now.type):
            yield Difference(
                True, f"{name} was {was.type}, is {now.type}: old files are read as the wider one"
            )
        else:
            yield Difference(
                False,
                f"{name} was {was.type}, is {now.type}: Athena does not read the one as the other with every "
                "value the same; add a column of the new type beside it",
            )
    if was.since != now.since:
        yield Difference(
            False, f"{name} came with version {was.since}, not {now.since}: its files are known by that"
        )
    if now.required and not was.required:
        yield Difference(
            False, f"{name} became required: rows of before without it would be refused; leave it optional"
        )
    if was.required and not now.required:
        yield Difference(True, f"{name} became optional: queries meet null in it from now on")
    yield from _of_values(name, was.values, now.values)
    if was.meaning != now.meaning:
        yield Difference(
            True, f"{name} is described anew: if it means something else, add a column instead: {now.meaning}"
        )


def _of_values(name: str, was: tuple[str, ...] | None, now: tuple[str, ...] | None) -> Iterator[Difference]:
    if was is None and now is not None:
        yield Difference(
            False,
            f"{name} held anything, is one of {', '.join(now)}: rows of before may break that; "
            "say it as a warning of expectations/ instead",
        )
    elif was is not None and now is None:
        yield Difference(True, f"{name} was one of {', '.join(was)}, may hold anything of its type")
    elif was is not None and now is not None:
        for value in sorted(set(was) - set(now)):
            yield Difference(
                False, f"{name} may no longer be {value!r}: rows of before are; keep it among the values"
            )
        for value in sorted(set(now) - set(was)):
            yield Difference(True, f"{name} may be {value!r}")

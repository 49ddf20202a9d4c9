"""The lake's tables: one contract for Firehose, Glue, the load, dbt's sources and the rules.

A column is written here once. The Glue tables of `infra/lake.yaml`, the dbt sources and the
enricher's rows are compared with it by tests, and so is what was released (`transforms.lake_contract`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import pyarrow as pa

from transforms import academic_items, events

# Cohort first: S3 Lifecycle sees only prefixes, and retention runs by cohort.
PARTITION_KEYS = ("graduation_year", "year", "month", "school_id")

TIMESTAMP = pa.timestamp("ms")  # Athena's timestamp(3); always UTC, without a zone
SCORE = pa.decimal128(7, 3)
COUNTS = pa.map_(pa.string(), pa.int64())

CHANGE_TYPES = ("evaluation", "grade", "cohort")
OPERATIONS = ("insert", "modify", "delete")

_GLUE_TYPES = {
    pa.string(): "string",
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.date32(): "date",
    TIMESTAMP: "timestamp",
    pa.bool_(): "boolean",
    COUNTS: "map<string,bigint>",
}


# What Athena and Arrow read as a wider type without losing a value; decimals are `widens`' own.
# https://docs.aws.amazon.com/athena/latest/ug/updates-changing-column-type.html
_WIDER = {"int": "bigint", "float": "double"}
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a lake table.

    Attributes:
        name: Its name everywhere.
        type: Its Arrow type; `glue_type` derives the catalog's.
        meaning: What it says, with its unit, for the data dictionary.
        required: Whether a row without it breaks a critical rule, whatever else the row holds.
        values: All that it may hold, where these are few; empty where it may hold anything of its type.
        since: The version of the table's contract that brought it: files of earlier ones have none.
    """

    name: str
    type: pa.DataType
    meaning: str
    required: bool = False
    values: tuple[str, ...] = ()
    since: int = 1

    @property
    def glue_type(self) -> str:
        """The type's name in Glue and Athena DDL."""
        return glue_type(self.type)


@dataclass(frozen=True, slots=True)
class LakeTable:
    """A table that exists twice: as it lands, and as the lake publishes it.

    Attributes:
        name: The same in both databases.
        version: Of its contract: the newest that rows may be written by.
        identity: The column that makes a row unique, in any load.
        day: The date column whose year and month are partitions.
        columns: What lands, in order; one that a later version brings stands last.
    """

    name: str
    version: int
    identity: str
    day: str
    columns: tuple[Column, ...]

    @property
    def landing_schema(self) -> pa.Schema:
        """Arrow schema of a landing file."""
        return pa.schema([(column.name, column.type) for column in self.columns])

    @property
    def lake_columns(self) -> tuple[Column, ...]:
        """What a published file holds: the landed columns that are no partition, and `load_id`.

        What a later version brought comes last, for readers who count columns.
        """
        held = (*(column for column in self.columns if column.name not in PARTITION_KEYS), LOAD_ID)
        return tuple(sorted(held, key=lambda column: column.since))

    @property
    def lake_schema(self) -> pa.Schema:
        """Arrow schema of a published file; the partition keys stand in its path."""
        return pa.schema([(column.name, column.type) for column in self.lake_columns])


PARTITION_TYPES: dict[str, pa.DataType] = {
    "graduation_year": pa.int32(),
    "year": pa.string(),
    "month": pa.string(),
    "school_id": pa.string(),
}

LOAD_ID = Column(
    "load_id", pa.string(), "The load that published the row; its ledger row tells the rest", required=True
)

_SCHOOL = Column("school_id", pa.string(), "The school: the tenant of the token that sent it", required=True)
_STUDENT = Column(
    "student_key", pa.string(), "Pseudonym of the student: 32 hex digits, per school", required=True
)
_TEACHER = Column("teacher_key", pa.string(), "Pseudonym of the teacher who reported it, if any")
_KEY_VERSION = Column(
    "pseudonym_version", pa.int32(), "Version of the school's key behind the pseudonyms", required=True
)
_COHORT = Column(
    "graduation_year", pa.int32(), "Year in which the student graduates; 0 is unknown", required=True
)
_CORRELATION = Column("correlation_id", pa.string(), "UUID of the request that wrote it")
_CONTRACT = Column("contract_version", pa.int32(), "Version of the contract that the row was written by")

BEHAVIOR_EVENTS = LakeTable(
    "behavior_events",
    version=events.CONTRACT_VERSION,
    identity="event_id",
    day="local_date",
    columns=(
        Column("event_id", pa.string(), "UUID of the event, made by its sender", required=True),
        _SCHOOL,
        _STUDENT,
        _TEACHER,
        _KEY_VERSION,
        _COHORT,
        Column(
            "event_type",
            pa.string(),
            "attendance, participation, …: a type of the event contract",
            required=True,
            values=events.EVENT_TYPES,
        ),
        Column(
            "status", pa.string(), "Of attendance: present, late, absent or excused", values=events.STATUSES
        ),
        Column(
            "polarity", pa.string(), "Of conduct: positive, neutral or negative", values=events.POLARITIES
        ),
        Column("subject", pa.string(), "Code of the subject, if any"),
        Column("class_id", pa.string(), "Code of the class (group), if any"),
        Column("points", pa.int32(), "Points by the school's rules, -100 to 100", required=True),
        Column("points_version", pa.int32(), "Version of the rules that gave the points", required=True),
        Column("occurred_at", TIMESTAMP, "When it happened, UTC", required=True),
        Column("received_at", TIMESTAMP, "When the platform took it, UTC", required=True),
        Column("local_date", pa.date32(), "Date at the school when it happened", required=True),
        Column(
            "utc_offset_minutes",
            pa.int32(),
            "Offset of the school's zone from UTC then, minutes",
            required=True,
        ),
        replace(_CORRELATION, required=True),
        replace(_CONTRACT, required=True),
    ),
)

ACADEMIC_CHANGES = LakeTable(
    "academic_changes",
    version=academic_items.CONTRACT_VERSION,
    identity="change_id",
    day="local_date",
    columns=(
        Column("change_id", pa.string(), "Identifier of the change: the stream record's", required=True),
        Column("change_type", pa.string(), "evaluation, grade or cohort", required=True, values=CHANGE_TYPES),
        Column(
            "operation",
            pa.string(),
            "insert, modify, or delete of what was taken back",
            required=True,
            values=OPERATIONS,
        ),
        _SCHOOL,
        _STUDENT,
        _TEACHER,
        _KEY_VERSION,
        _COHORT,
        Column("previous_graduation_year", pa.int32(), "Of a cohort change: the year before it"),
        Column("subject", pa.string(), "Code of the subject"),
        Column("period", pa.string(), "Code of the academic period"),
        Column("evaluation_key", pa.string(), "Pseudonym of the evaluation's identifier, 32 hex digits"),
        Column("evaluation_type", pa.string(), "exam, homework, quiz or another type of the school"),
        Column("score", SCORE, "Score of the evaluation, or the consolidated one of the grade"),
        Column("evaluations_count", pa.int32(), "Of a grade: how many evaluations stand behind it"),
        Column("version", pa.int32(), "Version of the evaluation or grade, from 1"),
        Column("rules_version", pa.int32(), "Of a grade: version of the grading rules"),
        Column("changed_at", TIMESTAMP, "When the store took the change, UTC", required=True),
        Column(
            "local_date",
            pa.date32(),
            "Of an evaluation its date; else the date (UTC) of the change",
            required=True,
        ),
        _CORRELATION,
        _CONTRACT,
    ),
)

LAKE_TABLES = {table.name: table for table in (BEHAVIOR_EVENTS, ACADEMIC_CHANGES)}


def glue_type(of: pa.DataType) -> str:
    """The name of an Arrow type in Glue and Athena DDL.

    Raises:
        ValueError: No column of the lake has such a type.
    """
    if pa.types.is_decimal128(of):
        return f"decimal({of.precision},{of.scale})"
    if of not in _GLUE_TYPES:
        raise ValueError(f"no column of the lake has type {of}: use {', '.join(map(str, _GLUE_TYPES))}")
    return _GLUE_TYPES[of]


def widens(narrow: str, wide: str) -> bool:
    """Whether what was written as one type is read as another one, every value the same.

    Args:
        narrow: Name of a type in Glue.
        wide: Another one.
    """
    decimals = [_DECIMAL.fullmatch(name) for name in (narrow, wide)]
    if all(decimals):
        (digits, scale), (more, as_fine) = (map(int, found.groups()) for found in decimals if found)
        return scale == as_fine and digits < more
    return _WIDER.get(narrow) == wide


def as_schema(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Rows that an earlier contract wrote, as a later one: a new column is null, a widened type is cast.

    Args:
        rows: Columns in any order.
        schema: Every column of `rows` is in it.

    Raises:
        ValueError: `rows` has a column that the schema has not, or one twice.
        pyarrow.ArrowInvalid: A value does not fit the schema's type.
    """
    if rows.schema.equals(schema):
        return rows
    unknown = sorted(set(rows.column_names) - set(schema.names))
    if unknown or len(set(rows.column_names)) != len(rows.column_names):
        raise ValueError(f"columns {rows.column_names} are not those of {schema.names}: {unknown}")
    columns = [
        rows[field.name].cast(field.type)
        if field.name in rows.column_names
        else pa.nulls(len(rows), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)

"""The table of loads for analysts: what became of each school's rows in each load. No personal data."""

from __future__ import annotations

import pyarrow as pa

from transforms.lake_schema import COUNTS, TIMESTAMP, Column

NAME = "loads"
PARTITION_KEYS = ("year", "month")  # of the day (UTC) on which a load was opened

COLUMNS = (
    Column("load_id", pa.string(), "Names the load; it stands in every row that the load published"),
    Column("table_name", pa.string(), "The lake table that it loaded"),
    Column("school_id", pa.string(), "The school; (none) is for rows that name no well-formed one"),
    Column("state", pa.string(), "published: a load stands here once it is in the lake"),
    Column("opened_at", TIMESTAMP, "When it took its files, UTC"),
    Column("judged_at", TIMESTAMP, "When its verdict was written, UTC"),
    Column("published_at", TIMESTAMP, "When it was published, UTC"),
    Column("landed", pa.int64(), "Rows of the school in the load's files"),
    Column("duplicate", pa.int64(), "Of these, copies and rows that the lake had"),
    Column("quarantined", pa.int64(), "Of these, in quarantine, because the school broke a critical rule"),
    Column("published", pa.int64(), "Of these, in the lake"),
    Column("stopped", pa.bool_(), "Whether the school broke a critical rule"),
    Column("broken_rules", COUNTS, "How many landed rows break each rule; only rules that were broken"),
    Column("contract_version", pa.int32(), "Version of the event contract that the rules knew"),
    Column("rules_version", pa.string(), "Version of the rules that judged it"),
    Column("files", pa.int32(), "Landing files that the load took, all schools together"),
    Column("files_set_aside", pa.int32(), "Of these, those that it went on without"),
    Column("shards", pa.int32(), "In how many parts the load was done"),
    Column(
        "published_weeks",
        COUNTS,
        "The published rows by the ISO week of their day, such as 2026-W06; null if it was not noted",
    ),
)

SCHEMA = pa.schema([(column.name, column.type) for column in COLUMNS])

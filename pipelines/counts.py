"""Counts by school, each taken where the events lie. For the books of one machine and of small tables.

A scan of the store and a count of the whole landing cost their size; at scale the audit works
from DynamoDB's exports.
"""

from __future__ import annotations

from collections import Counter
from datetime import date

from adapters import athena, quarantine
from adapters.rejected import rejections
from adapters.settings import setting
from adapters.table import event_keys
from transforms.lake_schema import BEHAVIOR_EVENTS, LakeTable


def rejected(received_on: date | None = None) -> dict[str, Counter[str]]:
    """Messages of the rejected queue by school and reason; a message without a school is under ''.

    Args:
        received_on: Only those that the queue took on this day (UTC); all by default.
    """
    counts: dict[str, Counter[str]] = {}
    # By the original message: a worker that died after rejecting has rejected it twice.
    for rejection in {rejection["message_id"]: rejection for rejection in rejections()}.values():
        if received_on is None or rejection["received_at"].startswith(received_on.isoformat()):
            counts.setdefault(rejection["school_id"] or "", Counter())[rejection["reason"]] += 1
    return counts


def stored() -> Counter[str]:
    """Distinct events of the store, by school."""
    return Counter(school_id for school_id, _ in {(key.school_id, event) for key, event in event_keys()})


def landed(table: LakeTable = BEHAVIOR_EVENTS) -> tuple[Counter[str], Counter[str]]:
    """Distinct rows of the landing, and all its rows, by school."""
    once = f"SELECT school_id, count(DISTINCT {table.identity}) AS n FROM {table.name} GROUP BY school_id"
    rows = f"SELECT school_id, count(*) AS n FROM {table.name} GROUP BY school_id"
    database = setting("LANDING_DATABASE")
    return _by_school(once, database), _by_school(rows, database)


def in_lake(table: LakeTable = BEHAVIOR_EVENTS) -> Counter[str]:
    """Rows of the lake, by school."""
    sql = f"SELECT school_id, count(*) AS n FROM {table.name} GROUP BY school_id"
    return _by_school(sql, setting("LAKE_DATABASE"))


def in_trends() -> Counter[str]:
    """Events that the weekly mart counts, by school."""
    sql = "SELECT school_id, sum(event_count) AS n FROM weekly_student_behavior GROUP BY school_id"
    return _by_school(sql, setting("MARTS_DATABASE"))


def quarantined(table: LakeTable = BEHAVIOR_EVENTS) -> Counter[str]:
    """Rows that wait in quarantine, by school."""
    return quarantine.waiting_rows(table.name)


def discarded(table: LakeTable = BEHAVIOR_EVENTS) -> Counter[str]:
    """Rows that were discarded from quarantine, by school."""
    return quarantine.discarded_rows(table.name)


def _by_school(sql: str, database: str) -> Counter[str]:
    found = athena.query(sql, work_group=setting("JOBS_WORK_GROUP"), database=database)
    return Counter(dict(zip(found["school_id"], found["n"].astype(int), strict=True)))

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from adapters.object_versions import Version
from pipelines.audits.retention.objects import GRACE_DAYS, Stock
from pipelines.audits.retention.result import Pile, Severity
from transforms.retention.registry import BUCKETS

LAKE, LANDING = (next(b for b in BUCKETS if b.name == name) for name in ("LAKE", "LANDING"))
EVENTS = "lake/behavior_events/graduation_year="
WRITTEN = datetime(2026, 2, 3, 15, tzinfo=UTC)


def version(key: str, *, replaced: datetime | None = None, is_marker: bool = False) -> Version:
    size = 0 if is_marker else 10
    return Version("bucket", key, "v", "etag", size, replaced is None, WRITTEN, replaced, is_marker)


def found(stock: Stock, *versions: Version) -> dict[str, tuple[Severity, int]]:
    stock.count(versions)
    return {each.check: (each.severity, each.count) for each in stock.findings()}


@pytest.mark.parametrize("late", [GRACE_DAYS - 1, GRACE_DAYS])
def test_a_cohort_is_overdue_when_s3_has_had_its_days(late: int) -> None:
    stock = Stock(LAKE, date(2032, 1, 1) + timedelta(days=late))
    key = f"{EVENTS}2029/year=2026/month=02/school_id=s/x.parquet"
    expected = {"overdue": (Severity.CRITICAL, 1)} if late == GRACE_DAYS else {}
    assert found(stock, version(key)) == expected


def test_rows_of_an_unknown_cohort_are_named_and_fall_due_by_their_own_year() -> None:
    stock = Stock(LAKE, date(2029, 1, 4))
    key = f"{EVENTS}0/year=2026/month=02/school_id=s/x.parquet"
    assert found(stock, version(key)) == {
        "unknown-cohort": (Severity.WARNING, 1),
        "overdue": (Severity.CRITICAL, 1),
    }


@pytest.mark.parametrize("folder", ["__HIVE_DEFAULT_PARTITION__/x", "0/month=02/x", "20299/x"])
def test_a_folder_that_is_no_cohorts_is_critical(folder: str) -> None:
    checks = found(Stock(LAKE, date(2026, 3, 1)), version(f"{EVENTS}{folder}"))
    assert checks["no-cohort"] == (Severity.CRITICAL, 1)


def test_a_key_in_no_place_is_worse_where_nothing_removes_it() -> None:
    day = date(2026, 2, 4)
    assert found(Stock(LAKE, day), version("tmp/x")) == {"unregistered": (Severity.CRITICAL, 1)}
    assert found(Stock(LANDING, day), version("tmp/x")) == {"unregistered": (Severity.WARNING, 1)}


def test_an_old_version_is_judged_by_when_it_was_replaced() -> None:
    key, replaced = f"{EVENTS}2029/year=2026/x", datetime(2026, 3, 1, 12, tzinfo=UTC)
    versions = (version(key), version(key, replaced=replaced))
    assert not found(Stock(LAKE, date(2026, 3, 11)), *versions)  # gone on the 9th, and three days
    assert found(Stock(LAKE, date(2026, 3, 12)), *versions) == {"old-versions": (Severity.CRITICAL, 1)}


def test_what_goes_when_is_counted_by_place_and_cohort() -> None:
    stock = Stock(LAKE, date(2026, 2, 4))
    stock.count(
        [
            version(f"{EVENTS}2029/year=2026/a"),
            version(f"{EVENTS}2029/year=2025/b"),
            version("quarantine/behavior_events/load_id=l/school_id=s/rows.parquet"),
            version(f"{EVENTS}2030/year=2026/c", is_marker=True),
        ]
    )
    assert set(stock.piles()) == {
        Pile("lake/lake/behavior_events", 2029, 2032, 2, 20),
        Pile("lake/quarantine", None, 2026, 1, 10),
    }


def test_memory_holds_few_keys_however_many_there_are() -> None:
    stock = Stock(LAKE, date(2026, 2, 4))
    stock.count(version(f"tmp/{number}") for number in range(10_000))
    (finding,) = stock.findings()
    assert finding.count == 10_000
    assert finding.examples == ("tmp/0", "tmp/1", "tmp/2")

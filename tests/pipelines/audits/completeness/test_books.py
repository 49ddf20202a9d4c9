"""A day's account against what was put where."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from adapters.rejected import send_rejections
from adapters.store_exports import ExportedStore
from adapters.stored_events import ScannedStore
from pipelines.audits.completeness.books import audit
from pipelines.audits.completeness.report import Event
from transforms.completeness import Place

pytestmark = pytest.mark.service

DAY = datetime.now(UTC).date() - timedelta(days=3)  # CloudWatch refuses lines of two weeks ago
NOON = datetime.combine(DAY, time(12), UTC)
LOADED = NOON + timedelta(hours=3)
LATER = NOON + timedelta(hours=45)
HOUR = f"{NOON:%Y-%m-%d-%H}"


def figures(report: Any, school: str = "school_1") -> dict[str, Any]:
    (found,) = (account.as_dict() for account in report.accounts if account.school_id == school)
    return {name: count for name, count in found.items() if name != "school_id" and count}


def reject(platform: Any, count: int, received_at: str, school: str = "school_1") -> None:
    send_rejections(
        [
            {
                "message_id": f"m{number}",
                "school_id": school,
                "correlation_id": "c",
                "received_at": received_at,
                "reason": "too_old",
                "faults": [],
                "body": "{}",
            }
            for number in range(count)
        ]
    )


def test_a_day_that_adds_up_is_accounted_for_by_school(platform: Any) -> None:
    good = [platform.event(NOON) for _ in range(5)]
    other = [platform.event(NOON, "school_2") for _ in range(2)]
    stopped = platform.event(NOON, "school_3")
    before = platform.event(NOON - timedelta(days=1))
    platform.store(*good, *other, stopped, before)
    platform.land(*good, *other, before, hour=HOUR)
    platform.land(stopped, hour=HOUR, points=500)
    platform.lake.load(now=LOADED)
    platform.edge_took("school_1", 9, NOON)
    platform.edge_took("school_1", 4, NOON, status="401")
    platform.edge_took("school_1", 7, NOON + timedelta(days=1))
    platform.edge_took("school_2", 2, NOON)
    platform.edge_took("school_3", 1, NOON)
    reject(platform, 2, f"{DAY}T09:00:00.000Z")
    report = audit(DAY, ScannedStore(), now=LATER)
    assert report.faults == []
    assert report.verdict.startswith(f"{DAY} adds up: 8 stored = 7 in lake, 1 quarantined, 0 in flight")
    assert figures(report) == {"sent": 9, "rejected": 2, "repeated": 2, "stored": 5, "in_lake": 5}
    assert figures(report, "school_2") == {"sent": 2, "stored": 2, "in_lake": 2}
    assert figures(report, "school_3") == {"sent": 1, "stored": 1, "quarantined": 1}
    assert platform.lake.tables() == []


def test_events_that_never_landed_are_named(platform: Any) -> None:
    items = [platform.event(NOON) for _ in range(3)]
    platform.store(*items)
    platform.land(items[0], hour=HOUR)
    platform.lake.load(now=LOADED)
    report = audit(DAY, ScannedStore(), now=LATER, edge=False)
    assert figures(report) == {"stored": 3, "in_lake": 1, "missing": 2}
    assert report.missing == {Event("school_1", item["event_id"]) for item in items[1:]}
    assert [fault.en for fault in report.faults] == [
        "school_1: 2 events were stored and never landed: `luca audit completeness --repair` sends them again"
    ]


def test_an_event_of_the_last_hour_is_on_its_way(platform: Any) -> None:
    platform.store(platform.event(NOON))
    report = audit(DAY, ScannedStore(), now=NOON + timedelta(minutes=59), edge=False)
    assert figures(report) == {"stored": 1, "in_flight": 1}
    report = audit(DAY, ScannedStore(), now=NOON + timedelta(minutes=61), edge=False)
    assert figures(report) == {"stored": 1, "missing": 1}


def test_what_landed_lately_waits_for_its_load_and_what_landed_long_ago_is_held(platform: Any) -> None:
    item = platform.event(NOON)
    platform.store(item)
    platform.land(item, hour=HOUR)
    report = audit(DAY, ScannedStore(), now=NOON + timedelta(hours=2), edge=False)
    assert figures(report) == {"stored": 1, "in_flight": 1}
    report = audit(DAY, ScannedStore(), now=LATER, edge=False)
    assert figures(report) == {"stored": 1, "held": 1}
    assert "see `luca loads`" in report.faults[0].en


def test_an_event_that_was_sent_again_days_later_is_found_in_the_landing(platform: Any) -> None:
    item = platform.event(NOON)
    platform.store(item)
    platform.land(item, hour=f"{NOON + timedelta(days=17):%Y-%m-%d-%H}")
    report = audit(DAY, ScannedStore(), now=NOON + timedelta(days=17, hours=1), edge=False)
    assert report.total(Place.IN_FLIGHT) == 1


def test_a_lake_that_knows_nothing_of_the_dates_is_still_asked(platform: Any) -> None:
    platform.store(platform.event(NOON))
    assert audit(DAY, ScannedStore(), now=LATER, edge=False).total(Place.MISSING) == 1


def test_a_day_without_events_adds_up(platform: Any) -> None:
    report = audit(DAY, ScannedStore(), now=LATER)
    assert (report.accounts, report.faults) == ((), [])


def test_more_stored_than_sent_is_a_fault(platform: Any) -> None:
    item = platform.event(NOON)
    platform.store(item)
    platform.land(item, hour=HOUR)
    platform.lake.load(now=LOADED)
    (fault,) = audit(DAY, ScannedStore(), now=LATER).faults
    assert fault.en.startswith("school_1: 1 events are stored or rejected and 0 were sent")


def test_exports_full_and_incremental_say_what_a_scan_says(platform: Any) -> None:
    items = [platform.event(NOON, f"school_{number % 3}") for number in range(12)]
    config = {"PK": "TENANT#school_1#CONFIG", "SK": "SCHOOL", "time_zone": "UTC"}
    platform.store(*items, config, platform.event(LATER))
    platform.land(*items[:7], hour=HOUR)
    platform.lake.load(now=LOADED)
    scanned = audit(DAY, ScannedStore(), now=LATER, edge=False)
    full = platform.export([*items, config], "full")
    halves = [
        platform.export(items[:8], "first", incremental=True),
        platform.export([*items[6:], config], "second", incremental=True),  # two items are in both
    ]
    for summaries in ([full], halves):
        report = audit(DAY, ExportedStore("luca-exports-000000000000", summaries), now=LATER, edge=False)
        assert (report.accounts, report.missing) == (scanned.accounts, scanned.missing)
    assert len(scanned.missing) == 5


def test_no_person_is_in_what_the_audit_writes(platform: Any) -> None:
    platform.store(platform.event(NOON, student="student_zq_4711"))
    audit(DAY, ScannedStore(), now=LATER, edge=False)
    written = platform.lake.objects("audits/", "LANDING")
    assert written
    assert all(b"student_zq_4711" not in key.encode() + body for key, body in written.items())

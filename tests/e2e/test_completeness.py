"""Three ways to lose events before the lake, each found, named and healed under the audit's own role."""

from __future__ import annotations

import json
import urllib.request
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from adapters.pseudonym_keys import create_key
from adapters.stored_events import ScannedStore, TypedItem
from adapters.table import put_school
from infra.local.cloud import LocalCloud
from pipelines import counts
from pipelines.audits.completeness import history, repair
from pipelines.audits.completeness.books import audit
from pipelines.audits.completeness.report import DayReport, Event
from pipelines.load.run import load
from tests.assumed_role import assumed, forget_clients
from tests.recorded_calls import local_cloud
from transforms.completeness import Place
from transforms.schools import School

pytestmark = [pytest.mark.e2e, pytest.mark.local, pytest.mark.fault]

SCHOOLS = ("pipe_off", "enricher_failed", "file_lost")
PIPE = "luca-behavior-events"


def send(cloud: LocalCloud, school: str, count: int) -> set[Event]:
    """Sends events over HTTP; returns their names."""
    sent = set()
    for _ in range(count):
        event = {
            "event_id": str(uuid.uuid4()),
            "type": "participation",
            "student_id": "ana",
            "occurred_at": (datetime.now(UTC) - timedelta(minutes=1)).isoformat(),
        }
        headers = {"Authorization": f"Bearer {cloud.token(school)}"}
        address = f"{cloud.environment['LUCA_API_ENDPOINT']}/behavior"
        with urllib.request.urlopen(urllib.request.Request(address, json.dumps(event).encode(), headers)):
            sent.add(Event(school, event["event_id"]))
    return sent


class Fetched:
    """What a scan by the operator saw, so that the audit itself needs no right to scan."""

    def __init__(self, items: list[TypedItem]) -> None:
        self._items = items

    def items(self, start: datetime, end: datetime) -> Iterator[TypedItem]:
        yield from self._items


def audited(now: datetime) -> tuple[DayReport, Fetched]:
    """The day's audit under its own role."""
    day = datetime.now(UTC).date()
    store = Fetched(list(ScannedStore().items(datetime.min.replace(tzinfo=UTC), now)))
    with assumed("luca-completeness"):
        return audit(day, store, now=now), store


def lost(report: DayReport) -> dict[str, int]:
    return {account.school_id: account.count(Place.MISSING) for account in report.accounts}


@pytest.mark.slow
def test_a_stopped_pipe_a_failed_enricher_and_a_lost_file_are_found_and_healed(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with local_cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        for name, value in cloud.environment.items():
            monkeypatch.setenv(name, value)
        forget_clients()
        for school in SCHOOLS:
            put_school(School(school, "UTC"))
            if school != "enricher_failed":  # without a key the enricher fails, and the pipe gives up
                create_key(school)
        send(cloud, "file_lost", 1)
        cloud.settle(timeout=60)
        load("behavior_events", now=datetime.now(UTC))
        names = send(cloud, "file_lost", 3)
        cloud.settle(timeout=60)
        delete_newest_landing_file()
        names |= send(cloud, "enricher_failed", 2)
        cloud.settle(timeout=120)
        cloud.stop_pipe(PIPE)
        names |= send(cloud, "pipe_off", 4)
        cloud.settle(timeout=60)
        late = datetime.now(UTC) + timedelta(hours=2)

        report, store = audited(late)
        assert lost(report) == {"pipe_off": 4, "enricher_failed": 2, "file_lost": 3}
        assert report.missing == names
        assert {account.school_id: account.sent for account in report.accounts} == {
            "pipe_off": 4,
            "enricher_failed": 2,
            "file_lost": 4,
        }

        create_key("enricher_failed")
        with assumed("luca-completeness"):
            assert repair.resend(report.day, report.missing, store) == 9
            assert repair.resend(report.day, report.missing, store) == 9  # a second time does no harm
        cloud.start_pipe(PIPE)  # which now brings what it had not read
        cloud.settle(timeout=60)
        load("behavior_events", now=datetime.now(UTC))

        healed, _ = audited(late)
        with assumed("luca-completeness"):
            history.keep(healed)
        assert history.newest() == healed
        assert healed.faults == []
        assert healed.total(Place.IN_LAKE) == 10
        assert counts.in_lake() == {"pipe_off": 4, "enricher_failed": 2, "file_lost": 4}
    forget_clients()


def delete_newest_landing_file() -> None:
    s3: Any = boto3.client("s3")
    bucket = next(each["Name"] for each in s3.list_buckets()["Buckets"] if "landing" in each["Name"])
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="behavior_events/")["Contents"]
    s3.delete_object(Bucket=bucket, Key=max(listed, key=lambda each: each["LastModified"])["Key"])

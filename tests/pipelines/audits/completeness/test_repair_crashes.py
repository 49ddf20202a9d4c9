"""A repair that is killed, anywhere, is ended by the next: what is missing lands and is published once."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import msgspec
import pytest

from adapters.stored_events import ScannedStore
from pipelines.audits.completeness import repair
from pipelines.audits.completeness.books import audit
from tests.pipelines.conftest import Killed
from transforms.completeness import Place
from transforms.lake_rows import lake_rows
from transforms.pseudonyms import Pseudonymizer, PseudonymKey

pytestmark = [pytest.mark.service, pytest.mark.fault, pytest.mark.slow]

DAY = datetime.now(UTC).date() - timedelta(days=3)
NOON = datetime.combine(DAY, time(12), UTC)
LATER = NOON + timedelta(hours=45)
EVENTS = 5


class Firehose:
    """Lands what it is handed, and dies before or after its n-th call of the enricher or of itself."""

    def __init__(self, platform: Any, pseudonymizer: Pseudonymizer, step: int) -> None:
        self._platform, self._pseudonymizer, self._left = platform, pseudonymizer, step

    def _step(self) -> None:
        self._left -= 1
        if self._left == 0:
            raise Killed

    def enrich(self, _: str, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        self._step()
        rows = lake_rows(records, lambda school: self._pseudonymizer, {})
        self._step()
        return rows

    def put_record_batch(self, *, DeliveryStreamName: str, Records: list[dict[str, bytes]]) -> Any:  # noqa: N803
        self._step()
        times = ("occurred_at", "received_at")
        rows = [msgspec.json.decode(record["Data"]) for record in Records]
        for row in rows:
            row |= {name: datetime.fromisoformat(row[name]) for name in times}
            row["local_date"] = datetime.fromisoformat(row["local_date"]).date()
        self._platform.lake.land(rows, hour=f"{NOON:%Y-%m-%d-%H}")
        self._step()
        return {"RequestResponses": [{"RecordId": "r"} for _ in Records]}


def repaired(platform: Any, monkeypatch: pytest.MonkeyPatch, pseudonymizer: Pseudonymizer, step: int) -> bool:
    """Audits and repairs in a process that dies at a step; 0 never does."""
    firehose = Firehose(platform, pseudonymizer, step)
    monkeypatch.setattr(repair.functions, "call", firehose.enrich)
    monkeypatch.setattr(repair, "client", lambda service: firehose)
    report = audit(DAY, ScannedStore(), now=LATER, edge=False)
    try:
        repair.resend(DAY, report.missing, ScannedStore())
    except Killed:
        return True
    return False


@pytest.mark.parametrize("step", range(1, 14))
def test_a_repair_killed_between_any_two_steps_is_ended_by_the_next(
    platform: Any, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    monkeypatch.setenv("LUCA_LAKE_ENRICHER", "enricher")
    monkeypatch.setenv("LUCA_BEHAVIOR_EVENTS_DELIVERY", "delivery")
    monkeypatch.setattr(repair, "RECORDS_A_CALL", 2)  # three batches of four steps
    pseudonymizer = Pseudonymizer(PseudonymKey("school_1", 1, bytes(32)))
    items = [platform.event(NOON) for _ in range(EVENTS)]
    platform.store(*items)
    assert repaired(platform, monkeypatch, pseudonymizer, step) is (step <= 12)
    assert not repaired(platform, monkeypatch, pseudonymizer, 0)
    platform.lake.load(now=LATER - timedelta(hours=1))
    report = audit(DAY, ScannedStore(), now=LATER, edge=False)
    assert (report.faults, report.total(Place.MISSING), report.total(Place.IN_LAKE)) == ([], 0, EVENTS)
    published = sorted(row["event_id"] for row in platform.lake.published())
    assert published == sorted(item["event_id"] for item in items)

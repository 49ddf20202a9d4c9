from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import pytest

from pipelines.quarantine.correcting import Corrections
from pipelines.quarantine.discarding import Discard, discard
from pipelines.quarantine.releasing import Release, release
from tests.pipelines.conftest import NOW

TABLE, SCHOOL, WHO = "behavior_events", "school_1", "arn:aws:iam::000000000000:user/rosa"


@pytest.fixture
def held(lake: Any) -> str:
    """A load that held four rows of a school back, two of which are good; another school is published."""
    lake.land(
        [
            lake.event(graduation_year=2030),
            lake.event(points=500),
            lake.event(class_id="Ana María López"),
            lake.event(),
            lake.event(school_id="school_2"),
        ],
        "1",
    )
    return str(lake.load_one(now=NOW).load_id)


@pytest.fixture
def released() -> Callable[..., Release]:
    """Releases what a load held back of the school."""

    def run(
        load_id: str, *, rules: Collection[str] = (), corrections: Corrections | None = None, **more: Any
    ) -> Release:
        return release(TABLE, load_id, SCHOOL, now=NOW, by=WHO, rules=rules, corrections=corrections, **more)

    return run


@pytest.fixture
def discarded() -> Callable[..., Discard]:
    """Discards what a load held back of the school."""

    def run(load_id: str, reason: str = "a test class of the vendor") -> Discard:
        return discard(TABLE, load_id, SCHOOL, now=NOW, by=WHO, reason=reason)

    return run

"""Audits that a schedule starts: a command that `luca` knows, what it reads, and alarms that hear it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from typing import Any

import pytest

from pipelines.audits.completeness.report import DayReport
from pipelines.audits.completeness.report import emit_metrics as tell_completeness
from pipelines.audits.retention.result import Audit
from pipelines.audits.retention.run import emit_metrics as tell_retention
from tests.infra import reachable
from tests.infra.tasks import alarms_that_hear, container, entry_of, environment

ENTRIES = {
    "luca-completeness": ("pipelines.cli.completeness", "completeness"),
    "luca-retention-audit": ("pipelines.cli.retention_audit", "retention"),
}
RESENDING = {"LUCA_LAKE_ENRICHER", "LUCA_BEHAVIOR_EVENTS_DELIVERY"}  # --repair, which a person starts


@pytest.mark.parametrize("family", ENTRIES)
def test_its_command_is_one_that_luca_knows(family: str) -> None:
    assert entry_of(container(family)["Command"])[0] == ENTRIES[family][0]


@pytest.mark.parametrize("family", ENTRIES)
def test_it_is_given_each_setting_that_it_reads_and_no_other(family: str) -> None:
    asked = reachable.settings(ENTRIES[family]) - RESENDING
    given = {name for name in environment(family) if name.startswith("LUCA_")}
    assert {each for each in asked if not any(fnmatchcase(name, each) for name in given)} == set()
    assert {each for each in given if not any(fnmatchcase(each, name) for name in asked)} == set()


def an_audit() -> None:
    moment = datetime(2026, 2, 4, 9, tzinfo=UTC)
    tell_retention(Audit(moment.isoformat(), moment.date(), (), (), {}, {}, None, 1.0))


def a_day() -> None:
    tell_completeness(DayReport(date(2026, 2, 3), (), frozenset(), datetime(2026, 2, 4, 9, tzinfo=UTC)))


@pytest.mark.parametrize(
    ("family", "tell"), [("luca-retention-audit", an_audit), ("luca-completeness", a_day)]
)
def test_its_alarms_hear_what_it_tells(
    family: str, tell: Callable[[], None], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    assert len(alarms_that_hear(family, tell, monkeypatch, capsys)) >= 2

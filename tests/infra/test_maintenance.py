"""The lake's nightly upkeep: commands that `luca` knows, what they read, who starts them, what is heard."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from pipelines.partitions.compaction import Compacted, emit_metrics
from pipelines.quality import kept
from pipelines.quality.kept import JudgedDay, Kind
from tests.infra import reachable
from tests.infra.deployed import of_type
from tests.infra.tasks import alarms_that_hear, container, entry_of, environment

# By task definition: the modules and functions that its commands run.
ENTRIES = {
    "luca-compaction": [("pipelines.cli.compact", "compact")],
    "luca-quality": [("pipelines.cli.quality", name) for name in ("day", "deep", "page")],
}


def started() -> Iterator[tuple[str, list[str]]]:
    """Each schedule's task with the command that it starts there."""
    families = {each.properties["Family"] for each in of_type("AWS::ECS::TaskDefinition")}
    for schedule in of_type("AWS::Scheduler::Schedule"):
        task = schedule.properties["Target"].get("EcsParameters", {}).get("TaskDefinitionArn", "")
        family = next((each for each in families if task.endswith(f"/{each}:1") or task == each), task)
        if family in ENTRIES:
            told = json.loads(schedule.properties["Target"]["Input"]).get("containerOverrides", [{}])
            yield family, told[0].get("command", container(family)["Command"])


def test_each_command_is_started_by_a_schedule_and_luca_knows_it() -> None:
    run = sorted((family, entry_of(words)) for family, words in started())
    assert run == sorted((family, entry) for family, entries in ENTRIES.items() for entry in entries)


def a_compaction() -> None:
    emit_metrics(Compacted("behavior_events"))


def a_judgement() -> None:
    moment = datetime(2026, 2, 4, 14, tzinfo=UTC)
    kept._emit_metrics(JudgedDay(Kind.DEEP, "behavior_events", moment.date(), moment, (), {}, ()))


@pytest.mark.parametrize(
    ("family", "tell", "alarms"), [("luca-compaction", a_compaction, 1), ("luca-quality", a_judgement, 2)]
)
def test_its_alarms_hear_what_it_tells_and_that_it_told_nothing(
    family: str,
    tell: Callable[[], None],
    alarms: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    heard = alarms_that_hear(family, tell, monkeypatch, capsys)
    assert len(heard) == alarms
    assert [alarm["Statistic"] for alarm in heard if alarm["TreatMissingData"] == "breaching"] == [
        "SampleCount"
    ]


@pytest.mark.parametrize("family", ENTRIES)
def test_it_is_given_each_setting_that_it_reads_and_no_other(family: str) -> None:
    asked = set().union(*(reachable.settings(entry) for entry in ENTRIES[family]))
    assert {name for name in environment(family) if name.startswith("LUCA_")} == asked

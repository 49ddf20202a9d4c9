"""What a step's line and a roll's lines tell."""

from __future__ import annotations

from typing import Any

import pytest

from adapters import functions
from pipelines.cli.progress import Attention, step
from pipelines.cli.retention import NAMED_RULES, roll


@pytest.mark.parametrize(
    ("words", "line"),
    [("adds up", "✓ Books: adds up"), (Attention("2 missing"), "! Books: 2 missing")],
)
def test_a_step_that_found_something_bad_has_no_tick(
    capsys: pytest.CaptureFixture[str], words: str, line: str
) -> None:
    with step("Books") as say:
        say("counting")
        say(words)
    assert capsys.readouterr().out.strip().startswith(line)


def test_a_roll_over_many_years_names_some_rules_and_counts_the_others(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = [f"lake-behavior_events-{year}" for year in range(1900, 2000)]
    told: dict[str, Any] = {
        "LAKE": {"rules": 40, "missing": [], "changed": ["public"], "foreign": gone},
        "LANDING": {"rules": 3, "missing": [], "changed": [], "foreign": []},
    }
    monkeypatch.setenv("LUCA_RETENTION_ROLLER", "luca-retention-roller")
    monkeypatch.setattr(functions, "call", lambda name, order: told)

    roll(dry_run=True, as_of=None)
    said = capsys.readouterr().out

    assert "101 would be mended" in said
    assert "changed: public" in said
    assert said.count("foreign: ") == NAMED_RULES
    assert f"and {100 - NAMED_RULES} more foreign rules" in said

"""`luca replay` as a person sees it: what it prints, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from typer.testing import CliRunner

from adapters.aws import client
from pipelines.cli import app
from tests.pipelines.conftest import BUCKETS

pytestmark = [pytest.mark.service, pytest.mark.slow]

FEBRUARY = ["--from", "2026-02-01", "--to", "2026-02-28"]


def run(*more: str) -> tuple[int, str]:
    answer = CliRunner().invoke(app, ["replay", *FEBRUARY, *more])
    return answer.exit_code, answer.output


def test_exit_codes_and_words(lake: Any, loaded: Callable[..., str]) -> None:
    loaded([lake.event(), lake.event(graduation_year=2030)], now=datetime.now(UTC))
    assert run()[0] == 0
    (lost,) = lake.objects("lake/behavior_events/graduation_year=2030/")
    client("s3").delete_object(Bucket=BUCKETS["LAKE"], Key=lost)

    code, words = run()
    assert code == 3
    assert "2030/2026/02/school_1: 1 expected, 1 missing" in words
    assert "2029/" not in words
    code, words = run("--json")
    told = json.loads(words)
    assert (code, told["right"]) == (3, False)
    assert [each["missing"] for each in told["partitions"]] == [0, 1]

    code, words = run("--apply")
    assert code == 0
    assert "1 of 1 partitions made right" in words
    code, words = run("--all")
    assert code == 0
    assert "2029/2026/02/school_1: 1 expected, 1 found, 1 equal" in words


def test_what_cannot_be_is_refused_before_anything_is_read(lake: Any) -> None:
    for more, words in [
        (("--table", "nothing"), "no lake table"),
        (("--source", "store", "--unproven"), "--unproven is of --source store --apply"),
        (("--source", "store", "--table", "academic_changes"), "replay it from the landing"),
    ]:
        code, told = run(*more)
        assert code == 2, more
        assert words in " ".join(told.replace("│", " ").split()), more

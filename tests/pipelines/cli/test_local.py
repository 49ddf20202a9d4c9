"""`luca local up` refuses what is no parameter before it starts anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.cli import app


@pytest.mark.parametrize("given", ["LoadShards", "=1"])
def test_what_is_no_parameter_is_refused_by_name(tmp_path: Path, given: str) -> None:
    answer = CliRunner().invoke(
        app, ["local", "up", "--state", str(tmp_path / "state"), "--parameter", given]
    )
    assert answer.exit_code == 2
    assert f"'{given}' is no NAME=VALUE" in answer.output
    assert not (tmp_path / "state").exists()

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Demo:
    """What one run of `luca demo` left behind."""

    out: Path
    printed: str
    account: dict[str, Any]

    def table(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(self.out / "tables" / f"{name}.parquet")


def _run(out: Path, *options: str, timeout: int = 280) -> Demo:
    """Runs the command as a person would, in an environment that names no cloud."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "LUCA_", "POWERTOOLS_"))}
    command = [sys.executable, "-m", "pipelines.cli", "demo", "--out", str(out), *options]
    done = subprocess.run(
        command, cwd=ROOT, env=clean, capture_output=True, text=True, timeout=timeout, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return Demo(out, done.stdout, json.loads((out / "account.json").read_text()))


@pytest.fixture(scope="session")
def run_demo() -> Callable[..., Demo]:
    """Runs `luca demo` into a folder, with options."""
    return _run


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """A small run with a damaged roster, so that the gate has something to stop."""
    return _run(tmp_path_factory.mktemp("demo") / "out", "--events", "2500", "--damaged-roster")

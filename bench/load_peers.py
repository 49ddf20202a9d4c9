"""The load beside what others would write: pandas with Great Expectations and awswrangler, and dlt.

The same million rows in 200 files, in the same services as `bench.load`; each contender is a process of its
own on a lake of its own. dlt does not stand in our lock: its S3 client takes three releases of botocore
and no others, which would decide ours. `uv run --isolated` makes it an environment, outside of what is timed.
Who takes more than PATIENCE times our time is stopped: then its ratio is the least that it can be.

Usage: `python -m bench.load_peers [--rows N] [--files N]`; LUCA_BENCH_ROWS sets the rows too.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import cast

from bench.load import landing_files, make_lake, services
from bench.outcome import Goal, Measure, publish

DLT = ["dlt[filesystem,parquet]==1.31.0", "pydantic>=2"]
PANDAS_SLOWER, DLT_SLOWER = 8, 6  # times our time, at least
PATIENCE = 15  # times our time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=int(os.environ.get("LUCA_BENCH_ROWS", "1000000")))
    parser.add_argument("--files", type=int, default=200)
    options = parser.parse_args()
    files = landing_files(options.rows, options.files)
    took: dict[str, dict[str, float]] = {}
    with services() as environment:
        for number, (who, command) in enumerate(contenders().items()):
            lake = make_lake(f"peer-{number}", environment, files)
            patience = PATIENCE * took["ours"]["seconds"] if took else None
            found = run(command, {**os.environ, **lake, **QUIET}, patience)
            if found.get("rows", options.rows) != options.rows:
                raise RuntimeError(f"{who} loaded {found['rows']:,} of {options.rows:,} rows")
            took[who] = {name: found[name] for name in ("seconds", "peak_mb") if name in found}
            if "stopped" not in found:
                took[who]["rows_per_second"] = round(options.rows / found["seconds"])
            print(f"{who:24} {json.dumps(found)}", flush=True)
    report(options, took)


def run(command: list[str], environment: dict[str, str], patience: float | None) -> dict[str, float]:
    """What a contender says of itself, or how long it was waited for (seconds)."""
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as contender:
        try:
            said, _ = contender.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            os.killpg(contender.pid, signal.SIGKILL)  # with what uv has started
            return {"seconds": cast("float", patience), "stopped": True}
    if contender.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {contender.returncode}")
    return cast("dict[str, float]", json.loads(said.splitlines()[-1]))


QUIET = {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR"}


def contenders() -> dict[str, list[str]]:
    """How each is run."""
    uv = str(Path(sys.executable).with_name("uv"))
    isolated = [uv, "run", "--isolated", "--no-project", "--quiet", "--python", sys.executable]
    isolated += [word for package in DLT for word in ("--with", package)]
    script = str(Path(__file__).with_name("peers") / "with_dlt.py")
    return {
        "ours": [sys.executable, "-m", "bench.load", "ours"],
        "pandas": [sys.executable, "-m", "bench.peers.with_pandas"],
        "dlt rows": [*isolated, "python", script, "rows"],
        "dlt arrow, no rules": [*isolated, "python", script, "arrow"],
    }


def report(options: argparse.Namespace, took: dict[str, dict[str, float]]) -> None:
    """Publishes what each took, as times of ours."""
    slower = {who: round(found["seconds"] / took["ours"]["seconds"], 2) for who, found in took.items()}
    publish(
        "load_peers",
        given=f"{options.rows:,} rows in {options.files} files, one run each",
        measures=[Measure(who, **found) for who, found in took.items()],
        ratios={f"{who}: time over ours": ratio for who, ratio in slower.items() if who != "ours"},
        goals=[
            Goal(f"at least {PANDAS_SLOWER} times faster than pandas", slower["pandas"] >= PANDAS_SLOWER),
            Goal(f"at least {DLT_SLOWER} times faster than dlt", slower["dlt rows"] >= DLT_SLOWER),
        ],
    )


if __name__ == "__main__":
    main()

"""The teacher's pages over what a demo has left in its store, in a process of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_TIMEOUT = 60.0  # seconds
STOP_TIMEOUT = 30.0
_ADDRESS = re.compile(r"http://[\d.]+:\d+")


class PagesNotServedError(RuntimeError):
    """The API did not start."""


@contextmanager
def served(log: Path) -> Iterator[str]:
    """The API with its pages and their login, on a free port, until the block ends.

    Args:
        log: File that takes what the process says; replaced.

    Yields:
        Its address.

    Raises:
        PagesNotServedError: It ended, or said no address in time.
    """
    with log.open("wb") as said:
        child = subprocess.Popen(
            [sys.executable, "-m", "api", "--port", "0"],
            env={**os.environ, "LUCA_DEVELOPMENT_LOGIN": "on"},
            stdout=said,
            stderr=said,
        )
    try:
        yield _address(child, log)
    finally:
        child.terminate()
        try:
            child.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _address(child: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        ended = child.poll()
        if found := _ADDRESS.search(log.read_text(errors="replace")):
            return found[0]
        if ended is not None:
            raise PagesNotServedError(
                f"the API ended with {ended}; it said: {log.read_text().strip()[-500:]}"
            )
        time.sleep(0.05)
    raise PagesNotServedError(f"the API said no address in {START_TIMEOUT:.0f} s; its log is {log}")

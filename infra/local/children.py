"""Child processes that never outlive the local cloud, not even when it is killed.

A child holds the reading end of a pipe as its standard input; the cloud holds the writing end
and never writes. However the cloud ends, the kernel closes that end, and the child leaves.
Unlike `PR_SET_PDEATHSIG` this does not depend on which thread started the child.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

REPOSITORY = Path(__file__).resolve().parents[2]


class Child:
    """A running Python module of ours.

    Args:
        module: Name of the module to run, from the repository's root.
        arguments: Its command line.
        environment: All of its environment.
        files: Descriptors that it inherits.
        log: Where its output goes.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        files: Sequence[int],
        log: IO[bytes],
    ) -> None:
        reading, self._lifeline = os.pipe()
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=REPOSITORY,
                env=dict(environment),
                stdin=reading,
                stdout=log,
                stderr=log,
                pass_fds=tuple(files),
                start_new_session=True,  # Ctrl-C is the cloud's to handle
            )
        except BaseException:
            os.close(self._lifeline)
            raise
        finally:
            os.close(reading)

    @property
    def pid(self) -> int:
        """Process id."""
        return self.process.pid

    def kill(self) -> None:
        """Ends the child at once and waits for it."""
        self.process.kill()
        self._reap()

    def stop(self, grace: float) -> None:
        """Asks the child to end, and kills it after `grace` seconds."""
        self.process.terminate()
        try:
            self.process.wait(grace)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self._reap()

    def _reap(self) -> None:
        self.process.wait()
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1


def leave_with_parent() -> None:
    """In the child: ends this process as soon as the cloud's does."""

    def watch() -> None:
        while os.read(0, 1):
            pass
        os._exit(0)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


def base_environment() -> dict[str, str]:
    """What any child needs to run Python at all; nothing of the caller's `AWS_*` or `LUCA_*`."""
    wanted = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT")
    return {name: os.environ[name] for name in wanted if name in os.environ}

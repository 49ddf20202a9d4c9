"""A container's process that is killed as its work has written one object of the lake."""

from __future__ import annotations

import os
import runpy
import signal
import sys
from typing import Any

from adapters import lake

if __name__ == "__main__":
    write = lake.write

    def last(*given: Any) -> None:
        write(*given)
        os.kill(os.getpid(), signal.SIGKILL)

    lake.write = last
    runpy.run_module("infra.local.container_process", run_name="__main__", alter_sys=True)
    sys.exit("it was not killed: it wrote nothing")

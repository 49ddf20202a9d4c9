"""moto in a process of its own, for tests that need a server and not a mock.

moto's state is global to a process, and every `mock_aws` of another test empties it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_SERVER = """
import logging, sys
from moto.server import ThreadedMotoServer
logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line a request would bury what failed
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print("http://%s:%d" % server.get_host_and_port(), flush=True)
sys.stdin.read()
"""


@contextmanager
def moto_process(**environment: str) -> Iterator[str]:
    """Runs moto; gives its endpoint. `environment` is added to the process's own.

    It ends with its standard input, so it cannot outlive the tests.
    """
    with subprocess.Popen(
        [sys.executable, "-c", _SERVER],
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            yield child.stdout.readline().strip()
        finally:
            child.stdin.close()
            child.wait(20)

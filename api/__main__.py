"""Serves the API: `python -m api [--host HOST] [--port PORT]`.

What it needs is in the environment: on one machine `eval "$(luca local env)"`, in AWS the task's.
With `LUCA_DEVELOPMENT_LOGIN=on` the pages take a pasted token (`luca token`) at `/login`.
"""

from __future__ import annotations

import argparse
import sys

from adapters.settings import MissingSettingError
from api.app import Api
from api.edge import behind_edge
from api.pages.site import routes
from api.server import address, listener, raise_open_files, server, spare_the_collector


def main() -> int:
    """Serves until SIGTERM or Ctrl-C; requests under way are answered first."""
    host, port = address()
    parser = argparse.ArgumentParser(prog="python -m api", description="Serves Luca's interactive API.")
    parser.add_argument("--host", default=host)
    parser.add_argument("--port", type=int, default=port, help="0 takes a free one")
    arguments = parser.parse_args()
    raise_open_files()
    try:
        api = Api(pages=routes)
        api.check()
        app = behind_edge(api.app)
    except (MissingSettingError, ValueError) as missing:
        sys.stderr.write(f"python -m api: {missing}\n")
        return 2
    with listener(arguments.host, arguments.port) as bound:
        host, port = bound.getsockname()[:2]
        sys.stderr.write(
            f"Luca's API is at http://{host}:{port}, its documentation at http://{host}:{port}/docs\n"
        )
        running = server(app)
        spare_the_collector()
        running.run(sockets=[bound])
    return 0 if running.started else 1


if __name__ == "__main__":
    sys.exit(main())

"""`python -m infra.local.government`: runs the stand-in until ctrl-C, and says where.

With `--socket` it is a part of the local cloud: it serves there, and ends with its parent.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys

from infra.local.children import leave_with_parent
from infra.local.government.faults import REQUEST_FAULTS, STANDING_FAULTS
from infra.local.government.server import Government


def main() -> None:
    """Reads the command line and serves."""
    known = "\n".join(f"  {name:<18}{what}" for name, what in {**REQUEST_FAULTS, **STANDING_FAULTS}.items())
    parser = argparse.ArgumentParser(
        prog="python -m infra.local.government",
        description=__doc__,
        epilog=f"faults, posted as JSON to /_faults:\n{known}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes any that is free")
    parser.add_argument("--token", help="the bearer token that it wants to see; any by default")
    parser.add_argument("--certificate", nargs=2, metavar=("CHAIN", "KEY"), help="PEM files: speak TLS")
    parser.add_argument("--socket", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    listener = None
    if asked.socket is not None:
        leave_with_parent()
        listener = socket.socket(fileno=asked.socket)
    certificate = (asked.certificate[0], asked.certificate[1]) if asked.certificate else None
    government = Government(asked.port, asked.token, certificate, listener)
    sys.stdout.write(json.dumps({"url": government.url}) + "\n")
    sys.stdout.flush()
    try:
        government.serve()
    except KeyboardInterrupt:
        sys.stderr.write("the government's stand-in has ended\n")


if __name__ == "__main__":
    main()

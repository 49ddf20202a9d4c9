"""The process of the local Athena: queries take whole cores, and must not slow the pipes.

Usage: `python -m infra.local.athena_process SOCKET`. On the inherited socket it is told what to
serve, as one line of JSON, and answers with its endpoint.
"""

from __future__ import annotations

import socket
import sys
import threading
from pathlib import Path

import msgspec

from infra.local.athena import AthenaServer, WorkGroup
from infra.local.children import leave_with_parent
from infra.local.declarations import WorkGroupDeclaration


class Told(msgspec.Struct):
    """What the local Athena is told."""

    work_groups: list[WorkGroupDeclaration]
    cache_dir: str
    region: str
    glue_endpoint: str
    s3_endpoint: str


def main() -> None:
    """Serves until the cloud ends."""
    leave_with_parent()
    with socket.socket(fileno=int(sys.argv[1])) as connection:
        line = connection.makefile("rb").readline()
        if not line:
            return
        told = msgspec.json.decode(line, type=Told)
        server = AthenaServer(
            {
                group.name: WorkGroup(
                    group.name, group.output_location or "", group.enforce, group.bytes_scanned_cutoff
                )
                for group in told.work_groups
            },
            cache_dir=Path(told.cache_dir),
            region=told.region,
            glue_endpoint=told.glue_endpoint,
            s3_endpoint=told.s3_endpoint,
        )
        server.start()
        connection.sendall(server.endpoint.encode() + b"\n")
    threading.Event().wait()


if __name__ == "__main__":
    main()

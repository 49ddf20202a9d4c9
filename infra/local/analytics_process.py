"""The process of Glue and Athena: moto's catalog, and our Athena on DuckDB.

Queries take whole cores and must not slow the pipes; and moto keeps its state in its process, so
that two clouds need two.

Usage: `python -m infra.local.analytics_process SOCKET`. On the inherited socket it says Glue's
endpoint, is then told what to serve as one line of JSON, and says Athena's endpoint.
"""

from __future__ import annotations

import logging
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec

from infra.local.asgi import LOOPBACK
from infra.local.children import leave_with_parent
from infra.local.declarations import WorkGroupDeclaration


class Told(msgspec.Struct):
    """What the local Athena is told."""

    work_groups: list[WorkGroupDeclaration]
    cache_dir: str
    region: str
    glue_endpoint: str
    s3_endpoint: str


def glue() -> str:
    """Starts the catalog on a thread; gives its endpoint."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415  # a second: after the lifeline

    _leave_out_columns_if_asked()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    catalog = ThreadedMotoServer(ip_address=LOOPBACK, port=0, verbose=False)
    catalog.start()
    host, port = catalog.get_host_and_port()
    return f"http://{host}:{port}"


def _leave_out_columns_if_asked() -> None:
    """Teaches moto `ExcludeColumnSchema`: without it each partition repeats its table's columns.

    A query lists every partition of a table, so those columns were most of its time where a table has
    thousands. https://docs.aws.amazon.com/glue/latest/webapi/API_GetPartitions.html
    """
    from moto.glue.responses import GlueResponse  # noqa: PLC0415

    every = GlueResponse.get_partitions

    def get_partitions(self: GlueResponse) -> Any:
        answer: Any = every(self)
        if self.parameters.get("ExcludeColumnSchema"):
            for partition in answer.result["Partitions"]:
                described = partition.get("StorageDescriptor", {})
                partition["StorageDescriptor"] = {
                    name: value for name, value in described.items() if name != "Columns"
                }
        return answer

    GlueResponse.get_partitions = get_partitions


def athena(told: Told) -> str:
    """Starts Athena on threads; gives its endpoint."""
    from infra.local.athena import AthenaServer, WorkGroup  # noqa: PLC0415  # while tables are being made

    groups = {
        group.name: WorkGroup(
            group.name, group.output_location or "", group.enforce, group.bytes_scanned_cutoff
        )
        for group in told.work_groups
    }
    server = AthenaServer(
        groups,
        cache_dir=Path(told.cache_dir),
        region=told.region,
        glue_endpoint=told.glue_endpoint,
        s3_endpoint=told.s3_endpoint,
    )
    server.start()
    return server.endpoint


def main() -> None:
    """Serves until the cloud ends."""
    leave_with_parent()
    with socket.socket(fileno=int(sys.argv[1])) as connection:
        connection.sendall(f"{glue()}\n".encode())
        import infra.local.athena  # noqa: F401, PLC0415  # imports while the resources are being made

        if line := connection.makefile("rb").readline():
            connection.sendall(f"{athena(msgspec.json.decode(line, type=Told))}\n".encode())
    threading.Event().wait()


if __name__ == "__main__":
    main()

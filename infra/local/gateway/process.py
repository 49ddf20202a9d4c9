"""The process of the gateway.

Usage: `python -m infra.local.gateway.process SOCKET CONFIGURATION`: an inherited descriptor, and
JSON as `Configuration` has it.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

import msgspec

from infra.local.asgi import server
from infra.local.children import leave_with_parent
from infra.local.declarations import Route
from infra.local.gateway.access_log import AccessLog
from infra.local.gateway.app import Gateway
from infra.local.wire import JsonService


class Configuration(msgspec.Struct):
    """What the gateway is told.

    Attributes:
        endpoint: Of the store.
        access_key: With which it sends.
        connections: Most messages on their way at once.
        access_log: File of the access log.
        access_log_format: Of its lines.
        access_log_group: Log group that has them too.
        edge_headers: What the edge adds to each request.
    """

    routes: list[Route]
    endpoint: str
    access_key: str
    region: str
    connections: int
    access_log: str | None
    access_log_format: str | None
    access_log_group: str | None
    edge_headers: dict[str, str]


def main() -> None:
    """Serves the HTTP API until the cloud ends."""
    leave_with_parent()
    listener = socket.socket(fileno=int(sys.argv[1]))
    told = msgspec.json.decode(sys.argv[2], type=Configuration)

    def service(name: str, target: str, connections: int) -> JsonService:
        return JsonService(
            told.endpoint,
            name,
            target,
            access_key=told.access_key,
            region=told.region,
            connections=connections,
        )

    log = None
    if told.access_log is not None and told.access_log_group is not None:
        log = AccessLog(
            Path(told.access_log), told.access_log_group, lambda: service("logs", "Logs_20140328", 1)
        )
    gateway = Gateway(
        told.routes,
        lambda: service("sqs", "AmazonSQS", told.connections),
        access_log=None if log is None else log.write,
        access_log_format=told.access_log_format,
        edge_headers=told.edge_headers,
    )
    asyncio.run(_serve(gateway, listener))
    if log is not None:
        log.close()


async def _serve(gateway: Gateway, listener: socket.socket) -> None:
    await server(gateway).serve(sockets=[listener])
    await gateway.close()


if __name__ == "__main__":
    main()

"""The processes beside the main one that serve HTTP: Athena and the gateway."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from infra.local.athena_process import Told
from infra.local.aws import ADMINISTRATOR, REGION, START_TIMEOUT
from infra.local.children import Child, base_environment
from infra.local.declarations import Plan
from infra.local.gateway.process import Configuration

GATEWAY_CONNECTIONS = 8  # messages on their way to the store at once


@contextmanager
def athena(state_dir: Path) -> Iterator[socket.socket]:
    """The process of Athena, importing while the rest starts; gives the connection to it."""
    ours, theirs = socket.socketpair()
    with ours, theirs, (state_dir / "logs" / "athena.log").open("ab") as log:
        child = Child(
            "infra.local.athena_process",
            [str(theirs.fileno())],
            environment={**base_environment(), **ADMINISTRATOR, "AWS_DEFAULT_REGION": REGION},
            files=[theirs.fileno()],
            log=log,
        )
        theirs.close()
        try:
            yield ours
        finally:
            child.kill()


def serve_athena(
    connection: socket.socket, plan: Plan, environment: Mapping[str, str], state_dir: Path
) -> str:
    """Tells Athena's process what to serve, and gives its endpoint.

    Raises:
        RuntimeError: It did not start.
    """
    told = Told(
        work_groups=plan.work_groups,
        cache_dir=str(state_dir / "athena"),
        region=REGION,
        glue_endpoint=environment["AWS_ENDPOINT_URL_GLUE"],
        s3_endpoint=environment["AWS_ENDPOINT_URL"],
    )
    connection.sendall(msgspec.json.encode(told) + b"\n")
    connection.settimeout(START_TIMEOUT)
    endpoint = connection.makefile("r").readline().strip()
    if not endpoint:
        raise RuntimeError(f"the local Athena did not start; its log is {state_dir / 'logs' / 'athena.log'}")
    return endpoint


@contextmanager
def gateway(
    door: socket.socket, plan: Plan, environment: Mapping[str, str], state_dir: Path
) -> Iterator[None]:
    """The gateway's process, on a socket that is already bound: requests wait until it serves."""
    logs = state_dir / "logs"
    told = Configuration(
        routes=plan.routes,
        endpoint=environment["AWS_ENDPOINT_URL"],
        access_key=ADMINISTRATOR["AWS_ACCESS_KEY_ID"],
        region=REGION,
        connections=GATEWAY_CONNECTIONS,
        access_log=str(logs / "access.log") if plan.access_log_format else None,
        access_log_format=plan.access_log_format,
    )
    with (logs / "gateway.log").open("ab") as log:
        child = Child(
            "infra.local.gateway.process",
            [str(door.fileno()), msgspec.json.encode(told).decode()],
            environment=base_environment(),
            files=[door.fileno()],
            log=log,
        )
    try:
        yield
    finally:
        child.kill()

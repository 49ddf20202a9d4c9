"""The processes beside the main one that serve HTTP: Athena, the gateway, the government's stand-in."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from infra.local.analytics_process import Told
from infra.local.asgi import bound_socket, url
from infra.local.aws import ADMINISTRATOR, REGION, START_TIMEOUT
from infra.local.children import Child, base_environment
from infra.local.declarations import Plan
from infra.local.gateway.process import Configuration

GATEWAY_CONNECTIONS = 8  # messages on their way to the store at once


class Analytics:
    """The process of Glue and Athena.

    Args:
        state_dir: For its log and Athena's cache.
    """

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._log = state_dir / "logs" / "analytics.log"
        self._connection, theirs = socket.socketpair()
        self._connection.settimeout(START_TIMEOUT)
        self._said = self._connection.makefile("r", encoding="utf-8")
        with theirs, self._log.open("ab") as log:
            self._child = Child(
                "infra.local.analytics_process",
                [str(theirs.fileno())],
                environment={**base_environment(), **ADMINISTRATOR, "AWS_DEFAULT_REGION": REGION},
                files=[theirs.fileno()],
                log=log,
            )

    def glue(self) -> str:
        """Glue's endpoint, once it serves.

        Raises:
            RuntimeError: It did not start.
        """
        return self._endpoint("Glue")

    def athena(self, plan: Plan, *, glue: str, s3: str) -> str:
        """Tells Athena which work groups to serve, and gives its endpoint.

        Raises:
            RuntimeError: It did not start.
        """
        told = Told(
            work_groups=plan.work_groups,
            cache_dir=str(self._state_dir / "athena"),
            region=REGION,
            glue_endpoint=glue,
            s3_endpoint=s3,
        )
        self._connection.sendall(msgspec.json.encode(told) + b"\n")
        return self._endpoint("Athena")

    def _endpoint(self, what: str) -> str:
        endpoint = self._said.readline().strip()
        if not endpoint:
            raise RuntimeError(f"the local {what} did not start; its log is {self._log}")
        return endpoint

    def stop(self) -> None:
        """Ends it."""
        self._child.kill()
        self._said.close()
        self._connection.close()


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
        access_log_group=plan.access_log_group,
        edge_headers=plan.edge_headers,
    )
    with (logs / "gateway.log").open("ab") as log:
        child = Child(
            "infra.local.gateway.process",
            [str(door.fileno()), msgspec.json.encode(told).decode()],
            environment=base_environment(),
            files=[door.fileno()],
            log=log,
        )
    door.close()  # the child's alone: if it ends, requests are refused instead of waiting for nobody
    try:
        yield
    finally:
        child.kill()


@contextmanager
def government(state_dir: Path) -> Iterator[str]:
    """The government's stand-in, with a memory of its own; where it answers."""
    with bound_socket() as door, (state_dir / "logs" / "government.log").open("ab") as log:
        address = url(door)
        child = Child(
            "infra.local.government",
            ["--socket", str(door.fileno())],
            environment=base_environment(),
            files=[door.fileno()],
            log=log,
        )
    try:
        yield address
    finally:
        child.kill()

"""The store: ministack in a child, and clients of it.

ministack keeps its state in memory. Its child is bound to the loopback address and ends with us.
"""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from infra.local.asgi import LOOPBACK, bound_socket, url
from infra.local.children import Child, base_environment

REGION = "us-east-1"
ACCOUNT_ID = "000000000000"
# ministack takes any key; twelve digits would name another account.
ADMINISTRATOR = {"AWS_ACCESS_KEY_ID": "LOCALADMINISTRATOR", "AWS_SECRET_ACCESS_KEY": "local"}
START_TIMEOUT = 60.0  # seconds; a machine under load takes its time


class Store:
    """ministack, in a child process.

    Args:
        state_dir: Where it may write: its log, and what services keep in files.

    Attributes:
        calls: File of what roles have done (`infra.local.iam.calls`).
    """

    def __init__(self, state_dir: Path) -> None:
        listener = bound_socket()
        self.endpoint = url(listener)
        data = state_dir / "store"
        data.mkdir(parents=True, exist_ok=True)
        self._log = data / "store.log"
        self.calls = data / "calls.jsonl"
        self.calls.unlink(missing_ok=True)
        environment = base_environment() | {
            "MINISTACK_HOST": LOOPBACK,
            "GATEWAY_PORT": self.endpoint.rsplit(":", 1)[1],
            "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
            "MINISTACK_REGION": REGION,
            "BIND_HOST": LOOPBACK,
            "LOG_LEVEL": "WARNING",
            "PERSIST_STATE": "0",
            "STATE_DIR": str(data),
            "LUCA_LOCAL_CALLS": str(self.calls),
            "S3_DATA_DIR": str(data / "s3"),
            "TMPDIR": str(data),
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "DOCKER_HOST": f"unix://{data / 'no-docker.sock'}",  # it must not touch this machine's containers
        }
        with self._log.open("ab") as log, listener:
            self._child = Child(
                "infra.local.store_process",
                [str(listener.fileno())],
                environment=environment,
                files=[listener.fileno()],
                log=log,
            )

    def wait(self) -> None:
        """Until it answers.

        Raises:
            RuntimeError: It ended, or did not answer in time.
        """
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            if self._child.process.poll() is not None:
                raise RuntimeError(f"the store ended as it started; its log is {self._log}")
            try:
                with urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=START_TIMEOUT):  # noqa: S310  # our own
                    return
            except urllib.error.URLError:
                time.sleep(0.02)
        raise RuntimeError(f"the store did not answer within {START_TIMEOUT:.0f} s; its log is {self._log}")

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self._child.pid

    def stop(self) -> None:
        """Ends it; nothing of its state is kept."""
        self._child.kill()


def client(service: str, environment: dict[str, str]) -> Any:
    """A boto3 client that reaches the local cloud whatever the process's own environment says."""
    endpoint = environment.get(f"AWS_ENDPOINT_URL_{service.upper()}", environment["AWS_ENDPOINT_URL"])
    return boto3.client(  # type: ignore[call-overload]  # the name is a variable
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=ADMINISTRATOR["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=ADMINISTRATOR["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"mode": "standard", "max_attempts": 3}, max_pool_connections=16),
    )

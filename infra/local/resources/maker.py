"""What a maker of resources is handed: clients, names, and the plan that it fills."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from infra.local.declarations import Plan
from infra.local.resources.declared import Declared
from infra.local.templates import Made

Maker = Callable[["Workshop", Declared, str], Made]


class Workshop:
    """Where resources are made.

    Args:
        client: boto3 client of a service, by name, reaching the local cloud.
        account_id, region: Of all ARNs.
        gateway_endpoint: URL under which the HTTP API will answer.
        folders: Of the templates; files that they name stand beside them.
    """

    def __init__(
        self,
        client: Callable[[str], Any],
        *,
        account_id: str,
        region: str,
        gateway_endpoint: str,
        folders: tuple[Path, ...] = (),
    ) -> None:
        self.client = cache(client)
        self.account_id = account_id
        self.region = region
        self.gateway_endpoint = gateway_endpoint
        self.folders = folders
        self.plan = Plan()
        self.notes: dict[str, Any] = {}  # what one resource leaves for another: APIs, policies

    def arn(self, service: str, resource: str) -> str:
        """An ARN of this account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account_id}:{resource}"

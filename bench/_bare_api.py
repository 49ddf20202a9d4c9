"""The floor of `bench/api.py`: the least that a route must do which serves a profile.

It verifies the token and makes the same store calls through the same client, on the same server,
and sends what the store said: no routing, no profile, no log.

Usage: `python -m bench._bare_api`; writes its port to standard error.
"""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send

from adapters import tenant_table
from adapters.dynamodb import DynamoDB
from adapters.settings import setting
from adapters.tenancy import Tenants
from adapters.token_keys import TokenKeys
from api.identity import TokenVerifier
from api.server import listener, server


class Bare:
    """One route."""

    def __init__(self) -> None:
        self._dynamodb: DynamoDB
        self._verifier: TokenVerifier
        self._tenants: Tenants

    @asynccontextmanager
    async def _services(self) -> AsyncIterator[None]:
        self._dynamodb = DynamoDB("us-east-1")
        keys = TokenKeys(setting("JWT_ISSUER"))
        self._verifier = TokenVerifier(keys, setting("JWT_ISSUER"), setting("JWT_AUDIENCE"))
        self._tenants = Tenants(self._dynamodb, clock=time.time)
        yield
        await keys.close()
        await self._dynamodb.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] == "lifespan":
            await receive()
            async with self._services():
                await send({"type": "lifespan.startup.complete"})
                await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        headers = dict(scope["headers"])
        identity = await self._verifier.identity(headers[b"authorization"].decode())
        student = scope["path"].split("/")[2]
        since = datetime.now(UTC).date() - timedelta(days=6)
        items: Any = await tenant_table.profile_items(self._tenants.of(identity.school_id), student, since)
        body = msgspec.json.encode(items)
        length = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": length})
        await send({"type": "http.response.body", "body": body})


def main() -> None:
    """Serves until it is killed."""
    with listener("127.0.0.1", 0) as bound:
        sys.stderr.write(f"at http://127.0.0.1:{bound.getsockname()[1]}, bare\n")
        sys.stderr.flush()
        server(Bare()).run(sockets=[bound])


if __name__ == "__main__":
    main()

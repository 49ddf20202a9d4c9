"""The process of the store: ministack behind our own door.

Everything that reaches DynamoDB, SQS, S3, KMS, IAM, STS, SSM or Logs on one machine passes
through `door`, so that a policy evaluator can stand in it.

Usage: `python -m infra.local.store_process SOCKET`, where SOCKET is an inherited descriptor.
"""

from __future__ import annotations

import asyncio
import socket
import sys

from infra.local.asgi import App, Receive, Scope, Send, server
from infra.local.children import leave_with_parent


def door(inner: App) -> App:
    """The application in front of the store: today it lets everyone pass."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await inner(scope, receive, send)

    return app


def main() -> None:
    """Serves the store until the cloud ends."""
    leave_with_parent()
    from ministack.app import app as ministack  # noqa: PLC0415  # after the lifeline: it takes a while

    listener = socket.socket(fileno=int(sys.argv[1]))
    asyncio.run(server(door(ministack), lifespan=True).serve(sockets=[listener]))


if __name__ == "__main__":
    main()

"""The process of the store: ministack behind our own door.

Everything that reaches DynamoDB, SQS, S3, KMS, IAM, STS, SSM or Logs on one machine passes
through `door`, where a policy evaluator stands.

Usage: `python -m infra.local.store_process SOCKET`, where SOCKET is an inherited descriptor.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys

from infra.local.asgi import App, server
from infra.local.children import leave_with_parent
from infra.local.iam.gate import Gate


def door(inner: App) -> App:
    """The application in front of the store: a role's session passes by its policies only."""
    return Gate(inner, account=os.environ["MINISTACK_ACCOUNT_ID"])


def main() -> None:
    """Serves the store until the cloud ends."""
    leave_with_parent()
    from ministack.app import app as ministack  # noqa: PLC0415  # after the lifeline: it takes a while

    listener = socket.socket(fileno=int(sys.argv[1]))
    asyncio.run(server(door(ministack), lifespan=True).serve(sockets=[listener]))


if __name__ == "__main__":
    main()

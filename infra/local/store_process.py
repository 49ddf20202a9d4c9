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
from functools import lru_cache
from pathlib import Path
from types import ModuleType

from infra.local.asgi import App, server
from infra.local.children import leave_with_parent
from infra.local.iam.calls import Calls
from infra.local.iam.gate import Gate


def door(inner: App) -> App:
    """The application in front of the store: a role's session passes by its policies only."""
    calls = Calls(Path(os.environ["LUCA_LOCAL_CALLS"]))
    return Gate(inner, account=os.environ["MINISTACK_ACCOUNT_ID"], calls=calls)


def read_conditions_once(dynamodb: ModuleType) -> None:
    """Lets ministack remember what the text of a condition says.

    It reads the text anew for each item of the partition that a query looks at, which is two thirds
    of its time under the API. Both functions depend on the text alone, and nobody changes their answers.
    """
    for name in ("_tokenize", "_condition_syntax_error"):
        setattr(dynamodb, name, lru_cache(maxsize=1024)(getattr(dynamodb, name)))


def main() -> None:
    """Serves the store until the cloud ends."""
    leave_with_parent()
    from ministack.app import app as ministack  # noqa: PLC0415  # after the lifeline: it takes a while
    from ministack.services import dynamodb  # noqa: PLC0415

    read_conditions_once(dynamodb)

    listener = socket.socket(fileno=int(sys.argv[1]))
    asyncio.run(server(door(ministack), lifespan=True).serve(sockets=[listener]))


if __name__ == "__main__":
    main()

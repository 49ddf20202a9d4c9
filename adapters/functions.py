"""Functions that a person or a job calls by name and waits for."""

from __future__ import annotations

import json
from typing import Any

from adapters.aws import client


class FunctionFailedError(RuntimeError):
    """A function raised.

    Attributes:
        error: Its exception's type.
    """

    def __init__(self, name: str, payload: bytes) -> None:
        told = json.loads(payload)
        self.error = str(told.get("errorType"))
        super().__init__(f"{name}: {self.error}: {told.get('errorMessage')}")


def call(name: str, event: Any) -> Any:
    """Runs a function and gives its answer.

    Args:
        name: Name or ARN.
        event: Whatever JSON can say.

    Raises:
        FunctionFailedError: It raised.
        ClientError, BotoCoreError: Lambda cannot be reached, or has no such function.
    """
    response = client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())
    payload: bytes = response["Payload"].read()
    if "FunctionError" in response:
        raise FunctionFailedError(name, payload)
    return json.loads(payload)

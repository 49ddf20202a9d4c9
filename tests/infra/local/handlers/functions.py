"""Handlers that succeed and fail in every way that the function runtime must tell apart."""

from __future__ import annotations

import os
import time
from decimal import Decimal
from typing import Any


class NothingToSayError(LookupError):
    """An error of the handler's own."""


def echo(event: Any, context: Any) -> dict[str, Any]:
    """The event, and what the context says."""
    return {
        "event": event,
        "function": context.function_name,
        "request_id": context.aws_request_id,
        "arn": context.invoked_function_arn,
        "left": context.get_remaining_time_in_millis(),
    }


def fail(event: Any, context: Any) -> None:
    """An exception of the handler's own type."""
    raise NothingToSayError("nothing to say")


def sleep(event: Any, context: Any) -> int:
    """Takes as long as it is told."""
    time.sleep(event["seconds"])
    return os.getpid()


def leave(event: Any, context: Any) -> None:
    """Ends its process."""
    os._exit(3)


def environment(event: Any, context: Any) -> dict[str, str]:
    """All its variables."""
    return dict(os.environ)


def unspeakable(event: Any, context: Any) -> Any:
    """An answer that is no JSON."""
    return {"amount": Decimal("1.5")}


def long(event: Any, context: Any) -> str:
    """An answer of a length."""
    return "x" * int(event["bytes"])

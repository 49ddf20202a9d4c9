"""One line a request, as JSON, with what an operator may know and nothing of a person.

The route stands there as it is declared (`/profile/{student}`), never as it was called.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

_encoder = msgspec.json.Encoder()


class Line(Struct, kw_only=True, omit_defaults=True):
    """One request.

    Attributes:
        timestamp: When the answer was complete, UTC.
        level: `INFO`, `WARNING` from 400 up, `ERROR` from 500 up.
        service: Name of the service, as in every log of the platform.
        message: `request`.
        method: HTTP method.
        route: As declared; '' where there is none.
        status: HTTP status.
        duration_ms: From the request's head to the answer's last byte.
        correlation_id: To follow a request through all parts.
        school_id: The tenant.
        role: Of the bearer.
        problem: Kind of the problem, if it was one.
    """

    timestamp: str
    level: str
    service: str
    message: str
    method: str
    route: str
    status: int
    duration_ms: float
    correlation_id: str
    school_id: str = ""
    role: str = ""
    problem: str = ""


class AccessLog:
    """Writes lines to standard output, where the container's log driver takes them."""

    def __init__(self) -> None:
        self._service = os.environ.get("POWERTOOLS_SERVICE_NAME", "api")

    def write(
        self,
        *,
        method: str,
        route: str,
        status: int,
        seconds: float,
        correlation_id: str,
        school_id: str = "",
        role: str = "",
        problem: str = "",
    ) -> None:
        """Writes one line; see `Line`."""
        line = Line(
            timestamp=datetime.now(UTC).isoformat(timespec="milliseconds"),
            level="INFO" if status < 400 else "WARNING" if status < 500 else "ERROR",
            service=self._service,
            message="request",
            method=method if method.isalpha() and len(method) <= 10 else "?",
            route=route,
            status=status,
            duration_ms=round(seconds * 1000, 2),
            correlation_id=correlation_id,
            school_id=school_id,
            role=role,
            problem=problem,
        )
        sys.stdout.write(_encoder.encode(line).decode() + "\n")
        sys.stdout.flush()

"""Reads the body of a request: no longer, slower or deeper than a route takes, and all its faults."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from msgspec import NODEFAULT
from starlette.types import Receive

from api.problems import INVALID, MALFORMED, TIMEOUT, TOO_LARGE, Fault, ProblemError

DEADLINE = 10.0  # seconds from the first look to the last byte; 5 MB take 4 s at 10 Mbit/s


async def read(receive: Receive, largest: int, declared: str | None) -> bytes:
    """The whole body.

    Args:
        receive: The request's.
        largest: Most bytes.
        declared: Its `Content-Length`, so that a large one is refused before it is sent.

    Raises:
        ProblemError: It is too large, or does not arrive in time.
    """
    too_large = ProblemError(
        TOO_LARGE, f"this route takes {largest:,} bytes", headers={"Connection": "close"}
    )
    if declared is not None and declared.isdecimal() and int(declared) > largest:
        raise too_large
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(DEADLINE):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ProblemError(TIMEOUT, "the client left before the body was complete")
                part = message.get("body", b"")
                size += len(part)
                if size > largest:
                    raise too_large
                parts.append(part)
                if not message.get("more_body"):
                    return parts[0] if len(parts) == 1 else b"".join(parts)
    except TimeoutError as error:
        raise ProblemError(
            TIMEOUT, f"the body was not complete after {DEADLINE:.0f} s", headers={"Connection": "close"}
        ) from error


def decode(content: bytes, wanted: Any) -> Any:
    """JSON as the type that a route takes.

    Raises:
        ProblemError: It is not JSON, or breaks rules of the type: all of them are named.
    """
    try:
        return msgspec.json.decode(content, type=wanted)
    except msgspec.ValidationError as error:
        raise _invalid(faults(content, wanted) or [fault_of(error)]) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProblemError(MALFORMED, f"the body is not JSON: {error}") from error
    except RecursionError as error:
        raise ProblemError(MALFORMED, "the body is nested too deep") from error


def faults(content: bytes, wanted: Any) -> list[Fault]:
    """All faults of a JSON object, field by field; only taken for a body that was refused."""
    try:
        given = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    return object_faults(given, wanted)


def object_faults(given: Any, wanted: Any, path: str = "$") -> list[Fault]:
    """All faults of a decoded object against a Struct type."""
    if not isinstance(given, dict) or not isinstance(wanted, type) or not issubclass(wanted, msgspec.Struct):
        return []
    found = []
    known = set()
    for field in msgspec.structs.fields(wanted):
        known.add(field.encode_name)
        place = f"{path}.{field.encode_name}"
        if field.encode_name not in given:
            if field.default is NODEFAULT and field.default_factory is NODEFAULT:
                found.append(Fault(place, "is missing"))
            continue
        try:
            msgspec.convert(given[field.encode_name], field.type, strict=True)
        except msgspec.ValidationError as error:
            inner = fault_of(error)
            found.append(Fault(place + inner.path[1:], inner.rule))
    if wanted.__struct_config__.forbid_unknown_fields:
        found += [
            Fault(f"{path}.{str(name)[:80]}", "is not a field of this body")
            for name in given
            if name not in known
        ]
    return found


def fault_of(error: msgspec.ValidationError) -> Fault:
    """Takes msgspec's words apart: "Expected `str`, got `int` - at `$.subject`"."""
    rule, _, place = str(error).partition(" - at ")
    return Fault(place.strip("`") or "$", rule)


def _invalid(found: list[Fault]) -> ProblemError:
    return ProblemError(INVALID, "; ".join(f"{each.path}: {each.rule}" for each in found[:10]), found[:100])

"""The process of one function instance: imports the handler and answers invocations, one at a time.

Usage: `python -m infra.local.function_worker HANDLER SOCKET`. Frames on the socket are a
length-prefixed head and a length-prefixed payload, both JSON.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import socket
import struct
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any, cast

import msgspec

from infra.local.children import leave_with_parent

# Without a handler of the function's own this goes to standard error, which is its log.
logger = logging.getLogger("luca.local.function")

FRAME = struct.Struct(">II")

Handler = Callable[[Any, Any], Any]


@dataclass
class Context:
    """What Lambda hands to a handler beside the event.

    https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
    """

    aws_request_id: str
    invoked_function_arn: str
    deadline: float
    function_name: str = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
    function_version: str = "$LATEST"
    memory_limit_in_mb: str = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    log_group_name: str = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME", "")
    log_stream_name: str = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME", "")
    client_context: None = None
    identity: None = None

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function is killed."""
        return max(0, int((self.deadline - time.time()) * 1000))


def error_of(error: BaseException, request_id: str, *, kind: str | None = None) -> dict[str, Any]:
    """An error as Lambda reports it: the exception's own type, message and stack."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if frame.filename != __file__ and "importlib" not in frame.filename]
    return {
        "errorMessage": str(error),
        "errorType": kind or type(error).__name__,
        "requestId": request_id,
        "stackTrace": traceback.format_list(ours),
    }


def import_handler(name: str) -> Handler:
    """The function that a template's Handler names."""
    module, _, function = name.rpartition(".")
    found: Handler = getattr(importlib.import_module(module), function)
    return found


def read_frame(stream: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    """Head and payload of the next frame; None at the end."""
    sizes = stream.read(FRAME.size)
    if len(sizes) < FRAME.size:
        return None
    head_size, payload_size = FRAME.unpack(sizes)
    return msgspec.json.decode(stream.read(head_size)), stream.read(payload_size)


def write_frame(stream: IO[bytes], head: dict[str, Any], payload: bytes) -> None:
    """Writes one frame."""
    encoded = msgspec.json.encode(head)
    stream.write(FRAME.pack(len(encoded), len(payload)) + encoded + payload)
    stream.flush()


def answer(handler: Handler, head: dict[str, Any], payload: bytes) -> tuple[bool, bytes]:
    """Runs the handler once: whether it succeeded, and its result or error as JSON."""
    request_id = head["request_id"]
    context = Context(request_id, head["arn"], head["deadline"])
    try:
        result = handler(msgspec.json.decode(payload), context)
    except Exception as error:
        logger.exception("handler failed")
        return False, json.dumps(error_of(error, request_id)).encode()
    try:
        # The standard library's encoder, as in Lambda: it refuses what Lambda would refuse.
        return True, json.dumps(result, ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        logger.exception("the answer is no JSON")
        return False, json.dumps(error_of(error, request_id, kind="Runtime.MarshalError")).encode()


def main() -> None:
    """Answers invocations until the cloud ends."""
    leave_with_parent()
    handler_name, descriptor = sys.argv[1], int(sys.argv[2])
    with socket.socket(fileno=descriptor) as connection:
        stream = cast("IO[bytes]", connection.makefile("rwb", buffering=1024 * 1024))
        failed: BaseException | None = None
        handler: Handler | None = None
        try:
            handler = import_handler(handler_name)
        except Exception as error:
            logger.exception("handler cannot be imported")
            failed = error
        write_frame(stream, {"ready": True}, b"")
        while (frame := read_frame(stream)) is not None:
            head, payload = frame
            if handler is None:
                assert failed is not None
                missing = isinstance(failed, ImportError | AttributeError)
                kind = "Runtime.ImportModuleError" if missing else None
                ok, body = False, json.dumps(error_of(failed, head["request_id"], kind=kind)).encode()
            else:
                ok, body = answer(handler, head, payload)
            sys.stdout.flush()
            write_frame(stream, {"ok": ok}, body)


if __name__ == "__main__":
    main()

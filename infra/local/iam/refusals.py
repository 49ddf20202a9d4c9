"""How AWS says no, in the protocol of each service, so that its clients raise what they raise there."""

from __future__ import annotations

import json
from typing import NamedTuple
from xml.sax.saxutils import escape

from infra.local.asgi import Send, reply

_QUERY_SERVICES = {"iam", "sts"}


class Refusal(NamedTuple):
    """Error code, message and HTTP status."""

    code: str
    message: str
    status: int


UNKNOWN_KEY = Refusal(
    "UnrecognizedClientException", "The security token included in the request is invalid.", 400
)
EXPIRED = Refusal("ExpiredTokenException", "The security token included in the request is expired", 400)


class RefusedError(Exception):
    """A request that does not pass."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def denied(who: str, action: str, resource: str, reason: str) -> Refusal:
    """The caller is known, and may not."""
    message = f"User: {who} is not authorized to perform: {action} on resource: {resource} because {reason}"
    return Refusal("AccessDeniedException", message, 400)


def malformed(why: str) -> Refusal:
    """A policy cannot be read."""
    return Refusal("MalformedPolicyDocument", why, 400)


def invalid(why: str) -> Refusal:
    """A parameter is out of bounds."""
    return Refusal("ValidationError", why, 400)


async def refuse(send: Send, service: str, refused: RefusedError) -> None:
    """Sends a refusal in the protocol of a service."""
    code, message, status = refused.refusal
    if service == "s3":
        # https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
        code = code.removesuffix("Exception")
        body = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        await reply(send, 403, body.encode(), b"application/xml")
        return
    if service in _QUERY_SERVICES:
        code = code.removesuffix("Exception")
        status = 403 if code == "AccessDenied" else status
        body = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>"
            f"<Message>{escape(message)}</Message></Error></ErrorResponse>"
        )
        await reply(send, status, body.encode(), b"text/xml")
        return
    document = {"__type": f"com.amazon.coral.service#{code}", "message": message}
    await reply(
        send,
        status,
        json.dumps(document).encode(),
        b"application/x-amz-json-1.0",
        [(b"x-amzn-errortype", code.encode())],
    )

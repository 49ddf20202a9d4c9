"""Parameter mappings of an integration: `$request.body`, `$context.…`, `${…}` inside text.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-parameter-mapping.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

PARAMETERS = {"DelaySeconds", "MessageAttributes", "MessageBody", "MessageGroupId", "QueueUrl"}

_WHOLE = re.compile(r"\$(request\.body|request\.header\.[\w-]+|context\.[\w.:-]+)")
_INSIDE = re.compile(r"\$\{([^}]+)\}")


class MappingError(ValueError):
    """A parameter mapping is not understood."""


@dataclass(frozen=True)
class Request:
    """What a mapping can speak of.

    Attributes:
        headers: By lower-case name.
        claims: Of the token; empty on a route without authorizer.
    """

    request_id: str
    route_key: str
    body: str
    headers: dict[str, str]
    claims: dict[str, Any]


Mapped = Callable[[Request], str | None]


def compile_mappings(parameters: dict[str, str]) -> dict[str, Mapped]:
    """The mappings of an SQS-SendMessage integration, by parameter.

    Raises:
        MappingError: A parameter or an expression is not run here.
    """
    if unknown := sorted(set(parameters) - PARAMETERS):
        raise MappingError(f"parameters {unknown} of SQS-SendMessage are not run, only {sorted(PARAMETERS)}")
    return {name: compile_mapping(expression) for name, expression in parameters.items()}


def compile_mapping(expression: str) -> Mapped:
    """A function that gives the parameter's value for a request; None where the request has none.

    Raises:
        MappingError: The expression names something unknown.
    """
    if whole := _WHOLE.fullmatch(expression):
        return _variable(whole[1])
    if "$" in _INSIDE.sub("", expression):
        raise MappingError(f"mapping {expression!r}: a variable stands alone or as ${{…}} inside text")
    parts: list[str | Mapped] = []
    at = 0
    for match in _INSIDE.finditer(expression):
        parts += [expression[at : match.start()], _variable(match[1])]
        at = match.end()
    parts.append(expression[at:])

    def text(request: Request) -> str:
        return "".join(part if isinstance(part, str) else part(request) or "" for part in parts)

    return text


def _variable(name: str) -> Mapped:
    if name == "request.body":
        return lambda request: request.body or None
    if name.startswith("request.header."):
        header = name.removeprefix("request.header.").lower()
        return lambda request: request.headers.get(header)
    if name == "context.requestId":
        return lambda request: request.request_id
    if name == "context.routeKey":
        return lambda request: request.route_key
    if name.startswith("context.authorizer.claims."):
        claim = name.removeprefix("context.authorizer.claims.")
        return lambda request: _claim(request.claims.get(claim))
    raise MappingError(f"mapping variable {name!r} is not understood by infra/local/gateway/mapping.py")


def _claim(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list):
        return f"[{' '.join(map(str, value))}]"  # as API Gateway prints lists of claims
    return str(value)

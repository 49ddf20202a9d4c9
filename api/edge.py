"""Lets only those requests in that came through the edge and its firewall.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/add-origin-custom-headers.html
"""

from __future__ import annotations

import os

from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.edge_secret import HEADER, is_one_of, values_of
from api import problems
from api.dispatch import correlation_of, respond
from api.operations import Answer
from api.problems import ProblemError

# A load balancer asks these of each instance, and does not come through the edge.
_OPEN = {"/health", "/ready"}
_HEADER = HEADER.encode()


class EdgeOnly:
    """The application behind the edge.

    Args:
        app: The application.
        values: Values of the edge's header that are in force.
    """

    def __init__(self, app: ASGIApp, values: tuple[str, ...]) -> None:
        self._app, self._values = app, values

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or refuses it."""
        if scope["type"] == "http" and scope["path"] not in _OPEN:
            headers = dict(scope["headers"])
            if not is_one_of(headers.get(_HEADER, b"").decode("latin-1"), self._values):
                correlation_id = correlation_of(headers)
                refused = ProblemError(problems.NOT_FROM_EDGE, problems.NOT_FROM_EDGE.remedy)
                body = refused.body(correlation_id)
                answer = Answer(body, refused.kind.status, refused.headers, problems.MEDIA_TYPE)
                await respond(send, answer, correlation_id)
                return
        await self._app(scope, receive, send)


def behind_edge(app: ASGIApp) -> ASGIApp:
    """The application as it is served: behind the edge where `LUCA_EDGE_SECRETS` holds the edge's secret.

    ECS and App Runner put the secret there at the start of each instance. On one machine there is no edge.

    Raises:
        ValueError: What is there is no secret of the edge.
    """
    secret = os.environ.get("LUCA_EDGE_SECRETS")
    return app if secret is None else EdgeOnly(app, values_of(secret))

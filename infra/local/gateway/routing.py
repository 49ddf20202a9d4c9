"""Which route takes a request: a full match before `{proxy+}`, a method before `ANY`.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, NamedTuple, TypeVar

GREEDY = "{proxy+}"

T = TypeVar("T")


class Found(NamedTuple, Generic[T]):
    """What takes a request.

    Attributes:
        route: Whatever stands for it.
        proxy: What `{proxy+}` stands for; '' on a route without it.
    """

    route: T
    proxy: str


class Routes(Generic[T]):
    """The routes of an API.

    Args:
        routes: By method (or `ANY`) and path: literal, or ending with `/{proxy+}`.
    """

    def __init__(self, routes: Mapping[tuple[str, str], T]) -> None:
        self._routes = dict(routes)
        ends = {path.removesuffix(GREEDY) for _, path in routes if path.endswith(f"/{GREEDY}")}
        self._prefixes = sorted(ends, key=len, reverse=True)

    def find(self, method: str, path: str) -> Found[T] | None:
        """The route of a request; None where there is none.

        Args:
            method: Of the request.
            path: As it was sent.
        """
        if (route := self._of(method, path)) is not None:
            return Found(route, "")
        for prefix in self._prefixes:
            if path.startswith(prefix) and (proxy := path.removeprefix(prefix)):
                route = self._of(method, prefix + GREEDY)
                if route is not None:
                    return Found(route, proxy)
        return None

    def _of(self, method: str, path: str) -> T | None:
        return self._routes.get((method, path), self._routes.get(("ANY", path)))

from __future__ import annotations

import pytest

from infra.local.gateway.routing import Routes

ROUTES = Routes(
    {
        key: " ".join(key)
        for key in (
            ("POST", "/behavior"),
            ("GET", "/docs"),
            ("ANY", "/{proxy+}"),
            ("GET", "/deep/{proxy+}"),
            ("ANY", "/any"),
        )
    }
)


@pytest.mark.parametrize(
    ("method", "path", "route", "proxy"),
    [
        ("POST", "/behavior", "POST /behavior", ""),
        ("GET", "/behavior", "ANY /{proxy+}", "behavior"),
        ("GET", "/docs", "GET /docs", ""),
        ("PUT", "/docs", "ANY /{proxy+}", "docs"),
        ("DELETE", "/any", "ANY /any", ""),
        ("GET", "/profile/ana/activity", "ANY /{proxy+}", "profile/ana/activity"),
        ("GET", "/deep/er", "GET /deep/{proxy+}", "er"),
        ("PUT", "/deep/er", "ANY /{proxy+}", "deep/er"),
        ("GET", "/caf%C3%A9", "ANY /{proxy+}", "caf%C3%A9"),
    ],
)
def test_the_closest_route_takes_a_request(method: str, path: str, route: str, proxy: str) -> None:
    assert ROUTES.find(method, path) == (route, proxy)


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", "")])
def test_a_path_without_a_rest_is_no_greedy_routes(method: str, path: str) -> None:
    assert ROUTES.find(method, path) is None


def test_without_a_greedy_route_other_paths_have_none() -> None:
    assert Routes({("POST", "/behavior"): 1}).find("GET", "/behavior") is None

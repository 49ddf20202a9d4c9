from __future__ import annotations

from pathlib import Path
from typing import Any

from api.app import Api
from infra.local.templates import read_template

TEMPLATE = read_template(Path(__file__).parents[2] / "infra" / "api.yaml")


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    return {name: each.properties for name, each in TEMPLATE.resources.items() if each.type == kind}


def test_only_the_documentation_is_open_without_a_token_and_all_of_it_is() -> None:
    routes = of_type("AWS::ApiGatewayV2::Route").values()
    without = {route["RouteKey"] for route in routes if route.get("AuthorizationType") != "JWT"}
    served = {
        f"GET {route.path}"
        for route in Api().app.routes
        if route.path in {"/docs", "/docs.css", "/openapi.json"}
    }
    assert without == served


def test_every_other_path_needs_a_token_at_the_edge_too() -> None:
    routes = {route["RouteKey"]: route for route in of_type("AWS::ApiGatewayV2::Route").values()}
    assert routes["ANY /{proxy+}"]["AuthorizationType"] == "JWT"


def test_without_a_container_there_is_no_route_to_one() -> None:
    for kind in ("AWS::ApiGatewayV2::Route", "AWS::ApiGatewayV2::Integration"):
        for name in of_type(kind):
            assert TEMPLATE.resources[name].condition == "HasContainer", name


def test_the_outputs_are_what_the_container_asks_for() -> None:
    from infra.local.cloud import variable

    given = {variable(name) for name in TEMPLATE.outputs} | {"LUCA_TABLE"}
    assert {"LUCA_TABLE", "LUCA_TENANT_ROLE", "LUCA_JWT_ISSUER", "LUCA_JWT_AUDIENCE"} <= given

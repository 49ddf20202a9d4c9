"""The gateway's routes and the API's description, each held against the other."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from api import openapi
from api.app import Api
from api.routes import OPERATIONS
from infra.local.gateway.routing import Routes
from infra.local.templates import Resource
from lambdas.behavior_writer import correlation_id
from tests.infra.deployed import of_type

DOCUMENTED = [
    (method.upper(), path)
    for path, methods in openapi.document(OPERATIONS)["paths"].items()
    for method in methods
]
INTEGRATIONS = {f"integrations/{each.logical_id}": each for each in of_type("AWS::ApiGatewayV2::Integration")}


def routes() -> dict[tuple[str, str], Resource]:
    found = {}
    for route in of_type("AWS::ApiGatewayV2::Route"):
        method, _, path = route.properties["RouteKey"].partition(" ")
        found[method, path] = route
    return found


def serving(method: str, path: str) -> tuple[Resource, dict[str, Any]]:
    """The route of a request and its integration."""
    found = Routes(routes()).find(method, re.sub(r"\{\w+\}", "x", path))
    assert found is not None, f"{method} {path}: no route serves it"
    return found.route, INTEGRATIONS[found.route.properties["Target"]].properties


@pytest.mark.parametrize(("method", "path"), DOCUMENTED)
def test_what_is_documented_is_served_to_bearers_of_a_token(method: str, path: str) -> None:
    route, integration = serving(method, path)
    assert route.properties["AuthorizationType"] == "JWT"
    queued = integration.get("IntegrationSubtype") == "SQS-SendMessage"
    assert queued is (path == "/behavior")
    assert integration["IntegrationType"] == ("AWS_PROXY" if queued else "HTTP_PROXY")


def test_what_is_served_by_name_is_documented_or_is_the_documentation() -> None:
    own = {
        ("GET", each.path)
        for each in Api().app.routes
        if each.path in {"/docs", "/docs.css", "/openapi.json"}
    }
    assert {each for each in routes() if "{proxy+}" not in each[1]} == {("POST", "/behavior"), *own}


def test_every_integration_is_a_routes() -> None:
    assert {each.properties["Target"] for each in of_type("AWS::ApiGatewayV2::Route")} == set(INTEGRATIONS)


def test_the_worker_reads_what_the_gateway_sends_with_a_message() -> None:
    _, integration = serving("POST", "/behavior")
    sent = json.loads(integration["RequestParameters"]["MessageAttributes"])
    assert set(sent) == {"correlation_id", "edge"}
    given, request = "0b5e2c9c-4c5f-4b8e-9d3a-1f2a3b4c5d6e", "JKJaXmPLvHcESHA="
    text = sent["correlation_id"]["StringValue"]
    text = text.replace("${request.header.x-correlation-id}", given).replace("${context.requestId}", request)
    message = {"messageId": "other", "messageAttributes": {"correlation_id": {"stringValue": text}}}
    assert correlation_id(message) == given

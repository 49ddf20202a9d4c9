from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from adapters.edge_secret import HEADER
from api.app import Api
from infra.local.cloud import variable
from infra.local.templates import read_template

INFRA = Path(__file__).parents[2] / "infra"
TEMPLATE = read_template(INFRA / "routes.yaml")
SERVICE = read_template(INFRA / "service.yaml")


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


def asked() -> set[str]:
    """What the container's code does not start without."""
    text = (INFRA.parent / "api" / "app.py").read_text()
    (names,) = re.findall(r"for name in \(([^)]*)\):\n\s+setting\(name\)", text)
    return {f"LUCA_{name}" for name in re.findall(r'"(\w+)"', names)}


def test_the_container_is_given_what_it_asks_for_wherever_it_runs() -> None:
    express = SERVICE.resources["Service"].properties["PrimaryContainer"]["Environment"]
    image = SERVICE.resources["AppRunner"].properties["SourceConfiguration"]["ImageRepository"]
    app_runner = image["ImageConfiguration"]["RuntimeEnvironmentVariables"]
    assert {each["Name"] for each in express} == asked()
    assert express == app_runner


def test_on_one_machine_the_outputs_are_what_the_container_asks_for() -> None:
    outputs = [read_template(INFRA / name).outputs for name in ("store.yaml", "api.yaml")]
    assert asked() <= {variable(name) for each in outputs for name in each}


def test_instances_are_warm_when_the_school_morning_begins_and_fewer_when_it_has_ended() -> None:
    morning, noon = (SERVICE.resources[name].properties for name in ("Morning", "Noon"))
    assert morning["ScheduleExpression"] == "cron(50 6 ? * MON-FRI *)"
    assert morning["ScheduleExpressionTimezone"] == {"Ref": "EasternZone"}
    assert noon["ScheduleExpression"] == "cron(0 12 ? * MON-FRI *)"
    assert noon["ScheduleExpressionTimezone"] == {"Ref": "WesternZone"}
    least = [
        json.loads(re.sub(r"\$\{(\w+)\}(?=[,}])", r'"\1"', each["Target"]["Input"]["Fn::Sub"]))["MinCapacity"]
        for each in (morning, noon)
    ]
    assert least == ["MorningTasks", "LeastTasks"]


def test_what_stands_behind_the_edge_is_told_its_secret_and_the_edge_sends_it() -> None:
    secret = {"Fn::ImportValue": "luca-EdgeSecretArn"}
    express = SERVICE.resources["Service"].properties["PrimaryContainer"]["Secrets"]
    image = SERVICE.resources["AppRunner"].properties["SourceConfiguration"]["ImageRepository"]
    assert express == [{"Name": "LUCA_EDGE_SECRETS", "ValueFrom": secret}]
    assert image["ImageConfiguration"]["RuntimeEnvironmentSecrets"] == [
        {"Name": "LUCA_EDGE_SECRETS", "Value": secret}
    ]
    (origin,) = (
        read_template(INFRA / "edge.yaml").resources["Edge"].properties["DistributionConfig"]["Origins"]
    )
    (header,) = origin["OriginCustomHeaders"]
    assert header["HeaderName"] == HEADER
    made = read_template(INFRA / "store.yaml").resources["EdgeSecret"].properties
    assert f"secretsmanager:{made['Name']}:SecretString:value" in header["HeaderValue"]

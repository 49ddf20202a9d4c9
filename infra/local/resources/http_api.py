"""API Gateway HTTP APIs: routes noted in the plan, for our gateway to play."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from infra.local.declarations import Authorizer, Route
from infra.local.gateway.forwarding import check_parameters
from infra.local.gateway.mapping import MappingError, compile_mappings
from infra.local.gateway.routing import GREEDY
from infra.local.resources.declared import Declared
from infra.local.resources.maker import Workshop
from infra.local.templates import Made, TemplateError

API_ID = "local"


def api(shop: Workshop, declared: Declared, logical_id: str) -> Made:
    """AWS::ApiGatewayV2::Api. The local cloud runs one."""
    declared.only("ProtocolType", "HTTP")
    declared.without_effect("Name", "Description", "DisableExecuteApiEndpoint", "Tags")
    declared.done()
    if "api" in shop.notes:
        raise TemplateError(f"{declared.place}: a second HTTP API; the local cloud runs one")
    shop.notes["api"] = logical_id
    return Made(API_ID, {"ApiEndpoint": shop.gateway_endpoint, "ApiId": API_ID})


def stage(shop: Workshop, declared: Declared, logical_id: str) -> Made:
    """AWS::ApiGatewayV2::Stage: the default one, with its access log."""
    declared.only("ApiId", API_ID)
    declared.only("StageName", "$default")
    declared.only("AutoDeploy", True)
    if log := declared.take("AccessLogSettings", None):
        shop.plan.access_log_format = log["Format"]
        shop.plan.access_log_group = log["DestinationArn"].split(":log-group:")[1].split(":")[0]
    if declared.take("DefaultRouteSettings", None):
        shop.plan.absent.append((f"{declared.place}.DefaultRouteSettings", "one machine throttles itself"))
    declared.without_effect("Tags", "Description")
    declared.done()
    return Made("$default")


def authorizer(shop: Workshop, declared: Declared, logical_id: str) -> Made:
    """AWS::ApiGatewayV2::Authorizer for JWTs."""
    declared.only("ApiId", API_ID)
    declared.only("AuthorizerType", "JWT")
    declared.only("IdentitySource", ["$request.header.Authorization"])
    declared.without_effect("Name")
    configuration = declared.part("JwtConfiguration")
    declared.done()
    made = Authorizer(configuration.take("Issuer"), tuple(configuration.take("Audience")))
    configuration.done()
    shop.notes[f"authorizer/{logical_id}"] = made
    return Made(logical_id, {"AuthorizerId": logical_id})


def integration(shop: Workshop, declared: Declared, logical_id: str) -> Made:
    """AWS::ApiGatewayV2::Integration that sends to a queue, or on to a server."""
    declared.only("ApiId", API_ID)
    kind = declared.take("IntegrationType")
    declared.only("PayloadFormatVersion", "1.0")
    declared.without_effect("CredentialsArn", "Description", "TimeoutInMillis")
    parameters = declared.take("RequestParameters", {})
    uri = None
    check: Callable[[dict[str, str]], object] = compile_mappings
    if kind == "HTTP_PROXY":
        uri, check = declared.take("IntegrationUri"), check_parameters
        if declared.take("IntegrationMethod") not in {"ANY", "GET"}:
            raise TemplateError(f"{declared.place}: IntegrationMethod: only ANY and GET are run")
    elif (subtype := declared.take("IntegrationSubtype", None)) != "SQS-SendMessage" or kind != "AWS_PROXY":
        raise TemplateError(
            f"{declared.place}: {kind} {subtype}: only HTTP_PROXY and SQS-SendMessage of AWS_PROXY are run"
        )
    try:
        check(parameters)
    except MappingError as wrong:
        raise TemplateError(f"{declared.place}.RequestParameters: {wrong}") from wrong
    shop.notes[f"integration/{logical_id}"] = (parameters, uri)
    declared.done()
    return Made(logical_id)


def route(shop: Workshop, declared: Declared, logical_id: str) -> Made:
    """AWS::ApiGatewayV2::Route."""
    declared.only("ApiId", API_ID)
    method, path = declared.take("RouteKey").split(" ", 1)
    if "{" in path.removesuffix(f"/{GREEDY}"):
        raise TemplateError(f"{declared.place}: path {path!r}: only literal paths and /{GREEDY} are run")
    kind = declared.take("AuthorizationType", "NONE")
    if kind not in {"NONE", "JWT"}:
        raise TemplateError(f"{declared.place}: AuthorizationType {kind!r}: only NONE and JWT are run")
    authorizer_id = declared.take("AuthorizerId", None)
    scopes = tuple(declared.take("AuthorizationScopes", []))
    target = declared.take("Target").removeprefix("integrations/")
    declared.without_effect("OperationName")
    declared.done()
    parameters, uri = _noted(shop, declared, f"integration/{target}")
    who = _noted(shop, declared, f"authorizer/{authorizer_id}") if kind == "JWT" else None
    shop.plan.routes.append(Route(method, path, who, parameters, scopes, uri))
    return Made(logical_id)


def _noted(shop: Workshop, declared: Declared, what: str) -> Any:
    if what not in shop.notes:
        raise TemplateError(f"{declared.place}: {what} is not declared")
    return shop.notes[what]

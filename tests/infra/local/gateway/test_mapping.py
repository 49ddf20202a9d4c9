from __future__ import annotations

import pytest

from infra.local.gateway.mapping import MappingError, Request, compile_mapping

REQUEST = Request(
    request_id="r1",
    route_key="POST /behavior",
    body='{"a":1}',
    headers={"x-correlation-id": "c1"},
    claims={"school_id": "school_1", "groups": ["a", "b"], "exp": 7},
)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("$request.body", '{"a":1}'),
        ("$request.header.X-Correlation-Id", "c1"),
        ("$request.header.other", None),
        ("$context.authorizer.claims.school_id", "school_1"),
        ("$context.authorizer.claims.missing", None),
        ("$context.authorizer.claims.groups", "[a b]"),
        ("$context.authorizer.claims.exp", "7"),
        ("$context.requestId", "r1"),
        ("https://queue/of/mine", "https://queue/of/mine"),
        ("${request.header.x-correlation-id} ${context.requestId}", "c1 r1"),
        ('{"a":"${request.header.other}"}', '{"a":""}'),
    ],
)
def test_a_mapping_takes_its_value_from_the_request(expression: str, value: str | None) -> None:
    assert compile_mapping(expression)(REQUEST) == value


@pytest.mark.parametrize(
    "expression", ["$request.path.id", "$context.surprise", "a $request.body", "${stage.x}"]
)
def test_an_unknown_variable_raises_when_the_gateway_starts(expression: str) -> None:
    with pytest.raises(MappingError):
        compile_mapping(expression)

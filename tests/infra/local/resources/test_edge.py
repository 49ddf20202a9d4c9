from __future__ import annotations

import json
from typing import Any

import pytest

from infra.local.resources.edge import resolved
from infra.local.templates import TemplateError


class Secrets:
    """Secrets Manager with one secret."""

    def get_secret_value(self, SecretId: str) -> dict[str, Any]:  # noqa: N803
        assert SecretId == "luca/edge"
        return {"SecretString": json.dumps({"value": "v", "before": ""})}


def test_a_header_has_what_the_secret_says() -> None:
    headers = {"x-edge": "{{resolve:secretsmanager:luca/edge:SecretString:value}}", "x-other": "plain"}
    assert resolved(headers, Secrets()) == {"x-edge": "v", "x-other": "plain"}


def test_a_key_that_the_secret_has_not_is_named() -> None:
    with pytest.raises(TemplateError, match=r"the secret has no 'other', only \['before', 'value'\]"):
        resolved({"x": "{{resolve:secretsmanager:luca/edge:SecretString:other}}"}, Secrets())

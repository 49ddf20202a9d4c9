"""CloudFront: on one machine the gateway is reached at once, and adds the headers that the edge would add."""

from __future__ import annotations

import json
import re
from typing import Any

from infra.local.resources.declared import Declared
from infra.local.resources.maker import Workshop
from infra.local.templates import Made, TemplateError

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references-secretsmanager.html
_REFERENCE = re.compile(r"\{\{resolve:secretsmanager:([^:}]+):SecretString:([^:}]+)\}\}")


def distribution(shop: Workshop, declared: Declared, logical_id: str) -> Made:
    """AWS::CloudFront::Distribution: its origin's headers, noted as they are written."""
    origins = declared.take("DistributionConfig")["Origins"]
    declared.without_effect("Tags")
    declared.done()
    shop.plan.edge_headers |= {
        each["HeaderName"].lower(): each["HeaderValue"]
        for origin in origins
        for each in origin.get("OriginCustomHeaders", [])
    }
    why = "no edge stands between a laptop and itself; the gateway adds its headers"
    shop.plan.absent.append((f"{declared.place} (AWS::CloudFront::Distribution)", why))
    return Made(logical_id, {"DomainName": f"{logical_id.lower()}.cloudfront.net", "Id": logical_id})


def resolved(headers: dict[str, str], secrets: Any) -> dict[str, str]:
    """Headers with their references to secrets put in.

    Args:
        headers: By name.
        secrets: boto3's client of Secrets Manager.

    Raises:
        TemplateError: A secret has no such key.
    """

    def value(reference: re.Match[str]) -> str:
        told = json.loads(secrets.get_secret_value(SecretId=reference[1])["SecretString"])
        if reference[2] not in told:
            raise TemplateError(f"{reference[0]}: the secret has no {reference[2]!r}, only {sorted(told)}")
        return str(told[reference[2]])

    return {name: _REFERENCE.sub(value, text) for name, text in headers.items()}

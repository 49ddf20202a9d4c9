"""Logs, metrics and traces of everything that runs, in one place.

Structured logs carry the correlation id and never a name, an identifier of a person, or a
score. The service's name comes from `POWERTOOLS_SERVICE_NAME`.
"""

from __future__ import annotations

from aws_lambda_powertools import Logger, Metrics, Tracer

NAMESPACE = "Luca"

logger = Logger()
metrics = Metrics(namespace=NAMESPACE)
tracer = Tracer()

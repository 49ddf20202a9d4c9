"""`python -m pipelines.profiles`: the job as its container runs it."""

from __future__ import annotations

from datetime import UTC, datetime

from adapters.telemetry import logger
from pipelines.profiles.publishing import publish

if __name__ == "__main__":
    logger.info(publish(now=datetime.now(UTC), progress=logger.info).summary)

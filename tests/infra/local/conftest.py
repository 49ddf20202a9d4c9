from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.cloud import LocalCloud

TEMPLATES = Path(__file__).parent / "templates"


@pytest.fixture(scope="session")
def way(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """A local cloud of `templates/way.yaml`: one for each worker, shared by its tests."""
    with LocalCloud.start(tmp_path_factory.mktemp("way"), templates=[TEMPLATES / "way.yaml"]) as cloud:
        # Warm, so that no message becomes visible again while a busy machine imports boto3.
        cloud.functions.invoke("way-writer", {"Records": []})
        cloud.functions.invoke("way-enricher", [])
        yield cloud

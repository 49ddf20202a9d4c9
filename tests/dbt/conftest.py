from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dbt import cloud


@pytest.fixture(scope="module")
def running_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Glue, S3 and Athena on this machine, in the environment of this module's tests."""
    with cloud.running(tmp_path_factory.mktemp("athena")):
        yield


@pytest.fixture
def lake(running_cloud: None) -> None:
    """An empty lake and no marts."""
    cloud.create_lake()


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where dbt keeps the parsed project between tests."""
    return tmp_path_factory.mktemp("dbt")

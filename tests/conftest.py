from __future__ import annotations

from functools import cache

import boto3
import botocore.loaders
import botocore.session
import pytest

botocore.session.create_loader = cache(botocore.loaders.create_loader)  # else each session reads all again


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that start a cloud take longest, so they begin: at the end one worker would wait for another's.

    After the shuffle, which stays as it is within either half.
    """
    items.sort(key=lambda item: not any(item.get_closest_marker(name) for name in ("e2e", "local")))


@pytest.fixture(autouse=True)
def no_session_of_another_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3's default session keeps the credentials that it met first, whoever runs next."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)

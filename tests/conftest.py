from __future__ import annotations

import boto3
import pytest
from hypothesis import HealthCheck, settings

from adapters.aws import share_service_models

share_service_models()  # a test has sessions of its own
# How long a draw takes says how busy the machine is, and nothing of the code.
settings.register_profile(
    "whatever the machine does",
    parent=settings.get_profile(settings.get_current_profile_name()),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("whatever the machine does")


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

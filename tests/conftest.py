from __future__ import annotations

import boto3
import pytest


@pytest.fixture(autouse=True)
def no_session_of_another_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3's default session keeps the credentials that it met first, whoever runs next."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)

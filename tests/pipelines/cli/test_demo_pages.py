from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

import pytest

from pipelines.cli.demo_pages import PagesNotServedError, served

SETTINGS = {
    "LUCA_TABLE": "luca-platform",
    "LUCA_TENANT_ROLE": "arn:aws:iam::000000000000:role/luca-tenant",
    "LUCA_JWT_ISSUER": "http://127.0.0.1:1/issuer",
    "LUCA_JWT_AUDIENCE": "luca",
}


def test_the_pages_and_their_login_are_there_until_the_block_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    with served(tmp_path / "api.log") as address:
        with urllib.request.urlopen(f"{address}/login", timeout=20) as answer:
            page = answer.read().decode()
        assert 'name="token"' in page
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{address}/login", timeout=5)


@pytest.mark.fault
def test_an_api_that_does_not_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(PagesNotServedError, match="LUCA_TABLE"), served(tmp_path / "api.log"):
        raise AssertionError("it has started")

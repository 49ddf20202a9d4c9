from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sync.house import House, furnished


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """The synchronisation in one process, with empty tables and an obedient government."""
    with furnished(monkeypatch) as house:
        yield house

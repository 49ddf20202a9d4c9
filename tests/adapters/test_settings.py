from __future__ import annotations

import pytest

from adapters.settings import MissingSettingError, setting


def test_a_setting_is_the_environment_variable_of_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUCA_TABLE", "luca-platform")
    assert setting("TABLE") == "luca-platform"


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_one_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("LUCA_TABLE", raising=False)
    if value is not None:
        monkeypatch.setenv("LUCA_TABLE", value)
    with pytest.raises(MissingSettingError, match=r"LUCA_TABLE is not set: .*luca local up"):
        setting("TABLE")

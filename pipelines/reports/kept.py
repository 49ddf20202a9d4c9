"""Pages that the reports bucket keeps, brought beside a page that leads to them."""

from __future__ import annotations

from pathlib import Path

from adapters import lake
from adapters.lake import ObjectVanishedError
from adapters.settings import setting


def bring(key: str, file: Path) -> bool:
    """Brings an object of the reports bucket; returns whether there is one.

    Args:
        key: Its key.
        file: Where to; replaced, its folder is made.
    """
    try:
        body = lake.read(setting("REPORTS_BUCKET"), key)
    except ObjectVanishedError:
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(body)
    return True

"""What the lake is held against."""

from __future__ import annotations

from enum import StrEnum


class Source(StrEnum):
    """What a replay makes rows of."""

    LANDING = "landing"
    STORE = "store"

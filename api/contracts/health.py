"""Whether the container does its work."""

from __future__ import annotations

from msgspec import Struct


class Health(Struct, frozen=True, kw_only=True):
    """Whether the container does its work.

    Attributes:
        status: `ok`.
    """

    status: str

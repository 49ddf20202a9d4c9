from __future__ import annotations

from tests.pipelines.platform import platform

__all__ = ["platform"]

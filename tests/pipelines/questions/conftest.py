from __future__ import annotations

from tests.dbt.conftest import lake, running_cloud, work

__all__ = ["lake", "running_cloud", "work"]

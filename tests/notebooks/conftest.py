from __future__ import annotations

from tests.dbt.conftest import running_cloud

__all__ = ["running_cloud"]

"""The process of one container: runs a module as `python -m` does, and leaves with the local cloud.

Usage: `python -m infra.local.container_process MODULE [ARGUMENT …]`.
"""

from __future__ import annotations

import runpy
import sys

from infra.local.children import leave_with_parent

if __name__ == "__main__":
    leave_with_parent()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)

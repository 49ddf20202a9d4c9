"""`python -m pipelines.trends COMMAND …`: dbt, told where the project is."""

from __future__ import annotations

import sys

from pipelines.trends.commands import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`python -m pipelines.partitions compact [TABLE …]`: the nightly task; a person has `luca compact`."""

from __future__ import annotations

import argparse
import logging

from pipelines.partitions.compaction import Wish, compact
from transforms.lake_schema import LAKE_TABLES

log = logging.getLogger("luca.partitions")


def main() -> None:
    """Compacts lake tables with the default bounds."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.partitions", description=__doc__)
    parser.add_argument("job", choices=["compact"])
    parser.add_argument("tables", nargs="*", default=[], help="Lake tables; all of them by default.")
    options = parser.parse_args()
    unknown = sorted(set(options.tables) - set(LAKE_TABLES))
    if unknown:
        parser.error(f"{', '.join(unknown)}: no lake table; they are {', '.join(LAKE_TABLES)}")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for name in options.tables or LAKE_TABLES:
        log.info("compaction of %s: %s", name, compact(LAKE_TABLES[name], Wish()).summary)


if __name__ == "__main__":
    main()

"""Runs the local Athena by hand: `python -m infra.local.athena --aws http://127.0.0.1:5000`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
from pathlib import Path

from infra.local.athena import AthenaServer, WorkGroup


def main() -> None:
    """Prints the endpoint and serves until it is interrupted."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.athena", description=__doc__)
    parser.add_argument("--aws", required=True, help="endpoint of Glue and S3")
    parser.add_argument(
        "--results", default="s3://luca-results-000000000000/primary/", help="output location"
    )
    options = parser.parse_args()
    group = WorkGroup("primary", options.results, enforce=False)
    with tempfile.TemporaryDirectory() as cache:
        server = AthenaServer(
            {group.name: group}, cache_dir=Path(cache), glue_endpoint=options.aws, s3_endpoint=options.aws
        )
        with server:
            sys.stdout.write(f"AWS_ENDPOINT_URL_ATHENA={server.endpoint}\n")
            sys.stdout.flush()
            try:
                threading.Event().wait()
            except KeyboardInterrupt:
                sys.stderr.write("stopping\n")


if __name__ == "__main__":
    main()

"""`python -m pipelines.cli` is `luca`."""

from pipelines.cli import main

main()

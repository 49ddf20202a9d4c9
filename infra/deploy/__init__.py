"""Puts the templates into an AWS account: packages, order, change sets, outputs.

`python -m infra.deploy --help`. Like the local cloud, it reads `infra/*.yaml` and imports no room of
the house: what a function is made of is read from the sources, never imported.
"""

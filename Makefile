# Every task a person runs. `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
UV := $(BIN)/uv

.PHONY: help setup demo demo-oulad test test-slow lint types contracts templates dbt-parse check bench format clean

help: ## List the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Make the environment in .venv from uv.lock

# uv into its own environment, then exactly what the lock names. Bytecode is compiled once here:
# Great Expectations alone takes 4 s more to import without.
$(READY): uv.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Luca needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(UV) || $(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.8"
	UV_PROJECT_ENVIRONMENT=$(VENV) $(UV) sync --locked --inexact --compile-bytecode --quiet
	@touch $@

demo: $(READY) ## From a school's event to its weekly trend, on this machine
	$(BIN)/luca demo

demo-oulad: $(READY) ## The same on real records: make demo-oulad OULAD=../shared/data/oulad
	$(BIN)/luca demo --oulad $(or $(OULAD),../shared/data/oulad) --out out/oulad

test: $(READY) ## All tests but the slow ones, in parallel (10 minutes at most on two cores)
	$(BIN)/pytest -n 2 -m "not slow"

test-slow: $(READY) ## The slow tests: real records, long faults
	$(BIN)/pytest -n 2 -m slow

lint: $(READY) ## Style of Python and SQL
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/sqlfluff lint dbt

types: $(READY) ## mypy, strict
	$(BIN)/mypy

contracts: $(READY) ## Imports only go down
	$(BIN)/lint-imports

templates: $(READY) ## The CloudFormation templates
	$(BIN)/cfn-lint infra/*.yaml

dbt-parse: $(READY) ## The dbt project parses
	$(BIN)/python -m pipelines.trends parse

check: lint types contracts templates dbt-parse test ## All of the above: what .ci/run runs

bench: $(READY) ## Speed and memory, as ratios; writes out/bench/*.json
	for bench in bench/[a-z]*.py; do $(BIN)/python -m "bench.$$(basename $$bench .py)" || exit 1; done

format: $(READY) ## Format Python and mend what ruff can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Remove what can be made again
	rm -rf out .luca .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis dbt/target dbt/logs

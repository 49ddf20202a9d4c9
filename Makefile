# Every task a person runs. `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
UV := $(BIN)/uv
STAGE ?= dev
OPTIONS ?=
OULAD ?= ../shared/data/oulad
MODULES ?= AAA
BENCHES := enricher ingest load load_peers duplicates compaction history consolidation government_sync api \
	completeness erasure retention_audit reports marts

.PHONY: help setup demo demo-pages demo-oulad api test test-browser test-slow recorded-calls lint types contracts contract-release templates dbt-parse dbt-docs package package-check plan diff deploy destroy check bench format clean

help: ## List the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

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

demo-pages: $(READY) ## The same, then the teacher's pages over it until ctrl-C
	$(BIN)/luca demo --pages

demo-oulad: $(READY) ## The demo on real records: make demo-oulad OULAD=../shared/data/oulad MODULES="AAA BBB"
	$(BIN)/luca demo --oulad $(OULAD) $(addprefix --module ,$(MODULES)) --out out/oulad

api: $(READY) ## The API and the teacher's pages, beside a running `luca local up`
	eval "$$($(BIN)/luca local env)" && LUCA_DEVELOPMENT_LOGIN=on $(BIN)/python -m api

# A worker more than cores, since tests also wait; the order is tests/conftest.py's.
test: $(READY) ## All tests but the slow and the browser ones, in parallel (10 minutes at most on two cores)
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not slow and not browser"

test-browser: $(READY) ## The pages in Chromium (Debian's: apt-get install chromium)
	$(BIN)/pytest -m "browser and not slow"

test-slow: $(READY) ## The slow tests: real records, long faults
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m slow --timeout 1800

# What the templates' policies are held against: run it when a role is to do something new.
recorded-calls: $(READY) ## What each role does in the tests that start a cloud, written down anew (20 minutes)
	rm -rf out/calls
	RECORD_CALLS=out/calls $(BIN)/pytest -n 2 --dist loadfile -m "(e2e or local) and not browser" --timeout 1800
	$(BIN)/python -m tests.recorded_calls out/calls

lint: $(READY) ## Style of Python and SQL
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/sqlfluff lint dbt

types: $(READY) ## mypy, strict
	$(BIN)/mypy

contracts: $(READY) ## Imports only go down
	$(BIN)/lint-imports

contract-release: $(READY) ## Release what the lake's tables promise now, unless it breaks what was promised
	$(BIN)/python -m pipelines.contracts

templates: $(READY) ## The CloudFormation templates
	$(BIN)/cfn-lint infra/*.yaml

dbt-parse: $(READY) ## The dbt project parses
	$(BIN)/python -m pipelines.trends parse

dbt-docs: $(READY) ## The dbt docs with the lineage from the lake to who reads it, in out/dbt-docs/static_index.html
	$(BIN)/python -m pipelines.trends --work-dir out/dbt-docs docs generate --static --empty-catalog --no-compile

package: $(READY) ## The zip file of every function, in out/functions
	$(BIN)/python -m infra.deploy package

package-check: $(READY) ## The same twice: equal to the last byte, and small enough
	$(BIN)/python -m infra.deploy package --check

plan: $(READY) ## The stacks of a stage in their order, asking no account: make plan STAGE=dev
	$(BIN)/python -m infra.deploy plan $(STAGE)

diff: $(READY) ## What a deployment would change: make diff STAGE=dev
	$(BIN)/python -m infra.deploy diff $(STAGE) $(OPTIONS)

deploy: $(READY) ## Everything into the account whose credentials are set: make deploy STAGE=dev
	$(BIN)/python -m infra.deploy up $(STAGE) $(OPTIONS)

destroy: $(READY) ## Out of it again, but for what keeps data: make destroy STAGE=dev
	$(BIN)/python -m infra.deploy destroy $(STAGE) $(OPTIONS)

check: lint types contracts templates dbt-parse package-check test test-browser ## All of the above: what .ci/run runs

bench: $(READY) ## Speed and memory, as ratios; writes out/bench/*.json
	for bench in $(BENCHES); do $(BIN)/python -m "bench.$$bench" || exit 1; done

format: $(READY) ## Format Python and mend what ruff can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Remove what can be made again
	rm -rf out .luca .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis dbt/target dbt/logs

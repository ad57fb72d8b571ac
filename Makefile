# dciflow: `make help` lists what can be done. The environment is built when it is first needed.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# The tests' own bytecode is worth seconds a run, also where PYTHONDONTWRITEBYTECODE is set.
PYTEST := env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -q
# A file's stories share a stack, and mostly wait: three files go on side by side.
STORIES := $(PYTEST) -n 3 --dist loadfile -m prefect
PACKAGES := flows tasks dcimanager whmcs ledger simulator worker dciflow

.PHONY: help
help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

.PHONY: demo
demo: $(READY) ## three orders through their lives and three accidents, against a DCImanager that remembers
	@$(BIN)/python -m dciflow.demo

.PHONY: up
up: $(READY) ## the same stack, left running: Prefect UI and racks page to look at
	@$(BIN)/python -m dciflow.demo up

.PHONY: test
test: $(READY) ## all tests
	@$(PYTEST) -n 2 -m "not prefect"
	@$(STORIES)

.PHONY: e2e
e2e: $(READY) ## the stories through a real Prefect server
	@$(STORIES)

.PHONY: bench
bench: $(READY) ## against Prefect's process worker and the engine's floor, into docs/; BENCH="--help" for options
	@$(BIN)/python -m tests.bench $(BENCH)

.PHONY: bench-reconcile
bench-reconcile: $(READY) ## 10,000 services and servers compared, into docs/ (two minutes)
	@$(BIN)/python -m tests.bench.reconcile

.PHONY: bench-module
bench-module: $(READY) ## how long WHMCS waits for the module, through PHP, into docs/ (several minutes)
	@$(BIN)/python -m tests.bench.module

.PHONY: unit
unit: $(READY) ## the quick tests that need no server at all (about a minute)
	@$(PYTEST) -n 2 -m "not prefect and not postgres and not crash"

.PHONY: crash
crash: $(READY) ## a driver dies, or loses a commit, at every point of every lifecycle (a minute or two)
	@$(PYTEST) -n 2 tests/crash

.PHONY: play
play: $(READY) ## clients, administrators, accidents and the clock at random, other plays each time (minutes, or nights)
	@DCIFLOW_MACHINE_EXAMPLES=$${DCIFLOW_MACHINE_EXAMPLES:-60} $(PYTEST) -n 2 tests/machine

.PHONY: check
check: $(READY) ## ruff, mypy --strict, import-linter
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

.PHONY: test-php
test-php: $(READY) ## the WHMCS module in its pretend WHMCS (needs php; part of `make test` where it is there)
	@$(PYTEST) tests/whmcs_module

.PHONY: module
module: $(READY) ## dist/dciflow-whmcs-<version>.tar.gz and .zip, to be extracted over the WHMCS root
	@$(BIN)/python -m dciflow.module_archive

.PHONY: steps
steps: $(READY) ## the steps of each flow with their kinds, read from the code
	@$(BIN)/python -m flows.steps

.PHONY: env
env: $(READY) ## only the environment

.PHONY: lock
lock: ## resolve requirements.lock afresh from pyproject.toml (needs uv)
	uv pip compile pyproject.toml --extra dev --extra redis --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-header -o requirements.lock

.PHONY: clean
clean: ## remove the environment and what demos left behind
	rm -rf $(VENV) .dciflow .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# One builder at a time, and never half an environment: it counts as built when its last step was done.
# --no-deps: the lock is complete, and pip cannot match sqlalchemy[asyncio] with its pinned line in hash mode.
# Bytecode is compiled once here, so that no Prefect process pays for it, also where PYTHONDONTWRITEBYTECODE is set.
$(READY): requirements.lock pyproject.toml
	@mkdir -p .dciflow && exec 9> .dciflow/build.lock && flock 9 && \
	if [ -e $(READY) ] && [ ! requirements.lock -nt $(READY) ] && [ ! pyproject.toml -nt $(READY) ]; then exit 0; fi && \
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "dciflow needs Python 3.11 or later: make PYTHON=python3.x")' && \
	echo "· building the environment in $(VENV) (once; a minute or two)" && \
	rm -rf $(VENV) && $(PYTHON) -m venv $(VENV) && \
	echo "· installing $$(grep -c '^[a-z]' requirements.lock) packages" && \
	$(BIN)/python -m pip install -qq --disable-pip-version-check --no-compile --require-hashes --no-deps -r requirements.lock && \
	$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e . && \
	echo "· compiling" && \
	$(BIN)/python -m compileall -q -j 2 $(VENV)/lib $(PACKAGES) > /dev/null && \
	touch $(READY)

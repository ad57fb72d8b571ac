# dciflow: `make help` lists what can be done. The environment is built when it is first needed.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# The environment has what one lock names, and .ready says which: requirements.lock has everything for tests and drawings,
# requirements-run.lock only what runs. What is there already is kept: no target puts tests into production.
BUILT := $(or $(shell cat $(READY) 2>/dev/null),requirements.lock)
LOCK ?= $(BUILT)
# The tests' own bytecode is worth seconds a run, also where PYTHONDONTWRITEBYTECODE is set.
PYTEST := env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -q
# A file's stories share a stack, and mostly wait: three files go on side by side.
STORIES := $(PYTEST) -n 3 --dist loadfile --no-loadscope-reorder -m prefect
PACKAGES := flows tasks runtime dcimanager whmcs answers ledger worker door dciflow simulator bench tools

.PHONY: help
help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

.PHONY: demo
demo: $(READY) ## three orders through their lives and three accidents, against a DCImanager that remembers
	@$(BIN)/python -m dciflow.demo

.PHONY: up
up: $(READY) ## the same stack, left running: Prefect UI and racks page to look at
	@$(BIN)/python -m dciflow.demo up

.PHONY: test
test: $(READY) ## all tests
	@$(PYTEST) -n 2 --dist worksteal -m "not prefect"
	@$(STORIES)

.PHONY: test-words
test-words: $(READY) ## every story once more, on a panel with other words than the documented ones
	@DCIFLOW_TEST_WORDS=others $(PYTEST) -n 2 -m "not postgres" tests/stories

.PHONY: e2e
e2e: $(READY) ## the stories through a real Prefect server
	@$(STORIES)

.PHONY: bench
bench: $(READY) ## against Prefect's process worker and the engine's floor, into docs/; BENCH="--help" for options
	@$(BIN)/python -m bench $(BENCH)

.PHONY: bench-reconcile
bench-reconcile: $(READY) ## 10,000 services and servers compared, into docs/ (two minutes)
	@$(BIN)/python -m bench.reconcile

.PHONY: bench-hostile
bench-hostile: $(READY) ## what a hostile and a dead panel do to the suspensions of a good one beside them (two minutes)
	@$(BIN)/python -m bench.hostile

.PHONY: bench-module
bench-module: $(READY) ## how long WHMCS waits for the module, through PHP, into docs/ (several minutes)
	@$(BIN)/python -m bench.module

.PHONY: bench-door
bench-door: $(READY) ## what `dciflow door` adds to a call of the module (a minute)
	@$(BIN)/python -m bench.door

.PHONY: unit
unit: $(READY) ## the quick tests that need no server at all (about a minute)
	@$(PYTEST) -n 2 -m "not prefect and not postgres and not crash"

.PHONY: crash
crash: $(READY) ## a driver dies, or loses a commit, at every point of every lifecycle (some ten minutes)
	@DCIFLOW_CRASH_EVERY=1 $(PYTEST) -n 2 -m crash tests/crash tests/machine

.PHONY: play
play: $(READY) ## clients, administrators, accidents and the clock at random, other plays each time (minutes, or nights)
	@DCIFLOW_MACHINE_EXAMPLES=$${DCIFLOW_MACHINE_EXAMPLES:-60} $(PYTEST) -n 2 tests/machine

.PHONY: fuzz
fuzz: $(READY) ## bodies at random against the door (an hour; DCIFLOW_FUZZ_EXAMPLES says how many)
	@DCIFLOW_FUZZ_EXAMPLES=$${DCIFLOW_FUZZ_EXAMPLES:-100000} $(PYTEST) -n 2 --timeout 7200 tests/door/test_fuzzed.py

.PHONY: check
check: $(READY) ## ruff, mypy --strict, import-linter, shellcheck
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/shellcheck whmcs-module/install.sh

.PHONY: test-php
test-php: $(READY) ## the WHMCS module in the simulated WHMCS (needs php; part of `make test` where it is there)
	@$(PYTEST) tests/whmcs_module tests/contract

.PHONY: module
module: $(READY) ## dist/dciflow-whmcs-<version>.tar.gz and .zip, and .sh, which puts it into a WHMCS
	@$(BIN)/python -m dciflow.module_archive

.PHONY: release
release: $(READY) ## the module, the source and their signed SHA256SUMS, into dist/; KEY=~/.ssh/id_ed25519
	@$(BIN)/python -m dciflow.release $(KEY)

.PHONY: steps
steps: $(READY) ## the steps of each flow with their kinds, read from the code
	@$(BIN)/python -m tools.steps

.PHONY: docs
docs: $(READY) ## write the parts of docs/ that are read from the code, imports included; fails where one goes up
	@$(BIN)/python -m tools.documents

.PHONY: env
env: $(READY) ## only the environment

.PHONY: run-env
run-env: ## the environment for production: without what only tests and drawings need
	@$(MAKE) --no-print-directory env LOCK=requirements-run.lock

COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
.PHONY: lock
lock: ## resolve the locks afresh from pyproject.toml, all with the same versions (needs uv)
	$(COMPILE) pyproject.toml --extra dev --extra redis -o requirements.lock
	$(COMPILE) pyproject.toml --extra redis --no-annotate -c requirements.lock -o requirements-run.lock
	printf 'hatchling\neditables\n' | $(COMPILE) - --no-annotate -c requirements.lock -o requirements-build.lock

.PHONY: clean
clean: ## remove the environment and what demos left behind
	rm -rf $(VENV) .dciflow .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# One builder at a time, and never half an environment: it counts as built when its last step was done.
# --no-deps: the lock is complete, and pip cannot match sqlalchemy[asyncio] with its pinned line in hash mode.
# --only-binary: no package runs code of its own while root installs it. What builds ours is put aside, and is gone after.
# Bytecode is compiled once here, so that no Prefect process pays for it, also where PYTHONDONTWRITEBYTECODE is set.
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps
LOCKED := $(PIP) --no-compile --require-hashes --only-binary :all:
ifneq ($(LOCK),$(BUILT))
$(READY): another-lock
.PHONY: another-lock
another-lock: ;
endif
$(READY): $(LOCK) requirements-build.lock pyproject.toml
	@mkdir -p .dciflow && exec 9> .dciflow/build.lock && flock 9 && \
	if [ -e $(READY) ] && [ ! $(LOCK) -nt $(READY) ] && [ ! pyproject.toml -nt $(READY) ] && \
	    [ "$$(cat $(READY))" = "$(LOCK)" ]; then exit 0; fi && \
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "dciflow needs Python 3.11 or later: make PYTHON=python3.x")' && \
	echo "· building the environment in $(VENV) (once; a minute or two)" && \
	rm -rf $(VENV) && $(PYTHON) -m venv $(VENV) && \
	echo "· installing $$(grep -c '^[a-z]' $(LOCK)) packages" && \
	$(LOCKED) -r $(LOCK) && \
	$(LOCKED) --target $(VENV)/build -r requirements-build.lock && \
	PYTHONPATH=$(VENV)/build $(PIP) --no-build-isolation -e . && \
	rm -rf $(VENV)/build && \
	echo "· compiling" && \
	$(BIN)/python -m compileall -q -j 2 $(VENV)/lib $(PACKAGES) > /dev/null && \
	echo $(LOCK) > $(READY)

# `make` alone lists what there is. Running needs Python 3.11 or newer and nothing else.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
UV := UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1 VIRTUAL_ENV= UV_PROJECT_ENVIRONMENT=.venv $(BIN)/uv

# What was installed is noted inside .venv, so that both go together.
INSTALLED := .venv/.installed
INSTALLED_DEV := .venv/.installed-dev
INSTALLED_BENCH := .venv/.installed-bench

.PHONY: help install install-dev install-bench install-node run demo test check format lock-check format-check lint types layers schema schema-check test-all coverage bench torture clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' \
	  | while IFS=$$'\t' read -r name text; do printf '  make %-13s %s\n' "$$name" "$$text"; done

install: $(INSTALLED) ## Make .venv with all that running needs
	@echo "Assay is installed in .venv: make run"

run: $(INSTALLED) ## Start the server on port 8000 (ARGS="--port 8001" and the like)
	@exec $(BIN)/python server.py serve $(ARGS)

demo: $(INSTALLED) ## Submit 1,000 texts to the running server and watch them (ARGS="--url http://…" for another one)
	@exec $(BIN)/python frontend-examples/python/demo.py $(ARGS)

# Two processes a core (tests/conftest.py), because most tests wait. With worksteal a process that has no tests left
# takes some from another.
PYTEST := $(BIN)/pytest -n auto --dist worksteal --durations 15

test: install-dev ## Run the tests but the long ones: torture, browsers, other clients (ARGS="-k word" picks some)
	$(PYTEST) -m "not long" $(ARGS)

test-all: install-dev install-node ## Run all tests, with the Node packages that they need installed first
	$(PYTEST) $(ARGS)

# Of the tests' processes and of the servers and workers that they start and that end by SIGTERM or by themselves: a
# process that is killed writes nothing, and neither do the sandbox processes, which end by os._exit.
coverage: install-dev install-node ## Run all tests, and list the lines and branches that none of them reaches
	@rm -rf .coverage
	$(BIN)/coverage run -m pytest -n auto --dist worksteal $(ARGS)
	@$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

check: install-dev lock-check format-check lint types layers schema-check test-all ## All that CI runs: format, lint, types, layers, schema, all tests
	@echo "check: all is well"

format: install-dev ## Lay out the Python files and mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock-check: install-dev
	$(UV) lock --check --quiet
	$(UV) lock --check --quiet --project frontend-examples/python/typed

format-check: install-dev
	$(BIN)/ruff format --check .

lint: install-dev
	$(BIN)/ruff check .

types: install-dev
	$(BIN)/mypy .
	cd client && ../$(BIN)/mypy

layers: install-dev
	$(BIN)/lint-imports --no-logo

schema: $(INSTALLED) ## Print the schema into schema/schema.graphql, and its types into the Python client
	@$(BIN)/python server.py schema > .venv/schema.graphql
	@mv .venv/schema.graphql schema/schema.graphql
	@$(BIN)/python client/generate.py > .venv/models.py
	@mv .venv/models.py client/src/assay_client/models.py
	@echo "wrote schema/schema.graphql and client/src/assay_client/models.py"

schema-check: $(INSTALLED)
	@$(BIN)/python server.py schema | diff -u schema/schema.graphql - \
	  || { echo "schema/schema.graphql is not what the server has: run 'make schema', and say in CHANGELOG.md what changed"; exit 1; }
	@echo "schema/schema.graphql is what the server has"

torture: install-dev ## Break it for real and at length: kill -9, full disks, clocks that are set (ASSAY_TORTURE_SEED=… repeats one)
	ASSAY_TORTURE=long $(BIN)/pytest tests/torture tests/events/test_exactly_once.py $(ARGS)

bench: install-bench ## Run the benchmarks: a server against a floor, and the job engine beside others
	$(BIN)/python -m benchmarks $(ARGS)
	$(BIN)/python -m benchmarks.engines

clean: ## Remove .venv, caches and Node packages; the data folder stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	find . -name node_modules -type d -prune -exec rm -rf {} +
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/uv:
	@python=; for name in $(PYTHON) python3.14 python3.13 python3.12 python3.11; do \
	  if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then python=$$name; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "Assay needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>&1 || true)."; \
	  echo "Where a newer one has another name: make $(firstword $(MAKECMDGOALS)) PYTHON=/path/to/python3.13"; exit 1; \
	fi; \
	if [ ! -x $(BIN)/python ] && ! "$$python" -m venv .venv; then \
	  echo "Could not make .venv. Debian and Ubuntu keep what it takes in a package: apt-get install python3-venv"; \
	  rm -rf .venv; exit 1; \
	fi
	@echo "Installing what Assay needs into .venv"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'

$(INSTALLED): pyproject.toml uv.lock | $(BIN)/uv
	@if ! cat pyproject.toml uv.lock | cmp -s - $@; then $(UV) sync --quiet --frozen --inexact --no-dev; fi
	@cat pyproject.toml uv.lock > $@

install-dev: $(INSTALLED_DEV)

$(INSTALLED_DEV): pyproject.toml uv.lock | $(BIN)/uv
	@$(UV) sync --quiet --frozen --inexact
	@touch $@

install-bench: $(INSTALLED_BENCH)

$(INSTALLED_BENCH): pyproject.toml uv.lock | $(BIN)/uv
	@$(UV) sync --quiet --frozen --inexact --group bench
	@touch $@ $(INSTALLED_DEV)

# Every folder with a package-lock.json of ours. Without Node its tests are left out, which pytest says at its end.
install-node:
	@if ! command -v npm > /dev/null; then echo "npm is not installed: the tests that need Node are left out"; exit 0; fi; \
	find . \( -name node_modules -o -name .venv -o -name .git \) -prune -o -name package-lock.json -print | sort \
	| while read -r lock; do folder=$$(dirname "$$lock"); \
	    if ! cmp -s "$$folder/package-lock.json" "$$folder/node_modules/.installed"; then \
	      echo "npm ci in $$folder"; \
	      if (cd "$$folder" && npm ci --no-audit --no-fund --loglevel=error); then \
	        cp "$$folder/package-lock.json" "$$folder/node_modules/.installed"; \
	      else echo "npm ci failed in $$folder: its tests are left out"; test -z "$${CI:-}"; fi; \
	    fi; \
	  done

# `make` alone lists the targets. Running Assay needs only Python 3.11 or newer.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
# On a terminal, pip and uv show their own progress.
QUIET := $(shell test -t 2 || echo --quiet)
UV := UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1 VIRTUAL_ENV= UV_PROJECT_ENVIRONMENT=.venv $(BIN)/uv

# The marks of completed installations are inside .venv, so that both are deleted together.
INSTALLED := .venv/.installed
INSTALLED_DEV := .venv/.installed-dev
INSTALLED_BENCH := .venv/.installed-bench

.PHONY: help install install-dev install-bench install-node run demo test check format lock-check format-check lint types layers schema schema-check test-all coverage bench torture clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' \
	  | while IFS=$$'\t' read -r name text; do printf '  make %-13s %s\n' "$$name" "$$text"; done

install: $(INSTALLED) ## Create .venv with the runtime dependencies
	@echo "Assay is installed in .venv: make run"

run: $(INSTALLED) ## Start the server on port 8000 (for example ARGS="--port 8001")
	@exec $(BIN)/python server.py serve $(ARGS)

demo: $(INSTALLED) ## Submit 1,000 texts to the running server and watch them (another one: ARGS="--url http://…")
	@exec $(BIN)/python frontend-examples/python/demo.py $(ARGS)

# Two processes per core (tests/conftest.py), because most tests wait. With worksteal, a process without tests left takes
# some from another.
PYTEST := $(BIN)/pytest -n auto --dist worksteal --durations 15

test: install-dev ## Run the tests except the long ones: torture, browsers, other clients, kills (some of them: ARGS="-k word")
	$(PYTEST) -m "not long" $(ARGS)

test-all: install-dev install-node ## Install the Node packages of the tests and run all tests
	$(PYTEST) $(ARGS)

# Covers the processes of the tests, and the servers and workers that they start and that end by SIGTERM or on their own.
# Killed processes write no data, and neither do sandbox processes, which end by os._exit.
coverage: install-dev install-node ## Run all tests, list the lines and branches that none of them reaches, and require the floor
	@rm -rf .coverage
	$(BIN)/coverage run -m pytest -n auto --dist worksteal $(ARGS)
	@$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

TESTS = test-all
check: install-dev lock-check format-check lint types layers schema-check $(TESTS) ## Run the checks of CI: format, lint, types, layers, schema, tests
	@echo "check: passed"

format: install-dev ## Format the Python files and apply ruff's fixes
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

schema: $(INSTALLED) ## Print the schema into schema/schema.graphql, and generate the types of the Python client
	@$(BIN)/python server.py schema --built-in > .venv/schema.graphql
	@mv .venv/schema.graphql schema/schema.graphql
	@$(BIN)/python client/generate.py > .venv/models.py
	@mv .venv/models.py client/src/assay_client/models.py
	@echo "wrote schema/schema.graphql and client/src/assay_client/models.py"

schema-check: $(INSTALLED)
	@$(BIN)/python server.py schema --built-in | diff -u schema/schema.graphql - \
	  || { echo "schema/schema.graphql differs from the schema of the built-in analyzers: run 'make schema', and add an entry to CHANGELOG.md"; exit 1; }
	@echo "schema/schema.graphql matches the schema of the built-in analyzers"

torture: install-dev ## Run the long fault tests: kill -9, full disks, changed clocks (ASSAY_TORTURE_SEED=… repeats a run)
	ASSAY_TORTURE=long $(BIN)/pytest tests/torture tests/events/test_exactly_once.py $(ARGS)

bench: install-bench ## Run the benchmarks: a server against a floor, queries and the job engine beside others
	$(BIN)/python -m benchmarks $(ARGS)
	$(BIN)/python -m benchmarks.queries
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
	  echo "If a newer Python has another name: make $(firstword $(MAKECMDGOALS)) PYTHON=/path/to/python3.13"; exit 1; \
	fi; \
	if [ ! -x $(BIN)/python ] && ! "$$python" -m venv .venv; then \
	  echo "Could not create .venv. Debian and Ubuntu have venv in a separate package: apt-get install python3-venv"; \
	  rm -rf .venv; exit 1; \
	fi
	@echo "Installing the dependencies into .venv: about a minute, once"
	@$(BIN)/python -m pip install $(QUIET) --disable-pip-version-check 'uv>=0.9'

$(INSTALLED): pyproject.toml uv.lock | $(BIN)/uv
	@if ! cat pyproject.toml uv.lock | cmp -s - $@; then $(UV) sync $(QUIET) --frozen --inexact --no-dev; fi
	@cat pyproject.toml uv.lock > $@

install-dev: $(INSTALLED_DEV)

$(INSTALLED_DEV): pyproject.toml uv.lock | $(BIN)/uv
	@$(UV) sync $(QUIET) --frozen --inexact
	@touch $@

install-bench: $(INSTALLED_BENCH)

$(INSTALLED_BENCH): pyproject.toml uv.lock | $(BIN)/uv
	@$(UV) sync $(QUIET) --frozen --inexact --group bench
	@touch $@ $(INSTALLED_DEV)

# Every folder with a package-lock.json, outside node_modules. Without npm, pytest skips its tests and reports that.
# Benchmarks install their own packages, some of which are compiled for minutes.
install-node:
	@if ! command -v npm > /dev/null; then echo "npm is not installed: the tests that need Node are skipped"; exit 0; fi; \
	find . \( -name node_modules -o -name .venv -o -name .git -o -path ./benchmarks \) -prune -o -name package-lock.json -print | sort \
	| while read -r lock; do folder=$$(dirname "$$lock"); \
	    if ! cmp -s "$$folder/package-lock.json" "$$folder/node_modules/.installed"; then \
	      echo "npm ci in $$folder"; \
	      if (cd "$$folder" && npm ci --no-audit --no-fund --loglevel=error); then \
	        cp "$$folder/package-lock.json" "$$folder/node_modules/.installed"; \
	      else echo "npm ci failed in $$folder: its tests are skipped"; test -z "$${CI:-}"; fi; \
	    fi; \
	  done

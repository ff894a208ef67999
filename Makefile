# Everything is set up inside this folder, in $(VENV), from lock files with hashes.
# `make help` says what there is.

VENV ?= .venv
PYTHON ?=
# One more than there are processors: tests wait for databases and browsers.
PYTEST_ARGS ?= -n 3 --dist worksteal

BIN := $(VENV)/bin
# A moved folder needs a new environment: scripts in it name the place they were made for.
PLACE := $(shell pwd | cksum | cut -d' ' -f1)
MADE := $(VENV)/.made-$(PLACE)
READY_TO_RUN := $(VENV)/.ready-to-run
READY_TO_TEST := $(VENV)/.ready-to-test
ASSETS := api/web/assets
BUILT := api/web/static/main.css

INSTALL = $$(cat $(MADE)) install --quiet --no-input --disable-pip-version-check \
	--no-warn-script-location --no-compile
COMPILE_LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --custom-compile-command "make lock" pyproject.toml

# What Python makes of a source is kept, whatever the caller is used to: or every process that the
# tests start would make it again, of all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.DELETE_ON_ERROR:
.PHONY: help demo serve test check format screenshots docs migration lock clean
.PHONY: check-format check-style check-types check-architecture check-rules

help: ## Say what there is
	@sed -n 's/^\([a-z]*\):[^#]*## /  make \1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 20

demo: $(READY_TO_RUN) $(BUILT) ## Link the invented town that comes with this software
	@$(BIN)/matcher demo

serve: $(READY_TO_RUN) $(BUILT) ## Serve a register, its pages and its API
	@$(BIN)/matcher serve

test: $(READY_TO_TEST) ## Run all tests
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

check: check-format check-style check-types check-architecture check-rules ## Check format, style, types, architecture and rules

check-format: $(READY_TO_TEST)
	$(BIN)/ruff format --check .

check-style: $(READY_TO_TEST)
	$(BIN)/ruff check .

check-types: $(READY_TO_TEST)
	$(BIN)/mypy

check-architecture: $(READY_TO_TEST)
	$(BIN)/lint-imports --no-logo

check-rules: $(READY_TO_TEST)
	$(BIN)/matcher rules check

format: $(READY_TO_TEST) ## Put the code into its format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

screenshots: $(READY_TO_TEST) ## Make the pictures of the pages again
	@MATCHER_PICTURES=docs/images $(BIN)/python -m pytest -q tests/browser

docs: $(READY_TO_TEST) ## Put what commands print now into the pages that show it
	@$(BIN)/python -m tests.docs.pages

migration: $(READY_TO_TEST) ## Write a migration to the tables as modelled: WHY="..." or FIRST=1
	@$(BIN)/python -m api.db.revise $(if $(FIRST),--first,"$(WHY)")
	@$(BIN)/ruff format --quiet api/db/migrations

lock: $(READY_TO_TEST) ## Choose versions again, within the ranges of pyproject.toml
	$(COMPILE_LOCK) --upgrade --group build --output-file requirements.lock
	$(COMPILE_LOCK) --upgrade --group build --group dev --constraint requirements.lock \
		--output-file requirements-dev.lock

clean: ## Remove the environment, caches and the demonstration's files
	rm -rf $(VENV) demo build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	rm -rf .import_linter_cache
	rm -rf $(ASSETS)/node_modules $(dir $(BUILT))
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY_TO_TEST): requirements-dev.lock $(READY_TO_RUN) $(BUILT)
	@echo "Setting up what tests need (once, about a minute) ..."
	@$(INSTALL) --require-hashes --requirement requirements-dev.lock
	@sh .ci/browser $(BIN)/python $(VENV)/.browser
	@touch $@

$(READY_TO_RUN): requirements.lock pyproject.toml $(MADE)
	@echo "Setting up in $(VENV) (once, about a minute) ..."
	@$(INSTALL) --require-hashes --requirement requirements.lock
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

# Styles and script of the pages. Node comes with the environment: what it makes is the same everywhere.
# It trusts whom the machine trusts, as councils' networks need.
$(BUILT): $(READY_TO_RUN) $(wildcard $(ASSETS)/*.* $(ASSETS)/styles/*) $(ASSETS)/.npmrc
	@echo "Building styles and script of the pages ..."
	@cd $(ASSETS) && PATH="$(abspath $(BIN)):$$PATH" && export NODE_OPTIONS=--use-system-ca && \
		npm ci --loglevel=error --ignore-scripts > /dev/null && npm run --silent build

# Holds the command that installs into the environment: its own pip, or another Python's.
$(MADE):
	@PYTHON="$(PYTHON)" sh .ci/environment $(VENV) $(MADE)

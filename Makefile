# Everything is installed into .venv/ from hashed requirements: by uv where it is on the PATH, by pip otherwise.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
PACKAGES := connector providers scim_server sync

ifdef UV
INSTALL := $(UV) pip install --quiet --python $(BIN)/python
MAKE_VENV := $(UV) venv --quiet --allow-existing --no-python-downloads --python "$(PYTHON)" $(VENV)
NEED_INSTALLER := :
else
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
MAKE_VENV := "$(PYTHON)" -m venv $(VENV)
# A .venv that uv made has no pip; Python carries one.
NEED_INSTALLER := $(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip --default-pip >/dev/null
endif
# The lock is whole: nothing is resolved anew, so no later release on the index can get in an installation's way.
INSTALL_LOCKED := $(INSTALL) --no-deps --require-hashes
# hatchling is among the hashed requirements, so building the project itself downloads nothing.
INSTALL_PROJECT := $(INSTALL) --no-deps --no-build-isolation --editable .

.DEFAULT_GOAL := help
.PHONY: help .venv .venv-dev demo test lint format golden fuzz chaos bench docs audit sbom lock clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[.a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

.venv: $(VENV)/.installed  ## install what the program needs
.venv-dev: $(VENV)/.installed-dev  ## install what tests and checks need too

demo: .venv  ## show the product at work on a simulated directory
	$(BIN)/connector demo

test: .venv-dev  ## run the test suite
	$(BIN)/python -m pytest -n 2

lint: .venv-dev  ## style, types and architecture
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --cache-dir .cache/import-linter

format: .venv-dev  ## put the code into its format and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

golden: .venv-dev  ## rewrite the golden files, to be read before they are committed
	$(BIN)/python -m pytest -q -m golden --golden

fuzz: .venv-dev  ## send the SCIM endpoint more than 100,000 odd requests on each kind of database
	$(BIN)/python -m pytest -q -n 2 --hypothesis-profile=long tests/scim/test_fuzz.py

chaos: .venv-dev  ## minutes of kills, cuts, restarts and faults; then everything is held against the truth
	$(BIN)/python -m tests.chaos.storm

bench: .venv-dev  ## measure everything, beside the baseline: build/bench.json, build/bench.md
	$(BIN)/python -m benchmarks

docs: .venv-dev  ## build the documentation into build/site; a warning is a failure
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

audit: .venv-dev  ## compare what the program needs with the published vulnerabilities
	$(BIN)/pip-audit --disable-pip --require-hashes --requirement requirements.txt --requirement requirements-otel.txt --progress-spinner off

sbom: .venv-dev  ## list everything the program needs, as CycloneDX, in build/sbom.json
	@mkdir -p build
	PYTHONWARNINGS=ignore $(BIN)/cyclonedx-py requirements requirements.txt --pyproject pyproject.toml --output-file build/sbom.json

lock:  ## resolve anew and export the hashed requirements; needs uv
	@test -n "$(UV)" || { echo "make lock needs uv on the PATH" >&2; exit 1; }
	$(UV) lock
	$(UV) export --quiet --locked --no-emit-project --no-header --no-annotate --format requirements-txt \
	    --extra postgres --extra azure --extra okta --extra demo --group build --output-file requirements.txt
	$(UV) export --quiet --locked --no-emit-project --no-header --no-annotate --format requirements-txt \
	    --extra otel --output-file requirements-otel.txt
	$(UV) export --quiet --locked --no-emit-project --no-header --no-annotate --format requirements-txt \
	    --all-extras --all-groups --output-file requirements-dev.txt

clean:  ## remove the environment and what tools left behind
	rm -rf $(VENV) .cache .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist
	find $(PACKAGES) tests -type d -name __pycache__ -prune -exec rm -rf {} +

$(BIN)/python:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "Directory Connector needs Python 3.11 or newer; name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(MAKE_VENV) || { rm -rf $(VENV); \
	    echo "Python could not make a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

$(VENV)/.installed: requirements.txt pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV)/ with $(if $(UV),uv,pip) ..."
	@$(NEED_INSTALLER)
	@$(INSTALL_LOCKED) -r requirements.txt
	@$(INSTALL_PROJECT)
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	@echo "Installing what tests need ..."
	@$(NEED_INSTALLER)
	@$(INSTALL_LOCKED) -r requirements-dev.txt
	@touch $@

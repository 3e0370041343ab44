# SPDX-License-Identifier: Apache-2.0
# Every target sets up `.venv` by itself, with uv where it is installed, else with pip, and is quick the second time:
# a stamp file per set of dependencies is made again only when pyproject.toml or constraints.txt is newer.
# What setting up says goes to stderr, so that a target's stdout is its command's and nothing else.

VENV := .venv
BIN := $(VENV)/bin
CHANGES := pyproject.toml constraints.txt
ARGS ?=

# The first interpreter that runs and is new enough; a name on PATH may be a shim that does not start.
PYTHON ?= $(shell for p in python3.11 python3 python3.12 python3.13 python3.14 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
UV ?= $(shell command -v uv 2>/dev/null)

ifneq ($(UV),)
INSTALL = $(UV) pip install --quiet --python $(BIN)/python --constraint constraints.txt
else
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
endif

.DEFAULT_GOAL := help
.PHONY: help demo test test-long faults soak lint bench bench-quick audit-pyz clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name what; do \
		printf '  make %-12s %s\n' "$$name" "$$what"; done

demo: $(VENV)/.core ## run the agent of the demo; its telemetry goes to stdout (ARGS="--duration 5")
	@$(BIN)/kairos demo $(ARGS)

# Two at a time, as much of the time is waiting; then, with nothing beside them, those that hold a clock to its word.
test: $(VENV)/.test ## run the tests; fails below 95 % branch coverage (ARGS="tests/config" for a part, without the gate)
	@$(BIN)/coverage erase
ifeq ($(ARGS),)
	@$(BIN)/coverage run -m pytest -m "not long and not alone" -n 2 --dist worksteal; status=$$?; \
	$(BIN)/coverage run -m pytest -m "not long and alone" && exit $$status # one run tells all that fails
else
	@$(BIN)/coverage run -m pytest -m "not long" $(ARGS)
endif
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report $(if $(ARGS),--fail-under=0)

test-long: $(VENV)/.test ## run the tests that take minutes
	@$(BIN)/python -m pytest -m long $(ARGS)

faults: $(VENV)/.test ## every fault beside the plain SDK, as a table of counts; 1 when a record is missing (ARGS=--quick)
	@$(BIN)/python tests/faults/table.py $(ARGS)

soak: $(VENV)/.test ## an hour of random faults; 1 when a record is missing or a resource grew (ARGS="--minutes 5")
	@$(BIN)/python tests/faults/soak.py $(ARGS)

lint: $(VENV)/.lint $(VENV)/.test ## style, types and layering
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

bench: $(VENV)/.core ## measure everything beside its peers; writes benchmarks/results/
	@$(BIN)/python benchmarks/run.py $(ARGS)

bench-quick: $(VENV)/.core ## the same in under two minutes
	@$(BIN)/python benchmarks/run.py --quick $(ARGS)

audit-pyz: ## build dist/kairos-audit.pyz, the audit trail's commands in one file for a bare Python
	@$(PYTHON) -I telemetry/audit/bundle.py dist/kairos-audit.pyz
	@echo "dist/kairos-audit.pyz" >&2

clean: ## remove the environments and everything that tools left behind
	@rm -rf $(VENV) benchmarks/.peers dist htmlcov .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.made:
	@if [ -x $(BIN)/python ]; then exit 0; fi; \
	if [ -z "$(PYTHON)" ]; then \
		echo "kairos-telemetry needs Python 3.11 or newer, and none of python3.11, python3, python3.12, ... on PATH is." >&2; \
		echo "Install one, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; \
	fi; \
	if ! $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
		echo "kairos-telemetry needs Python 3.11 or newer; '$(PYTHON)' is `$(PYTHON) --version 2>&1`." >&2; \
		echo "Install one, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; \
	fi; \
	echo "setting up $(VENV) with $(or $(UV),pip) ..." >&2; \
	{ if [ -n "$(UV)" ]; then $(UV) venv --quiet --seed --python $(PYTHON) $(VENV); \
	else $(PYTHON) -m venv $(VENV); fi; } >&2 || { rm -rf $(VENV); exit 1; } # half an environment would be taken for one
	@if [ -z "$(UV)" ]; then $(INSTALL) --upgrade pip >&2; fi # dependency groups need pip 25.1
	@touch $@

$(VENV)/.core: $(VENV)/.made $(CHANGES)
	@echo "installing kairos-telemetry ..." >&2
	@$(INSTALL) --editable . >&2
	@touch $@

$(VENV)/.test: $(VENV)/.core
	@echo "installing what the tests need ..." >&2
	@$(INSTALL) --editable '.[http,yaml,structlog]' --group test >&2
	@touch $@

$(VENV)/.lint: $(VENV)/.core
	@echo "installing the linters ..." >&2
	@$(INSTALL) --group lint >&2
	@touch $@

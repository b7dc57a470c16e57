# living-crm: `make demo` and `make test` are the only set-up anyone needs.
# Only relative paths below: the checkout may stand under a path with spaces.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
UV_VERSION := 0.13.9
UV := .tools/uv/bin/uv
CRM := .venv/bin/python -m warehouse.cli
export UV_PYTHON_DOWNLOADS := never
unexport VIRTUAL_ENV

.PHONY: help setup demo test lint format types sql unit bench up down status docs clean

help: ## print this help
	@echo "living-crm: a customer warehouse that stays alive"
	@echo
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

setup: .venv/synced ## install everything the lock names into .venv

$(UV):
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(f"Python 3.11 to 3.13 is needed, {sys.executable} is {v.major}.{v.minor}. Remedy: make PYTHON=/path/to/python3.11 ...") if not (3, 11) <= v[:2] < (3, 14) else None'
	@echo "Installing uv $(UV_VERSION) into .tools"
	@if $(PYTHON) -m pip --version >/dev/null 2>&1; then \
		$(PYTHON) -m pip install --quiet --quiet --disable-pip-version-check --root-user-action ignore --upgrade --target .tools/uv "uv==$(UV_VERSION)"; \
	elif $(PYTHON) -m venv .tools/venv >/dev/null 2>&1; then \
		.tools/venv/bin/python -m pip install --quiet --disable-pip-version-check --target .tools/uv "uv==$(UV_VERSION)"; \
	else \
		echo "ERROR: $(PYTHON) has neither pip nor venv. Remedy: install the package python3-pip or python3-venv." >&2; exit 1; \
	fi

.venv/synced: $(UV) uv.lock pyproject.toml
	@echo "Installing the locked packages into .venv (1.7 GB; a minute beside a near registry)"
	@# Compiled once here: not by every process where Python may not keep what it compiles.
	@$(UV) sync --frozen --quiet --compile-bytecode --python "$(PYTHON)"
	@touch .venv/synced

demo: setup ## lay down a demo's source systems and run the walk in Airflow [DATA=...] [AS_OF=...] [CUSTOMERS=...]
	@$(CRM) demo $(if $(AS_OF),--as-of $(AS_OF)) $(if $(CUSTOMERS),--customers $(CUSTOMERS))

test: lint ## run every check and test
	@$(MAKE) --no-print-directory --jobs=2 types sql
	@$(MAKE) --no-print-directory unit

lint: setup ## ruff: style and formatting
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

format: setup ## let ruff and sqlfluff mend what they can
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .
	.venv/bin/sqlfluff fix --quiet dbt_project

types: setup ## mypy --strict
	.venv/bin/mypy .

sql: setup ## sqlfluff on the dbt project
	.venv/bin/sqlfluff lint --disable-progress-bar dbt_project

unit: setup ## pytest: real PostgreSQL, dbt, Great Expectations and Airflow
	.venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

bench: setup ## measure against bare baselines, write benchmarks/results.json
	.venv/bin/python -m benchmarks

up: setup ## start Airflow and print its address and login
	@$(CRM) up

down: setup ## stop what `make up` or `make demo` started [DATA=...]
	@$(CRM) down

status: setup ## show the last run, room by room
	@$(CRM) status

docs: setup ## build dbt's documentation
	@$(CRM) dbt docs generate --quiet

clean: ## stop what runs and remove what was made (keeps .venv)
	@if [ -x .venv/bin/python ]; then $(CRM) down; fi
	rm -rf .living-crm

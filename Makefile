# Every target works on a fresh machine: Python 3.11, make, git and a package registry are all it takes.
# `make` alone prints what there is.

.DEFAULT_GOAL := help
.PHONY: help demo up test check bench fmt docs venv lock

PYTHON ?= python3.11
# Each test process starts its own servers, so more processes than cores only makes them wait for each other.
JOBS ?= 2

BIN := .venv/bin
# The environment is ready when the stamp of exactly these pins and this project file is there.
STAMP := .venv/ready-$(shell cat requirements/dev.txt pyproject.toml | cksum | cut -d' ' -f1)

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: venv ## see a leaked key contained, approved, undone and proven, here alone (under a minute); SLACK=1 asks in a fake Slack
	@$(BIN)/firedoor demo $(if $(SLACK),--slack)

up: venv ## run Firedoor here with an embedded Temporal: gateway, worker and web page, until Ctrl-C
	@$(BIN)/firedoor up

test: venv ## every test, in parallel, against real servers on loopback (under ten minutes)
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || [ -n "$$FIREDOOR_CHROMIUM" ] || \
	  echo "» no Chromium here, so the browser tests are skipped; Debian has it as: apt-get install chromium"
	@echo "» tests, $(JOBS) processes"
	@$(BIN)/pytest -n $(JOBS) --dist loadfile

check: venv ## what CI runs: lint, format, types, floors, generated pages, then every test
	@echo "» lint";            $(BIN)/ruff check .
	@echo "» format";          $(BIN)/ruff format --check .
	@echo "» types";           $(BIN)/mypy
	@echo "» floors";          $(BIN)/lint-imports --no-logo
	@echo "» generated pages"; $(BIN)/python -m firedoor.reference --check
	@$(MAKE) --no-print-directory test

bench: venv ## measure Firedoor beside a hand-written floor and rewrite docs/reference/performance.md
	@$(BIN)/python -m tests.bench --write

fmt: venv ## format the code and mend what the linter can
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

docs: venv ## rewrite the generated reference: actions, configuration, HTTP, commands, playbook schema
	@$(BIN)/python -m firedoor.reference

venv: $(STAMP)

$(STAMP):
	@python=; \
	for candidate in "$(PYTHON)" python3; do \
	  if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "make: found no Python 3.11 or newer (tried $(PYTHON) and python3)." >&2; \
	  echo "make: install Python 3.11, or name yours: make PYTHON=/path/to/python" >&2; exit 1; \
	fi; \
	if ! $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	  echo "» making .venv with $$python"; \
	  "$$python" -m venv --clear .venv || { echo "make: venv failed; Debian and Ubuntu keep it in python3-venv" >&2; exit 1; }; \
	fi
	@echo "» installing the pinned packages (each checked against its hash)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@echo "» installing Firedoor itself, editable"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@echo "» compiling the rules for credentials"
	@$(BIN)/python -m firedoor.connectors.secret_scanner
	@rm -f .venv/ready-* && touch $@

# Not in the list: only a change of dependencies in pyproject.toml needs it. Keeps every pin that still fits.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header
lock: venv
	@$(COMPILE) --all-extras pyproject.toml --output-file requirements/dev.txt
	@$(COMPILE) --extra build --constraint requirements/dev.txt pyproject.toml --output-file requirements/app.txt

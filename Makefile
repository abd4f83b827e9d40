# `make` alone prints what there is. Python >= 3.11, make and git are all that a machine needs.

.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
REQUIREMENTS := requirements.txt layers/dependencies/requirements.txt pyproject.toml

# Importing the CDK starts its Node process, which warns of its own version in lines of bytes.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 20
export JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION := 1

# The first Python that is new enough; PYTHON=/path/to/python takes another.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for each in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$each -c '$(NEW_ENOUGH)' 2> /dev/null && { echo $$each; break; }; done)

.PHONY: help setup run demo audit-verify test test-pages check bench bench-relay synth deploy-check smoke clean

help: ## this text
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s  %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "  run and demo: KAFKA=apache and DYNAMODB=local take the real engines (Java)."
	@echo "  run: PORT, SOLANA_PORT, KAFKA_PORT, AWS_PORT (0: any free one); DATA_DIR keeps the state."
	@echo "  PYTHON names the Python (>= 3.11) that the environment is made with."

setup: $(INSTALLED) ## the environment alone; the others make it when needed

$(INSTALLED): $(REQUIREMENTS)
	@test -n '$(PYTHON)' && '$(PYTHON)' -c '$(NEW_ENOUGH)' || { \
		echo "Python 3.11 or newer is needed and was not found; name one: make PYTHON=/path/to/python" >&2; \
		exit 1; }
	@echo "Setting up $(VENV) with $$($(PYTHON) --version) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -r requirements.txt
	@# Compiled here on all cores and without the CDK, whose 400 MB only the infra tests import.
	@$(BIN)/python -m compileall -q -j 0 -x aws_cdk $(VENV)/lib > /dev/null 2>&1 || true
	@touch $@

run: $(INSTALLED) ## the whole product on this machine, until Ctrl-C
	@$(BIN)/python -m local

demo: $(INSTALLED) ## one complete upgrade on a private stack, verified step by step
	@$(BIN)/python -m local.demo

PAGES := tests/web/test_page.py tests/web/test_ops_page.py

test: $(INSTALLED) web/node_modules ## all tests but the pages; Node >= 20
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder --ignore=tests/smoke $(PAGES:%=--ignore=%)

test-pages: $(INSTALLED) web/node_modules ## the pages in /usr/bin/chromium
	$(BIN)/pytest $(PAGES)

check: $(INSTALLED) ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(INSTALLED) ## the figures of docs/benchmarks.md
	@$(BIN)/python -m benchmarks

bench-relay: $(INSTALLED) ## the relay beside nchan (N, ROUNDS): docs/benchmarks.md
	@$(BIN)/python -m benchmarks.relay
# AWS credentials and addresses of the stack on this machine; on AWS see docs/operations.md.
audit-verify: $(INSTALLED) ## check every chain of the running stack's audit record
	@$(BIN)/python -m local.audit_verify

STAGE ?= dev

node_modules: package.json package-lock.json
	npm ci --no-audit --no-fund
	@touch $@

web/node_modules: web/package.json web/package-lock.json
	cd web && npm ci --no-audit --no-fund
	@touch $@

synth: $(INSTALLED) node_modules ## the CloudFormation templates of STAGE (dev, prod); Node >= 20
	npx cdk synth --quiet -c stage=$(STAGE)

deploy-check: $(INSTALLED) node_modules ## deploy into an emulator, and one upgrade through it
	$(BIN)/python -m tests.deploy_check

smoke: $(INSTALLED) ## what only AWS can prove, on a deployed STAGE (docs/deployment.md)
	SMOKE_STAGE=$(STAGE) $(BIN)/pytest tests/smoke -m aws $(SMOKE_OPTIONS)

clean: ## remove the environment and everything that was built
	rm -rf $(VENV) .build cdk.out .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -not -path './node_modules/*' -prune -exec rm -rf {} +

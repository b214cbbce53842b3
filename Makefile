# Everything a person or CI does here, by name. Needs Python 3.11 or later with pip and venv, git and make; nothing else.

# An empty environment (`env -i make test`) has no PATH, and make then finds no command at all.
ifeq ($(PATH),)
export PATH := /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
endif

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PLUGINS := $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml))
# What the demo needs beside the core.
DEMO_PLUGINS ?= $(filter $(addprefix plugins/,audit console dagster health pubsub),$(PLUGINS))
# The data of the demo are an extra of its plugin.
EDITABLE = $(foreach plugin,$(1),-e './$(plugin)$(if $(filter %/dagster,$(plugin)),[demo])')
# An editable install carries no .pth of its own, so the one that waits for Dagster is put there.
WATCH_DAGSTER = if $(BIN)/python -c 'import flowstone_dagster.__main__' 2>/dev/null; then \
	$(BIN)/python -m flowstone_dagster pth --install >/dev/null; fi
# Processes that share the tests; each starts servers of its own, and waits for them most of its time.
WORKERS ?= 3
AGENT_VERSION := 1.69.1
DAGSTER_WEBSERVER_VERSION := 1.13.27
MANIFESTS := pyproject.toml constraints.txt $(wildcard plugins/*/pyproject.toml)

.DEFAULT_GOAL := help
.PHONY: help venv demo test matrix check bench docs dashboards build collector jaeger clean

help:  ## list what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(VENV)/.dev  ## a virtual environment with the core, the plugins and every tool

demo: $(VENV)/.demo  ## run the demo: a small pipeline, and all that flowstone shows of it on this machine
	@$(BIN)/flowstone demo

test: $(VENV)/.dev $(VENV)/agent/.made  ## run all tests, those of the plugins too
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

matrix: $(VENV)/.dev $(VENV)/agent/.made $(VENV)/webserver/.made  ## run the tests of hosts as they are deployed, with all their processes (minutes)
	@$(BIN)/python -m pytest -m matrix --timeout 1500 $(ARGS)

check: $(VENV)/.dev  ## lint, formatting, types, floors
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

bench: $(VENV)/.dev  ## print the numbers of the house, as ratios within one run
	@$(BIN)/python -m benchmarks $(ARGS)

docs: $(VENV)/.dev  ## write the pages that are made from the code
	@$(BIN)/python docs/write.py

dashboards: $(VENV)/.dev  ## write dashboards and alerts, which are made from the definitions of the metrics
	@$(BIN)/python -m deploy.generate $(ARGS)

build: $(VENV)/.dev  ## wheels of the core and of all plugins, in dist/
	@$(PIP) wheel -q --no-deps -w dist . $(addprefix ./,$(PLUGINS))
	@ls dist

collector:  ## find or build the OpenTelemetry Collector; prints its path (needs Go the first time)
	@$(PYTHON) deploy/build.py collector

jaeger:  ## find or build Jaeger; prints its path (needs Go the first time)
	@$(PYTHON) deploy/build.py jaeger

# A real OTLP receiver for the tests, apart because it pins an older protobuf. Without it they are skipped.
$(VENV)/agent/.made: | $(VENV)/.made
	@echo "installing Datadog's test agent into $(VENV)/agent"
	@$(PYTHON) -m venv $(VENV)/agent
	@$(VENV)/agent/bin/python -m pip --disable-pip-version-check install -q ddapm-test-agent==$(AGENT_VERSION) \
		|| echo "no test agent: its tests are skipped" >&2
	@touch $@

# A Dagster with its web server, apart because that one pins an older protobuf, and a Dagster of its own version.
$(VENV)/webserver/.made: $(MANIFESTS) | $(VENV)/.made
	@echo "installing dagster-webserver into $(VENV)/webserver"
	@$(PYTHON) -m venv $(VENV)/webserver
	@$(VENV)/webserver/bin/python -m pip --disable-pip-version-check install -q -e . -e ./plugins/dagster \
		dagster-webserver==$(DAGSTER_WEBSERVER_VERSION) || echo "no web server: its tests are skipped" >&2
	@touch $@

clean:  ## remove the environment and all that was built
	rm -rf $(VENV) build dist .grimp_cache .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo "flowstone needs Python 3.11 or later; name one with: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments: install its venv package (Debian, Ubuntu: apt-get install python3-venv)" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PIP) install -q -c constraints.txt --upgrade pip  # older ones do not know dependency groups
	@touch $@

# Only that it was made counts, not when.
$(VENV)/.demo: $(MANIFESTS) | $(VENV)/.made
	@echo "installing flowstone$(if $(DEMO_PLUGINS), and $(notdir $(DEMO_PLUGINS))) into $(VENV)"
	@$(PIP) install -q -c constraints.txt -e . $(call EDITABLE,$(DEMO_PLUGINS))
	@$(WATCH_DAGSTER)
	@touch $@

$(VENV)/.dev: $(MANIFESTS) | $(VENV)/.made
	@echo "installing flowstone, its plugins and the tools into $(VENV)"
	@$(PIP) install -q -c constraints.txt --group dev -e . $(call EDITABLE,$(PLUGINS))
	@$(WATCH_DAGSTER)
	@touch $(VENV)/.demo $@

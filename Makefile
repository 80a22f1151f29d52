# Everything a person does here. `make run` and `make test` are enough to begin.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/pip install --quiet --constraint constraints.txt
# The house checks that ruff does not have.
ASYNC_CHECKS := ASYNC101,ASYNC102,ASYNC103,ASYNC104,ASYNC119,ASYNC900
# As in the extra `bench`; one by one when they do not all install.
PEERS := aiohttp lightmatchingengine nautilus_trader orjson picows pykalshi websockets
# Half of the time that all tests take, on clocks that nobody waits for: it runs beside the other half.
VIRTUAL_TIME := tests/simulation tests/services
# Options for the daemon: make run ARGS="--log-level debug"
ARGS ?=

.PHONY: venv run test lint bench soak
.DEFAULT_GOAL := run

venv: $(VENV)/.dev

# What the daemon needs, and nothing else: a first `make run` should not wait for test tools.
$(VENV)/.run: pyproject.toml constraints.txt
	@echo "Building $(VENV) with what traderd needs to run; this happens once."
	@$(PYTHON) -c 'import sys; sys.exit("traderd needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	@$(INSTALL) hatchling editables
	@$(INSTALL) --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	@echo "Adding the tools for tests and checks to $(VENV); this happens once."
	@$(INSTALL) --no-build-isolation --editable '.[dev]'
	@touch $@

run: $(VENV)/.run
	@exec $(BIN)/traderd run $(ARGS)

lint: $(VENV)/.dev
	@$(BIN)/ruff format --check --quiet . || { echo "Not formatted as ruff does it: run $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/flake8 --isolated --select $(ASYNC_CHECKS) traderd plugins tests
	@$(BIN)/mypy

test: lint
	@command -v chromium chromium-browser google-chrome >/dev/null || echo "No Chromium found: the browser tests are skipped (apt-get install chromium)."
	@command -v promtool >/dev/null || echo "No promtool found: the checks of /metrics and of the alerts by Prometheus' own tool are skipped (apt-get install prometheus)."
	@command -v systemd-analyze >/dev/null || echo "No systemd-analyze found: the checks of the units by systemd's own tools are skipped (apt-get install systemd)."
	@echo "Two runs beside each other; the words of the first, $(VIRTUAL_TIME), come at the end."
	@$(BIN)/python -m pytest $(VIRTUAL_TIME) >.virtual-time.log 2>&1 & virtual=$$!; \
	  $(BIN)/python -m pytest $(VIRTUAL_TIME:%=--ignore=%); rest=$$?; \
	  wait $$virtual; virtual=$$?; cat .virtual-time.log; \
	  exit $$(( rest > virtual ? rest : virtual ))

# The peers of the benchmarks, in the same environment because they run in the same process.
$(VENV)/.bench: $(VENV)/.dev
	@$(INSTALL) --no-build-isolation --editable '.[bench]' || for one in $(PEERS); do \
	  $(INSTALL) $$one || echo "$$one does not install here: its rows will say that it is absent"; done
	@touch $@

bench: $(VENV)/.bench
	@failed=0; for one in run order_submit venue_core exchange_serving flow_realism footprint gym_steps journal_latency console_latency console_stall; do \
	  $(BIN)/python benchmarks/$$one.py || failed=1; done; exit $$failed

soak: $(VENV)/.dev
	@$(BIN)/python -m pytest -m soak

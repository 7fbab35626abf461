# Everything a contributor types. Each target first sets up what it needs, in a virtual environment.

PYTHON ?= python3
PLAIN := $(filter python3,$(PYTHON))
# An environment for each interpreter: `make test PYTHON=python3.13` leaves the default one alone.
VENV := .venv$(if $(PLAIN),,-$(subst /,-,$(patsubst /%,%,$(PYTHON))))
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
# Two installs into one environment at once would spoil it.
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help demo test check format lint types layers docs crash bench clean FORCE

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 16

demo: $(VENV)/ready-for-demo ## run the examples
	$(RUN) examples/weather_agent.py
	$(RUN) examples/code_census.py
	$(RUN) examples/durable_chat.py
	$(RUN) examples/approval.py
	$(RUN) examples/research_team.py
	$(RUN) examples/seed_client.py

# pytest-cov prints its table, and fails the run below the floor, before pytest's own last line.
test: $(VENV)/ready-for-test ## run the tests, with coverage
	$(RUN) -m pytest --cov --numprocesses auto --dist worksteal

check: lint types layers docs ## run every check: format, lint, types, layers, docs

format: $(VENV)/ready-for-check ## format the code, and mend what ruff can mend
	$(RUN) -m ruff check --fix-only .
	$(RUN) -m ruff format .

lint: $(VENV)/ready-for-check ## check format and style
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .

types: $(VENV)/ready-for-check ## check types, with mypy and pyright
	$(RUN) -m mypy
	$(RUN) -m pyright --pythonpath $(RUN)

layers: $(VENV)/ready-for-check ## check that imports go down only
	$(VENV)/bin/lint-imports

docs: $(VENV)/ready-for-check ## build the documentation, warnings are errors
	$(RUN) -m sphinx --nitpicky --fail-on-warning --quiet --builder html docs docs/_build/html

crash: $(VENV)/ready-for-test ## kill processes in the middle, at random, and look what is left
	$(RUN) -m tests.crash

bench: $(VENV)/ready-for-bench ## measure, against LangGraph and hand-written asyncio
	$(RUN) -m benchmarks

clean: ## remove environments, caches and what was built
	rm -rf .venv .venv-* build dist docs/_build htmlcov
	rm -rf .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp for each purpose, so that a second call installs nothing; pyproject.toml makes them stale.
$(VENV)/ready-for-%: pyproject.toml $(VENV)/made
	@echo "Installing what 'make $*' needs into $(VENV)"
	@$(PIP) install --editable '.[demo]' $(if $(filter-out demo,$*),--group $*)
	@touch $@

# pip learned dependency groups in 25.1; an environment starts with the one its Python shipped with.
# One whose interpreter has gone (an upgrade of the system's Python) is made anew.
$(VENV)/made: $(if $(realpath $(RUN)),,FORCE)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "graphflow needs Python 3.11 or newer, and '$(PYTHON)' is none." \
	         "Name one that is: make test PYTHON=python3.12" >&2; exit 1; }
	@echo "Making the environment $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PIP) install --upgrade 'pip>=25.1'
	@touch $@

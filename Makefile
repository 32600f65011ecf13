# make setup | test | test-faults | lint | audit | demo | simulate | chaos | fuzz | bench | clean. Needs Python 3.11 to 3.13 and nothing else; everything lands in .venv.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
ROUNDS ?= 200
TARGET ?= sniff
BIN := $(VENV)/bin
STAMP := $(VENV)/.setup-done
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
	&& echo $$python && break; done)

# uv has its own name for the folders pip looks into besides its index
comma := ,
empty :=
space := $(empty) $(empty)
ifneq ($(strip $(PIP_FIND_LINKS)),)
export UV_FIND_LINKS ?= $(subst $(space),$(comma),$(strip $(PIP_FIND_LINKS)))
endif

# hundreds of test processes import Ray and torch: each would compile their thousands of files again
unexport PYTHONDONTWRITEBYTECODE

# one file stays with one process, the long ones begin first (tests/conftest.py)
PYTEST := $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

.PHONY: help setup test test-faults lint audit demo simulate chaos fuzz bench clean

help:
	@echo 'make setup   install everything into $(VENV)'
	@echo 'make demo    score a sample catalog; or yours: make demo CATALOG=<folder or s3://...> OUTPUT=<folder or s3://...>'
	@echo 'make test    run all tests but those of the next line'
	@echo 'make test-faults  run the job for real while storage, workers, machines, links and drivers fail'
	@echo 'make lint    check style, types and the layers'
	@echo 'make audit   ask PyPI for known faults of the pinned versions'
	@echo 'make simulate  try the scheduler on 10,000 seeds full of faults'
	@echo 'make chaos   kill workers, machines, links and drivers of real runs for 200 rounds'
	@echo 'make bench   measure the job and its stages, beside their aims'
	@echo 'make fuzz    try damaged bytes on one reader for a minute; make fuzz TARGET=<name in tests/fuzz/readers.py>'
	@echo 'make clean   remove what these commands made'

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@if [ -z '$(PYTHON)' ]; then \
		echo 'genre-batch needs Python 3.11, 3.12 or 3.13 with its venv module; none was found.' >&2; \
		echo 'Install one, or name it: make setup PYTHON=/path/to/python3.12' >&2; exit 2; fi
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
		echo 'Python could not create $(VENV): on Debian and Ubuntu, install python3-venv.' >&2; exit 2; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

test: setup
	$(PYTEST)

test-faults: setup
	$(PYTEST) -m faults $$(grep --recursive --files-with-matches --include='test_*.py' 'mark\.faults' tests)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

# --strict: a version that cannot be looked up is no version without faults
audit: setup
	$(BIN)/uv tool run pip-audit --requirement constraints.txt --no-deps --disable-pip --strict

demo: setup
	@$(BIN)/genre-batch demo $(if $(CATALOG),--catalog "$$CATALOG") $(if $(OUTPUT),--output "$$OUTPUT")

simulate: setup
	$(BIN)/python benchmarks/simulate.py --seeds 10000

chaos: setup
	$(BIN)/python benchmarks/chaos.py --rounds $(ROUNDS)

bench: setup
	$(BIN)/python benchmarks/bench.py

fuzz: setup
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --constraint constraints.txt --editable '.[fuzz]'
	$(BIN)/python tests/fuzz/readers.py $(TARGET) -max_total_time=60

clean:
	rm -rf $(VENV) demo-output build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# make setup | docs | test | test-faults | test-soak | test-readers | test-feast | lint | audit | demo | wheel | image | simulate | chaos | fuzz | bench | model-figures | clean.
# Needs only Python 3.11 to 3.13; everything is installed into .venv.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
ROUNDS ?= 200
TARGET ?= sniff
BIN := $(VENV)/bin
STAMP := $(VENV)/.setup-done
FEAST := $(VENV)-feast/.setup-done
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
	&& echo $$python && break; done)

# pip and uv use different variables for extra package folders: pass pip's on to uv
comma := ,
empty :=
space := $(empty) $(empty)
ifneq ($(strip $(PIP_FIND_LINKS)),)
export UV_FIND_LINKS ?= $(subst $(space),$(comma),$(strip $(PIP_FIND_LINKS)))
endif

# hundreds of test processes import Ray and torch: without bytecode, each would recompile thousands of files
unexport PYTHONDONTWRITEBYTECODE

# each file runs in one process; the slowest files start first (tests/conftest.py)
PYTEST := $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

.PHONY: help docs setup test test-faults test-soak test-readers test-feast lint audit demo wheel image simulate chaos fuzz bench model-figures clean

help:
	@echo 'make setup   install everything into $(VENV)'
	@echo 'make demo    score a sample catalog; or yours: make demo CATALOG=<folder or s3://...> OUTPUT=<folder or s3://...>'
	@echo 'make test    run all tests but those of the next line'
	@echo 'make test-faults  run the job for real while storage, workers, machines, links and drivers fail'
	@echo 'make test-soak  play a week of runs, stop runs at many moments, read more tagged files; takes up to an hour'
	@echo 'make test-readers  read an output with Spark; needs Java 17 or newer'
	@echo 'make test-feast  serve an output with Feast, in an environment of its own; needs redis-server'
	@echo 'make docs    build the site of the docs in build/site'
	@echo 'make lint    check style, types and the layers'
	@echo 'make audit   ask PyPI for known faults of the pinned versions'
	@echo 'make wheel   build the package, install it in a fresh environment and try it there'
	@echo 'make image   do the steps of the image for CPUs without Docker, try it and weigh its wheels'
	@echo 'make simulate  try the scheduler on 10,000 seeds full of faults'
	@echo 'make chaos   kill workers, machines, links and drivers of real runs for 200 rounds'
	@echo 'make bench   measure the job and its stages, beside their aims'
	@echo 'make model-figures LABELLED=<folder> [OTHERS=<folder with labelled/, out_of_scope/>] [SONGS=<folder>] [SPEECH=<folder>]'
	@echo '             measure the models of docs/default-model.md'
	@echo 'make fuzz    try damaged bytes on one reader for a minute; make fuzz TARGET=<name in tests/fuzz/readers.py>'
	@echo 'make clean   remove what these commands made'

# with PYTHONDONTWRITEBYTECODE=1, each process would compile what it imports again: seconds a start
setup: $(STAMP)
	@$(BIN)/python -m compileall -q genre_batch

$(STAMP): pyproject.toml constraints.txt
	@if [ -z '$(PYTHON)' ]; then \
		echo 'genre-batch needs Python 3.11, 3.12 or 3.13 with its venv module; none was found.' >&2; \
		echo 'Install one, or name it: make setup PYTHON=/path/to/python3.12' >&2; exit 2; fi
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
		echo 'Python could not create $(VENV): on Debian and Ubuntu, install python3-venv.' >&2; exit 2; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --constraint constraints.txt --editable '.[dev]'
	@touch $@

test: setup
	$(PYTEST)

test-faults: setup
	$(PYTEST) -m faults $$(grep --recursive --files-with-matches --include='test_*.py' 'mark\.faults' tests)

test-soak: setup $(FEAST)
	$(PYTEST) -m soak $$(grep --recursive --files-with-matches --include='test_*.py' 'mark\.soak' tests)

test-readers: setup
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --constraint constraints.txt --requirement pyproject.toml --extra readers
	$(BIN)/python -m pytest -m spark $$(grep --recursive --files-with-matches --include='test_*.py' 'mark\.spark' tests)

# Feast needs an older pandas and tenacity than the package
$(FEAST): configs/feast/constraints.txt | setup
	@test -x $(VENV)-feast/bin/python || $(BIN)/uv venv --quiet --python $(BIN)/python $(VENV)-feast
	VIRTUAL_ENV=$(VENV)-feast $(BIN)/uv pip install --quiet --compile-bytecode --constraint configs/feast/constraints.txt \
		'feast[duckdb,redis]' duckdb-extension-httpfs
	@touch $@

test-feast: setup $(FEAST)
	$(BIN)/python -m pytest -m feast $$(grep --recursive --files-with-matches --include='test_*.py' 'mark\.feast' tests)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

docs: setup
	$(BIN)/mkdocs build --strict

# --strict: a version that cannot be looked up is not known to be safe, so it fails the audit
audit: setup
	$(BIN)/uv tool run pip-audit --requirement constraints.txt --no-deps --disable-pip --strict

demo: setup
	@$(BIN)/genre-batch demo $(if $(CATALOG),--catalog "$$CATALOG") $(if $(OUTPUT),--output "$$OUTPUT")

# the commands run outside the checkout, so that nothing of it is imported by accident
wheel: setup
	@rm -rf dist
	@$(BIN)/uv build --quiet --python $(BIN)/python --out-dir dist
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT \
	&& $(BIN)/uv venv --quiet --python $(BIN)/python "$$folder/venv" \
	&& VIRTUAL_ENV="$$folder/venv" $(BIN)/uv pip install --quiet --constraint constraints.txt \
		"genre-batch[demo] @ file://$$(echo "$$PWD"/dist/*.whl)" \
	&& cp .ci/try-wheel "$$folder" && cd "$$folder" && env -u PYTHONPATH PATH="$$folder/venv/bin:$$PATH" ./try-wheel demo

# the steps of the CPU image without Docker, and the size of its wheels
image: setup
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT \
	&& $(BIN)/python .ci/try_image.py "$$folder/home"

simulate: setup
	$(BIN)/python benchmarks/simulate.py --seeds 10000

chaos: setup
	$(BIN)/python benchmarks/chaos.py --rounds $(ROUNDS)

bench: setup
	$(BIN)/python benchmarks/bench.py

fuzz: setup
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --constraint constraints.txt --editable '.[fuzz]'
	$(BIN)/python tests/fuzz/readers.py $(TARGET) -max_total_time=60

# takes a quarter of an hour on two busy cores; OTHERS is music of other publishers that no choice should be made on, SONGS a
# folder of whole songs, SPEECH one of speech
model-figures: setup
	$(if $(LABELLED),,$(error give LABELLED=<folder>, as in docs/training.md))
	$(BIN)/python benchmarks/default_model.py $(LABELLED) build/model-figures $(if $(OTHERS),--others $(OTHERS)/labelled)
	$(BIN)/python benchmarks/scope.py $(LABELLED) build/model-figures $(if $(OTHERS),--clips $(OTHERS))
	$(BIN)/python benchmarks/other_sounds.py $(SPEECH) $(if $(OTHERS),$(OTHERS)/out_of_scope $(OTHERS)/labelled)
	$(BIN)/python benchmarks/steadiness.py $(LABELLED) --least 15 --cut 3
	$(BIN)/python benchmarks/steadiness.py --made 3
	$(if $(SONGS),$(BIN)/python benchmarks/steadiness.py $(SONGS))
	$(BIN)/python benchmarks/few_labels.py $(LABELLED) build/model-figures
	$(BIN)/python benchmarks/tags.py $(LABELLED) build/model-figures
	$(BIN)/python benchmarks/trunk_runtimes.py $(LABELLED) build/model-figures

clean:
	rm -rf $(VENV) $(VENV)-feast demo-output build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

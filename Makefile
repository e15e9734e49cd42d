# Everything works with nothing but python3 and make: the virtual environment is made here.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo test check format lint types imports bench bench-guard screenshots snapshots docs cast dist clean

help: ## list what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /\1\t/' | expand -t 14

$(VENV)/run-time: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/development: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/run-time

demo: $(VENV)/run-time ## open the explorer on the bundled sample image
	$(BIN)/layerscope demo

test: $(VENV)/development ## run the tests
	$(BIN)/python -m pytest -n 2

format: $(VENV)/development ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(VENV)/development ## check format and style
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/development ## check types
	$(BIN)/mypy

imports: $(VENV)/development ## check the direction of imports
	$(BIN)/lint-imports

check: lint types imports test bench-guard ## all of it: what must be green before a commit

bench: $(VENV)/development ## measure against dive on the same images in the same run, and put the figures into the pages
	$(BIN)/python -m bench --save
	$(BIN)/python -m bench.wire --runs 3 --save
	$(BIN)/python -m bench.fleet --save
	$(BIN)/python -m tests.docs.generated

bench-guard: $(VENV)/development ## check ratios that hold on any machine, with wide margins, on small images
	$(BIN)/python -m bench.guard

screenshots: $(VENV)/development ## draw the pictures that README and docs show
	$(BIN)/python -m tests.screenshots

docs: $(VENV)/development ## build the documentation as a site, in site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

cast: $(VENV)/development ## record the first minute, which the documentation plays
	$(BIN)/python -m tests.cast

snapshots: $(VENV)/development ## redraw baselines of screens and reports, tables of docs and manual pages after a wanted change
	UPDATE_SNAPSHOTS=1 $(BIN)/python -m pytest -n 0 tests/tui tests/report --snapshot-update
	$(BIN)/python -m tests.docs.generated

dist: $(VENV)/development ## build wheel and sdist: the same bytes for the same commit
	rm -rf dist
	SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)} $(BIN)/python -m build
	$(BIN)/python -m twine check --strict dist/*

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist site

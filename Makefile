# Everything here is a thin name for one command; `make` lists them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

PYTEST := $(BIN)/python -m pytest
WORKERS := -n 2 --dist worksteal
# Compiled modules are kept: without them every process of a run compiles everything anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo test test-engines check format generate bench masking lambdas glue clean

help: ## list what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.user: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -e .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -e '.[dev]'
	@touch $@

demo: $(VENV)/.user ## set up, make a sample world, run the whole job on it, show the report
	$(BIN)/cci-lite demo

test: $(VENV)/.dev ## every test that needs nothing but this checkout and Python (about five minutes of CPU)
	$(PYTEST) $(WORKERS) -m "not trino and not spark and not browser and not packages and not real_data and not slow"
	@echo "left out here: the suites marked trino, spark, browser, packages, real_data and slow (make test-engines)"

test-engines: $(VENV)/.dev ## the suites that need Trino (Java 24+), Spark (Java 17), a Chromium, downloads, real data or minutes; says what it skips
	$(PIP) -e '.[trino,spark]'
	$(PYTEST) -m "(trino or spark or browser or packages) and not slow"
	$(PYTEST) $(WORKERS) -m "slow or real_data"
	$(PYTEST) $(WORKERS) -m "hypothesis and not slow" --hypothesis-profile=deep

check: $(VENV)/.dev ## what a reviewer would run: lint, format, types, import rules, views, generated files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/cci-lite views lint

format: $(VENV)/.dev ## put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

generate: $(VENV)/.dev ## write the generated documents, schemas and translated views anew
	$(BIN)/python -m cci_lite.contract.schema docs
	$(BIN)/python -m cci_lite.contract.ddl etl/tables
	CCI_LITE_UPDATE_SNAPSHOTS=1 $(BIN)/python -m pytest -q tests/unit/views/test_snapshots.py

bench: $(VENV)/.dev ## measure the flattening; prints JSON
	$(BIN)/python benchmarks/flatten.py

masking: $(VENV)/.dev ## measure what masking finds, and what it masks wrongly, per kind and language
	$(BIN)/python -m tests.masking.measured

lambdas: $(VENV)/.dev ## one package per function and architecture, and a manifest, in dist/lambdas/
	$(BIN)/python pipeline_lambdas/package.py

glue: $(VENV)/.dev ## what the Glue job needs: the script, wheels and a manifest, in dist/glue/
	$(BIN)/python etl/build.py

clean: ## remove the virtual environment and the demo's lake
	rm -rf $(VENV) demo-lake

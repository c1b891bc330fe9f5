# Two commands do everything on a machine with Python 3.11 or newer and make: `make reproduce` and `make test`.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
PIP_ARGS ?=
PYTEST_ARGS ?=

.PHONY: bench docs reproduce test slow lint types contracts wheel-check env clean

reproduce: env
	$(BIN)/nopeproof reproduce

test: env
	$(BIN)/python -m pytest -n 2 $(PYTEST_ARGS)

slow: env
	$(BIN)/python -m pytest -n 2 -m slow $(PYTEST_ARGS)

lint: env
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: env
	$(BIN)/pyright

contracts: env
	$(BIN)/lint-imports

bench: env
	$(BIN)/python -m benchmarks

wheel-check: env
	.ci/wheel-check $(BIN)/python

# The site, in an environment of its own; its theory pages come from the catalogue and the stored verdicts.
docs: env $(VENV)-docs/.done
	$(BIN)/python docs/catalogue.py
	NO_MKDOCS_2_WARNING=1 $(VENV)-docs/bin/mkdocs build --quiet --strict

$(VENV)-docs/.done: docs/requirements.txt
	$(PYTHON) -m venv $(VENV)-docs
	$(VENV)-docs/bin/python -m pip install --quiet $(PIP_ARGS) -r docs/requirements.txt
	@touch $@

env: $(VENV)/.done

# The stamp comes last and is new for every change of the requirements: a killed install is done again.
$(VENV)/.done: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "nopeproof needs Python 3.11 or newer; none is on the PATH. Set PYTHON=/path/to/python3.11"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "nopeproof needs Python 3.11 or newer; $(PYTHON) is not that"; exit 2; }
	@rm -f $@
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet $(PIP_ARGS) -c constraints.txt -e '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) build dist runs .pytest_cache .ruff_cache .hypothesis .benchmarks *.egg-info

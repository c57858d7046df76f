# make generate: install, then generate molecules with the bundled model
# make test:     install, then run the tests
# Both use one .venv. PIP_ARGS goes to every pip install; a torch that is already in .venv is kept.

VENV   := .venv
BIN    := $(VENV)/bin
# The first of these that really starts: a shim without a Python behind it does not count.
PYTHON := $(shell for p in python3.12 python3.11 python3.13; do if $$p -c 'import venv, ensurepip' >/dev/null 2>&1; then echo $$p; break; fi; done)
N      ?= 100
OUT    ?= out

.PHONY: generate test lint clean

generate: $(VENV)/.installed
	$(BIN)/molediff generate --n $(N) --seed 0 --out $(OUT)

test: $(VENV)/.tested
	$(BIN)/python -m pytest $(TESTS)

lint: $(VENV)/.tested
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 with venv is needed, and none was found. On Debian: apt-get install python3 python3-venv"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@$(BIN)/python -c 'import torch' >/dev/null 2>&1 || $(BIN)/pip install $(PIP_ARGS) -r constraints.txt
	@$(BIN)/python -c 'import importlib.metadata as m; print("torch==" + m.version("torch").split("+")[0])' > $(VENV)/constraints.txt
	$(BIN)/pip install $(PIP_ARGS) -c $(VENV)/constraints.txt -e .
	@touch $@

$(VENV)/.tested: $(VENV)/.installed
	$(BIN)/pip install $(PIP_ARGS) -c $(VENV)/constraints.txt -e '.[dev]'
	@$(BIN)/pip install $(PIP_ARGS) -c $(VENV)/constraints.txt -e '.[dock]' || echo "The extra 'dock' cannot be installed here: the tests that need it will skip."
	@touch $@

clean:
	rm -rf $(VENV)

# `make explore` and `make test` each work alone on a fresh clone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: explore test test-all lint browser fuzz benchmarks report docs screenshots clean

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, for example: make PYTHON=python3.12 test")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

explore: $(STAMP)
	$(BIN)/viz explore

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Two workers with one thread each: torch's own threads would fight over the cores. Compiled
# before, or every process that a test begins compiles it where Python may not keep what it compiles.
# `test` leaves out what is slow and rarely breaks, and what needs a browser; `test-all` nothing.
test: SOME := -m "not slow and not browser"
test test-all: lint
	-$(BIN)/python -m compileall -q viz
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist worksteal $(SOME)

browser: $(STAMP)
	$(BIN)/pytest -m browser

# Files damaged at random: each is refused in one sentence, or loads.
fuzz: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python tests/network/fuzz.py

benchmarks: $(STAMP)
	for file in benchmarks/[a-z]*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

report: $(STAMP)
	$(BIN)/viz report imagenette-p7 -o reports/imagenette-p7 --quick --formats pdf --force
	$(BIN)/viz report imagenette-p7 imagenette-p14 -o reports/imagenette-p7-imagenette-p14 --formats pdf --force

docs: $(STAMP)
	$(BIN)/python docs/from_cards.py
	$(BIN)/python docs/build.py

screenshots: $(STAMP)
	$(BIN)/python docs/screenshots.py

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

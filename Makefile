# Each command sets up what it needs in .venv, from a bare checkout.
#   make course       run the lessons; pages and results in build/course
#   make test         every check of package, lessons and exercises, as CI runs it
#   make lab          JupyterLab with the lessons
#   make refresh      regenerate the committed notebooks on real MNIST
#   make assignments  the whole round: lint, release, try every answer, collect, grade
#   make clean        remove .venv and build

PYTHON ?= python3
# Silences four lines of ipykernel's debugger, which nobody here uses.
export PYDEVD_DISABLE_FILE_VALIDATION := 1

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

.PHONY: course test lint unit notebooks lab refresh assignments clean

course: $(READY)
	$(BIN)/mnist-lab run

test: lint unit notebooks

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/mnist-lab lint

unit: $(READY)
	$(BIN)/python -m pytest tests -n 3

notebooks: $(READY)
	$(BIN)/python -m pytest --nbval notebooks assignments -n 2

lab: $(READY)
	$(BIN)/jupyter lab notebooks

refresh: $(READY)
	$(BIN)/mnist-lab refresh

assignments: $(READY)
	$(BIN)/mnist-lab lint
	$(BIN)/mnist-lab release
	$(BIN)/python -m pytest tests/course/assignments tests/course/grading/test_round.py -n 2
	$(BIN)/python -m pytest --nbval assignments -n 2

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c "import sys; (3, 11) <= sys.version_info < (3, 14) or sys.exit(\
	'mnist-lab needs Python 3.11, 3.12 or 3.13; this is %d.%d. Name another one: make PYTHON=python3.12' \
	% sys.version_info[:2])"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --requirement requirements.txt
	@touch $@

clean:
	rm -rf $(VENV) build

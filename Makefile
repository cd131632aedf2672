# Each command first installs what it needs into .venv.
#   make course       run the lessons, and make a book of their results in build/course
#   make test         run every check of the package, the lessons and the exercises, as CI does
#   make site         make the course a book to publish, in build/site, from the committed notebooks
#   make lab          open the lessons in JupyterLab
#   make refresh      run the lessons on real MNIST, and store their outputs in the notebooks
#   make assignments  check and release the exercises, try all answers, and rehearse the grading
#   make clean        remove .venv and build

PYTHON ?= python3
# ipykernel then prints no warning about its debugger, which nobody here uses.
export PYDEVD_DISABLE_FILE_VALIDATION := 1

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

.PHONY: course site test lint unit notebooks lab refresh assignments clean

course: $(READY)
	$(BIN)/mnist-lab run

site: $(READY)
	$(BIN)/mnist-lab site

test: lint unit notebooks

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/mnist-lab lint

unit: $(READY)
	$(BIN)/python -m pytest tests -n 4

notebooks: $(READY)
	$(BIN)/python -m pytest --nbval notebooks assignments -n 3

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

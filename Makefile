# One command per habit. Everything lives in .venv; apt is asked only for what pip cannot bring.
.PHONY: demo test test-full lint format bench bench-voice install install-dev install-voice install-studio clean

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --use-pep517 --constraint
WORKERS ?= auto
TORCH ?= torch==2.13.0

demo: install      ## dub samples/talk.mp4 into Spanish with nothing but what the light core brings
	@scripts/system-packages apertium-eng-spa=apertium
	@scripts/demo

test: install-dev  ## everything that tells right from wrong; the report's page in a real browser
	@scripts/system-packages apertium-eng-spa=apertium chromium=chromium
	$(BIN)/python -m pytest -n $(WORKERS)

test-full: install-dev ## parity of every part at the released size: 5 GB of memory, two minutes
	$(BIN)/python -m bench.parity --size full

lint: install-dev  ## style, types, and the walls between the rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install-dev ## speed and size, on this machine, now
	@scripts/system-packages apertium-eng-spa=apertium
	$(BIN)/python -m bench.draft

bench-voice: install-dev ## speed of the IndexTTS2 voice at the released size, with filled weights
	$(BIN)/python -m bench.tts

install: .venv/.light
install-dev: .venv/.dev
install-voice: .venv/.voice
install-studio: .venv/.studio

.venv/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "dubber needs Python 3.10 to 3.13; $$($(PYTHON) --version) is first on this machine. Name another: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || scripts/system-packages python3-venv
	$(PYTHON) -m venv .venv

.venv/.light: .venv/pyvenv.cfg pyproject.toml constraints.txt
	$(PIP) constraints.txt --editable .
	@touch $@

.venv/.dev: .venv/.light
	@# the tests need no GPU: where a CPU build of torch is at hand, TORCH names it
	sed 's/^torch==.*/$(TORCH)/' constraints.txt > .venv/constraints.txt
	$(PIP) .venv/constraints.txt $(TORCH) --editable '.[dev,studio]'
	@touch $@

.venv/.voice: .venv/.light
	$(PIP) constraints.txt --editable '.[voice,japanese]'
	@touch $@

.venv/.studio: .venv/.light
	$(PIP) constraints.txt --editable '.[studio]'
	@touch $@

clean:
	rm -rf .venv demo

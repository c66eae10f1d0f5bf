# Every target sets up .venv by itself when it is absent, or older than pyproject.toml or constraints.txt.
#
#   make demo         the whole job on a simulated hospital
#   make test         lint, then every test but the published figures
#   make test-fast    the tests that need neither minutes nor real scans
#   make lint         ruff, mypy, import-linter, codespell
#   make prove        repeats the published figures
#   make verifier     the reviewer's check as one file for bare Python: dist/medsyngen-verify.pyz
#   make wheelhouse   every wheel for a machine without a network, hashed (docs/how-to/install-offline.md)
#   make check-wheelhouse   installs it as a hospital would, and runs the whole job without a network
#   make sbom         lists what is in it, with licences (CycloneDX): dist/medsyngen.cdx.json
#   make dist         medsyngen's own wheel and source archive
#   make lock         writes .ci/install/lock anew; LOCK_ARGS=--upgrade for the newest
#   make experts      rebuilds the public expert that ships with the package
#   make gallery      redraws the pictures of all phantoms in the docs
#   make reference    rewrites the docs' pages of commands and recipe fields from the code
#   make docs         the docs as a site, to be read without a network: build/site/index.html
#   make clean        removes caches, builds and the demo (.venv and .tools stay)
#
# Variables: PY (which Python, 3.11 or newer), TORCH and TORCH_INDEX (which PyTorch, from where), DEMO (its folder),
# WORKERS (test processes), PYTEST_ARGS. PyTorch is a CPU build; with a GPU: make demo TORCH=torch==2.13.0
# Of a wheelhouse: WHEELHOUSE (its folder), TORCH_BUILD (cpu or cuda), EXTRAS (some of codecs,metrics,ocr), SIGN (an SSH
# key); for another machine FOR_PYTHON (3.12) and FOR_PLATFORM (manylinux_2_28_x86_64).

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PY ?= python3
VENV ?= .venv
TORCH ?= torch==2.13.0+cpu
# Asked only where pip's own index has no such build (PyPI has none: its Linux wheels carry CUDA).
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
DEMO ?= medsyngen-demo
TORCH_BUILD ?= cpu
EXTRAS ?= codecs,metrics
WHEELHOUSE ?= dist/wheelhouse-$(TORCH_BUILD)
TOOLS ?= .tools
WORKERS ?= 2
PYTEST_ARGS ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
STAMP := $(VENV)/.installed
# One thread a worker: two workers with two threads each only get in each other's way on two cores.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(PYTEST_ARGS)

TOOLS_STAMP := $(TOOLS)/.installed

.PHONY: help demo test test-fast lint prove verifier wheelhouse check-wheelhouse sbom dist lock experts gallery reference docs \
  clean

help:
	@sed -n '2,/^$$/s/^# \{0,1\}//p' Makefile

$(STAMP): pyproject.toml constraints.txt
	@$(PY) -c 'import sys; sys.exit("medsyngen needs Python 3.11 or newer: try make PY=python3.12" if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PY) -m venv $(VENV)
	$(PIP) install "$(TORCH)" \
	  || { echo "no $(TORCH) from pip's own index: asking $(TORCH_INDEX)"; $(PIP) install "$(TORCH)" --index-url $(TORCH_INDEX); }
	$(PIP) install -c constraints.txt -e '.[dev]'
	touch $@

demo: $(STAMP)
	$(BIN)/medsyngen demo $(DEMO)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy -p medsyngen -p cli -p configs -p install
	$(BIN)/lint-imports
	$(BIN)/codespell

test: lint $(TOOLS_STAMP)
	$(PYTEST) -m "not prove"

test-fast: $(STAMP)
	$(PYTEST) -m "not slow and not realdata and not prove"

prove: $(STAMP)
	$(BIN)/python -m tests.benchmarks.prove

# Needs no .venv: the same sources give the same bytes.
verifier:
	$(PY) -m medsyngen.verification.packing dist/medsyngen-verify.pyz

# A small environment of its own, hashed: whoever fetches wheels for others needs no PyTorch.
$(TOOLS_STAMP): .ci/install/lock/tools.txt
	test -x $(TOOLS)/bin/python || $(PY) -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes -r .ci/install/lock/tools.txt
	touch $@

wheelhouse: $(TOOLS_STAMP)
	PYTHONPATH=.ci $(TOOLS)/bin/python -m install.wheelhouse $(WHEELHOUSE) --torch $(TORCH_BUILD) --torch-index $(TORCH_INDEX) --extras "$(EXTRAS)" \
	  $(if $(FOR_PYTHON),--python $(FOR_PYTHON)) $(if $(FOR_PLATFORM),--platform $(FOR_PLATFORM)) $(if $(SIGN),--sign $(SIGN))

$(WHEELHOUSE)/SHA256SUMS:
	$(MAKE) wheelhouse

check-wheelhouse: $(TOOLS_STAMP) $(WHEELHOUSE)/SHA256SUMS
	PYTHONPATH=.ci $(TOOLS)/bin/python -m install.check $(WHEELHOUSE)

sbom: $(TOOLS_STAMP) $(WHEELHOUSE)/SHA256SUMS
	PYTHONPATH=.ci $(TOOLS)/bin/python -m install.sbom $(WHEELHOUSE) dist/medsyngen.cdx.json

dist: $(TOOLS_STAMP)
	PYTHONPATH=.ci $(TOOLS)/bin/python -m install.building dist

lock: $(STAMP)
	PATH=$(abspath $(BIN)):$$PATH PYTHONPATH=.ci $(BIN)/python -m install.lock $(LOCK_ARGS)

# Deterministic in the recipe: the file changes only where the phantoms, the network or the public training changed.
experts: $(STAMP)
	$(BIN)/python -m tests.benchmarks.experts

gallery: $(STAMP)
	$(BIN)/python -m tests.benchmarks.gallery

reference: $(STAMP)
	$(BIN)/python -m tests.docs.write

docs: $(STAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache $(DEMO)
	find . \( -path ./$(VENV) -o -path ./$(TOOLS) \) -prune -o -name __pycache__ -type d -print0 | xargs -0 rm -rf

# Everything below works from a bare clone with python3 (3.11 or newer) and make.
#   make demo                  real photos, explored by similarity at http://127.0.0.1:8765
#   make demo PHOTOS=~/Pictures
#   make test                  the whole test suite
#   make torture               writers of the live index killed (KILLS=1000), then readers beside a writer (SECONDS=120)
#   make boundscheck           the kernels' tests with every array access checked
#   make check                 format, lint, types, layers, the page's own checks
#   make bench                 measurements against peers and limits (see benchmarks/)
#   make figures               the pictures of the docs, measured anew (ARGS=--reuse: as measured before)
#   make docs | web | wheel | clean

SHELL  := /bin/bash
PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python
PORT   ?= 8765
PAGE   := src/lookalike/server/static/index.html
DEMO   := build/demo
PHOTOS ?=
WEB    := $(shell find web -type f -not -path 'web/node_modules/*' 2>/dev/null)

KILLS   ?= 1000
SECONDS ?= 120
SEED    ?= 0

.PHONY: demo test torture boundscheck check format bench docs figures web wheel screenshot clean
.DELETE_ON_ERROR:

demo: $(VENV)/.run $(PAGE)
ifeq ($(strip $(PHOTOS)),)
	@$(PY) tools/demo_photos.py $(DEMO)/photos
	@exec $(VENV)/bin/lookalike open $(DEMO)/photos -c $(DEMO)/photos.lookalike --port $(PORT)
else
	@exec $(VENV)/bin/lookalike open "$(PHOTOS)" -c $(DEMO)/own.lookalike --port $(PORT)
endif

test: $(VENV)/.test $(if $(LOOKALIKE_REQUIRE_ALL),$(VENV)/.torch) $(PAGE)
	@$(PY) tools/demo_photos.py $(DEMO)/photos
	$(VENV)/bin/pytest -n 2 --dist worksteal --cov --cov-report=term:skip-covered $(ARGS)

torture: $(VENV)/.test
	$(PY) -m tools.torture crash --kills $(KILLS) --jobs 2 --seed $(SEED)
	$(PY) -m tools.torture readers --seconds $(SECONDS) --readers 8 --seed $(SEED)

# Numba reads beyond an array silently; with this it does not.
boundscheck: $(VENV)/.test
	NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR=build/numba-boundscheck $(VENV)/bin/pytest -q tests/kernels

check: $(VENV)/.test web/node_modules/.package-lock.json
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache
	$(PY) tools/node.py --prefix web run check
	$(PY) tools/node.py --prefix web test

format: $(VENV)/.test
	$(VENV)/bin/ruff check --fix-only .
	$(VENV)/bin/ruff format .

bench: $(VENV)/.bench $(PAGE)
	@$(PY) tools/demo_photos.py $(DEMO)/photos
	@$(PY) tools/demo_photos.py --pictwo build/pictwo
	$(PY) -m benchmarks $(ARGS)

docs: $(VENV)/.docs
	$(VENV)/bin/mkdocs build --strict

figures: $(VENV)/.bench
	$(PY) -m tools.figures docs/images
	$(PY) -m benchmarks.engine.guide docs/images $(ARGS)

screenshot: $(VENV)/.test $(PAGE)
	@$(PY) tools/demo_photos.py $(DEMO)/photos
	$(PY) tools/screenshot.py docs/images

web: $(PAGE)

wheel: $(VENV)/.test $(PAGE)
	$(PY) -m build

# Environments: one directory, more in it as more is asked for.
$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Lookalike needs Python 3.11 or newer, but '$(PYTHON)' is older. Try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python cannot make virtual environments here. On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(PY) -m pip install -q --upgrade 'pip>=25.1'

$(VENV)/.run: pyproject.toml | $(PY)
	@echo "Installing Lookalike and what it needs into $(VENV) ..."
	@$(PY) -m pip install -q -e .
	@touch $@

$(VENV)/.test: $(VENV)/.run
	@echo "Installing what the tests and checks need ..."
	@$(PY) -m pip install -q --group test --group check
	@touch $@

$(VENV)/.torch: $(VENV)/.test
	@echo "Installing PyTorch, for the tests of timm's and OpenCLIP's encoders ..."
	@$(PY) -m pip install -q --group torch
	@touch $@

$(VENV)/.bench: $(VENV)/.test
	@$(PY) -m pip install -q --group bench
	@touch $@

$(VENV)/.docs: $(VENV)/.test
	@$(PY) -m pip install -q --group docs
	@touch $@

web/node_modules/.package-lock.json: web/package.json web/package-lock.json | $(VENV)/.run
	@echo "Installing what the page is built with ..."
	@$(PY) tools/node.py --prefix web ci --no-audit --no-fund --loglevel=error
	@touch $@

$(PAGE): web/node_modules/.package-lock.json $(WEB)
	@echo "Building the page ..."
	@$(PY) tools/node.py --prefix web run --silent build
	@touch $@

clean:
	rm -rf build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage* src/lookalike/server/static web/node_modules

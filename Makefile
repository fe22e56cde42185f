# The front door. `make` lists what there is. Everything that is made lies in build/.

PYTHON ?= python3
PORT   ?= 8000
MINUTES ?= 10
VENV   := build/venv
BIN    := $(VENV)/bin
STAMPS := build/stamps

.DEFAULT_GOAL := help
.PHONY: help demo build check test test-django bench bench-cluster lint format fuzz clean

help:    ## list the commands
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: build  ## run the reference site on http://127.0.0.1:8000/ (PORT=8000), with no server to install
	@$(BIN)/python examples/partyfinder/manage.py demo --port $(PORT)

build: $(STAMPS)/venv  ## the C library and the Python extension, ready to import from build/venv
	@tools/build release

check: build $(STAMPS)/venv-test  ## the fast part of the tests: lint, C units under sanitizers, corpus, client, backend
	@$(BIN)/python tests/run.py check

test: build $(STAMPS)/venv-test $(STAMPS)/system-oracle  ## everything: check, a real Cassandra, a browser
	@$(BIN)/python tests/run.py all

test-django: build  ## Django's own tests on this backend (VERSION=6.1 SUITE_PYTHON=python3.13 LABELS="basic queries")
	@$(BIN)/python tests/suite/run.py $(if $(VERSION),--version $(VERSION)) $(if $(SUITE_PYTHON),--python $(SUITE_PYTHON)) $(LABELS)

fuzz: $(STAMPS)/venv $(STAMPS)/system-fuzz  ## random input for the parsers and decoders by libFuzzer (TARGET=value MINUTES=10)
	@$(BIN)/python tests/fuzz/run.py --minutes $(MINUTES) $(TARGET)

bench: build  ## speed beside peers, in one run; JSON lines in build/bench.jsonl
	@$(BIN)/python benchmarks/run.py

bench-cluster: build $(STAMPS)/system-bench  ## the network client beside other drivers and a C floor, on a Cassandra node
	@$(BIN)/python benchmarks/run.py --cluster

lint: $(STAMPS)/venv-test  ## format, include order, static analysis
	@$(BIN)/python tools/lint

format: $(STAMPS)/venv-test  ## rewrite the sources in the project's format
	@$(BIN)/python tools/lint --fix

clean:   ## remove everything that was made; a running demo's data goes too
	@if [ -x tools/cassandra/node ]; then $(PYTHON) tools/cassandra/node stop >/dev/null 2>&1 || true; fi
	rm -rf build libcql/_libcql*.so .ruff_cache

# --- what the targets stand on; each is done once ---

$(STAMPS)/system-build: tools/bootstrap
	@mkdir -p $(STAMPS)
	@PYTHON=$(PYTHON) tools/bootstrap build && touch $@

$(STAMPS)/system-test: tools/bootstrap
	@mkdir -p $(STAMPS)
	@tools/bootstrap test && touch $@

$(STAMPS)/system-fuzz: tools/bootstrap
	@mkdir -p $(STAMPS)
	@tools/bootstrap fuzz && touch $@

$(STAMPS)/system-oracle: tools/bootstrap
	@mkdir -p $(STAMPS)
	@tools/bootstrap oracle && touch $@

$(STAMPS)/system-bench: tools/bootstrap
	@mkdir -p $(STAMPS)
	@tools/bootstrap bench && touch $@

$(STAMPS)/venv: requirements/build.txt $(STAMPS)/system-build
	@echo "setup: Python environment in $(VENV) (Django, meson)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/build.txt
	@$(BIN)/python tools/link-checkout
	@touch $@

$(STAMPS)/venv-test: requirements/test.txt $(STAMPS)/venv $(STAMPS)/system-test
	@echo "setup: test tools (ruff, clang-format, pytest, selenium)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/test.txt
	@touch $@

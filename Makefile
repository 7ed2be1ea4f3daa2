# Every target sets up what it needs; Python 3.11 or newer and a network are all that must be there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
MEASURED ?= .artifacts/measured
SHELL := /bin/bash
.DEFAULT_GOAL := help

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

$(VENV)/runtime: requirements/runtime.txt requirements/runtime.in requirements/hook.py pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Usher needs Python 3.11 or newer; name one with PYTHON=python3.12"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/runtime.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/dev: $(VENV)/runtime requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	touch $@

install: $(VENV)/runtime ## Set up .venv/bin/usher and nothing else

demo: install ## Export a made-up audience on two sandboxes; ARGS="--once" ends when they agree
	$(BIN)/usher demo $(ARGS)

test: $(VENV)/dev ## Run every test; ARGS="-k name" passes options on
# The browser's own loop and asyncio tests do not share a process well; 5 means that ARGS chose nothing there.
	$(BIN)/python -m pytest -n 3 --dist worksteal --ignore=tests/ui $(ARGS) || [ $$? = 5 ]
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/ui $(ARGS) || [ $$? = 5 ]

check: $(VENV)/dev ## Check format, lint, types, layers, and that generated docs are true
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tools.reference --check
	$(BIN)/python -m tools.trust --check
	$(BIN)/python -m tools.performance_page --check

fix: $(VENV)/dev ## Format, mend what lint can mend, write generated docs anew
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/python -m tools.reference

trust: $(VENV)/dev ## Prove what docs/trust.md promises, and write down what came of it
	$(BIN)/python -m tools.trust

mutants: $(VENV)/dev ## Break each rule in one small place at a time; the tests must notice (docs/explain/mutants.md)
	MEASURED=$(MEASURED) $(BIN)/python -m tools.mutants $(ARGS)

simulate: $(VENV)/dev ## Run simulated worlds for two hours; MINUTES=5 for less
	set -o pipefail; $(BIN)/usher simulate --for $(or $(MINUTES),120) --workers 2 --json \
		| MEASURED=$(MEASURED) $(BIN)/python -m tools.measuring simulation.long_seeds=seeds \
			simulation.long_failures=failures simulation.long_rate=per_second

audit: $(VENV)/runtime ## Ask whether a pinned package has a known weakness (needs pip-audit and a network)
	$(BIN)/python -m tools.audit

bench: $(VENV)/dev ## Measure, and write docs/performance.md; ARGS="start idle" for these alone, ARGS=--quick for a look
	$(BIN)/python -m benchmarks $(ARGS)
	$(BIN)/python -m tools.performance_page

soak: $(VENV)/dev ## An hour of 1,000,000 people, 200 triggers a second and faults; SOAK_MINUTES=2 SOAK_MEMBERS=20000 for a look
	MEASURED=$(MEASURED) $(BIN)/python -m benchmarks.soak

wheel: $(VENV)/runtime ## Build dist/*.whl
	rm -rf dist
	$(BIN)/python -m hatchling build --target wheel

wheel-check: wheel ## Install the wheel with its pins into an empty environment, and run it there
	folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && $(PYTHON) -m venv "$$folder" \
		&& "$$folder/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/runtime.txt \
		&& "$$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-index dist/*.whl \
		&& cd "$$folder" && bin/usher --version && bin/usher demo --once --members 50

release: export SOURCE_DATE_EPOCH = $(shell git log -1 --format=%ct)
release: $(VENV)/runtime ## Build dist/: wheel, source, bill of materials, SHA256SUMS
	rm -rf dist
	$(BIN)/python -m hatchling build
	$(BIN)/python -m tools.sbom dist/usher.cdx.json
	cp requirements/runtime.txt dist/requirements.txt
	cd dist && sha256sum *.whl *.tar.gz usher.cdx.json requirements.txt >SHA256SUMS

pins: ## Resolve requirements anew, with hashes, for every supported Python (needs uv)
	for set in build runtime dev; do \
		uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
			--no-emit-index-url --no-emit-find-links requirements/$$set.in -o requirements/$$set.txt; \
	done

clean: ## Remove what the targets made, data of the demo included
	rm -rf $(VENV) .usher-demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.PHONY: help install demo test check fix trust mutants simulate audit bench soak wheel wheel-check release pins clean

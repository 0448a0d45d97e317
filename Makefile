# Second Take. `make` alone lists what there is; each target sets up what it needs.
PYTHON := .venv/bin/python
READY := .venv/.ready
# Hundreds of processes are started by the tests; where Python may write no bytecode each would
# compile our modules for itself.
COMPILE := $(PYTHON) -m compileall -q backend evals runner studio tests

.DEFAULT_GOAL := help
.PHONY: setup check test e2e demo up bench help

# The stamp holds the folder that it was made for: a moved .venv is made again.
ifneq ("$(shell cat $(READY) 2>/dev/null)","$(CURDIR)")
.PHONY: $(READY)
endif

$(READY): requirements.lock pyproject.toml infra/setup.sh
	@bash infra/setup.sh "$(READY)"

setup: $(READY) ## make .venv with exactly what requirements.lock says

check: $(READY) ## format, lint, types, layers, house rules
	@bash infra/check.sh

test: $(READY) ## all tests; finds or installs a browser first, and skips its tests where neither works
	@bash infra/browser.sh >/dev/null || true
	@$(COMPILE)
	@$(PYTHON) -m pytest -n 2 --dist loadgroup -q

e2e: $(READY) ## end-to-end tests only, with pictures in artifacts/e2e, and the speeds of the screens
	@bash infra/browser.sh >/dev/null || true
	@$(COMPILE)
	@$(PYTHON) -m pytest -n 2 --dist loadgroup -q tests/e2e
	@$(PYTHON) -c "import tests.benchmarks.bench_studio as bench; bench.main()"

demo: $(READY) ## sample workflows, offline, what was recorded of them, then server and studio
	@bash infra/demo.sh

up: $(READY) ## server and studio, until Ctrl-C; options in ARGS="--port 8001"
	@.venv/bin/secondtake up $(ARGS)

bench: $(READY) ## measure the speeds that the design promises
	@for file in tests/benchmarks/bench_*.py; do \
		name=$$(basename "$$file" .py); \
		$(PYTHON) -c "import tests.benchmarks.$$name as bench; bench.main()" || exit 1; \
	done

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' Makefile

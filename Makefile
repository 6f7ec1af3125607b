# Label Jury. `make` lists the targets; README.md explains the two that matter: `make demo` and `make test`.
PY   ?= python3
VENV ?= .venv
BIN  := $(VENV)/bin
AWS  := .venv-awscli
# Requesters' tools that the journeys lead through a HIT's life: from PyPI and from npm.
TOOLS := .venv-clients
NPM  := .npm-clients
# Test processes side by side: one more than CI has cores, since journeys wait a good part of their time.
JOBS ?= 3

# Where bytecode is not kept, each of the many processes that tests and commands start compiles everything anew: 2 s of CPU.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo up test check format lint types contracts tests fast-tests deploy-files lock lock-check bench browser clean clients operations-table

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

# Makes a virtual environment ($1) from a hashed lock ($2); uv is only the faster way, pip takes the same file.
define install
	@if command -v uv >/dev/null 2>&1; then uv venv -q --allow-existing --python $(PY) $1; UVX=uv; else \
	  $(PY) -m venv $1 >/dev/null 2>&1 || { rm -rf $1; echo "python3 has no venv module: apt-get install -y python3-venv (or install uv)"; exit 1; }; \
	  if $1/bin/python -m pip install -q --disable-pip-version-check uv 2>/dev/null; then UVX=$1/bin/uv; else UVX=; fi; fi; \
	echo "Installing the locked packages into $1 …"; \
	if [ -n "$$UVX" ]; then VIRTUAL_ENV=$(CURDIR)/$1 $$UVX pip install -q --require-hashes -r $2; \
	else $1/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r $2; fi
endef

$(VENV)/.ok: pyproject.toml requirements-dev.lock
	@$(PY) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))' || \
	  { echo "Label Jury needs Python 3.11 to 3.14; choose one with: make PY=python3.12 …"; exit 1; }
	$(call install,$(VENV),requirements-dev.lock)
	@SITE=$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') && \
	  echo "$(CURDIR)" > "$$SITE/labeljury-checkout.pth" && \
	  printf '#!%s\nfrom app.cli import main\nmain()\n' "$(CURDIR)/$(BIN)/python" > $(BIN)/labeljury && chmod +x $(BIN)/labeljury
	@touch $@

$(AWS)/.ok: requirements-awscli.lock
	$(call install,$(AWS),requirements-awscli.lock)
	@touch $@

$(TOOLS)/.ok: requirements-clients.lock
	$(call install,$(TOOLS),requirements-clients.lock)
	@touch $@

$(NPM)/.ok: tests/clients/package-lock.json
	@if ! command -v npm >/dev/null 2>&1; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	    echo "Installing Node.js for the JavaScript SDK …"; apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nodejs npm >/dev/null; \
	  else echo "No npm: the JavaScript SDK's journey will be skipped. Install Node.js 20 or newer."; exit 0; fi; fi; \
	mkdir -p $(NPM) && cp tests/clients/package.json tests/clients/package-lock.json $(NPM) && \
	echo "Installing the locked packages into $(NPM) …" && \
	npm ci --prefix $(NPM) --no-audit --no-fund --loglevel=error && touch $@

setup: $(VENV)/.ok ## install the locked packages into .venv (the targets below do it by themselves)

demo: $(VENV)/.ok ## the main job, rehearsed: digits, a model's suspects, HITs, simulated Workers, a consensus CSV
	@$(BIN)/labeljury demo

up: $(VENV)/.ok ## start everything on this machine: console, marketplace, job runner, database
	@$(BIN)/labeljury up

test: check ## pass all checks and tests (what CI runs)

check: format lint types contracts deploy-files lock-check tests ## format, ruff, mypy, import contracts, compose file, lock, tests

format: $(VENV)/.ok ## is every file formatted?
	@$(BIN)/ruff format --check --quiet . || { echo "run: $(BIN)/ruff format ."; exit 1; }

lint: $(VENV)/.ok ## ruff
	@$(BIN)/ruff check --quiet .

types: $(VENV)/.ok ## mypy --strict
	@$(BIN)/mypy

contracts: $(VENV)/.ok ## who may import whom
	@$(BIN)/lint-imports --no-logo

deploy-files: $(VENV)/.ok ## docker-compose.yml and Dockerfile, without an engine
	@$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	@$(BIN)/hadolint Dockerfile

# The last line of each lock: a hash of what pyproject.toml asked for when it was made.
INPUTS = $(PY) -c 'import tomllib, hashlib, json; p = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
  print("\# made for", hashlib.sha256(json.dumps([p[k] for k in ("requires-python", "dependencies", "optional-dependencies")]).encode()).hexdigest())'

lock-check: ## do the locks name a host? do they belong to pyproject.toml?
	@! grep -n '//' requirements*.lock || { echo "a lock names an address: make lock"; exit 1; }
	@for lock in requirements.lock requirements-dev.lock; do \
	  tail -n 1 $$lock | grep -qx "$$($(INPUTS))" || { echo "$$lock is older than pyproject.toml: make lock"; exit 1; }; done

clients: $(AWS)/.ok $(TOOLS)/.ok $(NPM)/.ok ## install the independent Requester tools that the journeys run

operations-table: $(VENV)/.ok ## write docs/mturk-operations.md anew: operation × parameter × tested
	@$(BIN)/pytest -q tests/contract --write-operations-table

tests: $(VENV)/.ok clients browser ## pytest, journeys included
	@$(BIN)/pytest -n $(JOBS) --dist loadgroup --no-loadscope-reorder

fast-tests: $(VENV)/.ok ## pytest without the journeys
	@$(BIN)/pytest -n $(JOBS) --dist loadgroup --no-loadscope-reorder -m "not journey"

# Browser tests need Chromium. As root on Debian or Ubuntu this installs the packages `chromium` and `fonts-noto-color-emoji`.
browser:
	@if [ -n "$$CHROMIUM_PATH" ] || command -v chromium >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	  echo "Installing Chromium for the browser tests …"; apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-noto-color-emoji >/dev/null; \
	else echo "No Chromium: the browser tests will be skipped. Install it (apt-get install chromium) or set CHROMIUM_PATH."; fi

bench: $(VENV)/.ok $(TOOLS)/.ok ## ratios measured side by side: publish, rate, poll, import, export, majority, and 200 Workers at once (docs/benchmarks.md)
	@$(BIN)/python -m benchmarks.run

lock: $(VENV)/.ok ## make the locks anew from pyproject.toml
	@UVX=$$(command -v uv || echo $(BIN)/uv); \
	$$UVX pip compile pyproject.toml -q --universal --generate-hashes --no-header -o requirements.lock && \
	$$UVX pip compile pyproject.toml -q --extra dev --extra demo --universal --generate-hashes --no-header -o requirements-dev.lock && \
	for lock in requirements.lock requirements-dev.lock; do $(INPUTS) >> $$lock; done


clean: ## remove what the targets made (not the demo's output)
	@rm -rf $(VENV) $(AWS) $(TOOLS) $(NPM) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

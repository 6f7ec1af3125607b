# Label Jury. `make` lists the targets; README.md explains the two that matter: `make demo` and `make test`.
PY   ?= python3
VENV ?= .venv
BIN  := $(VENV)/bin
RUN  := $(BIN)/

.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

$(VENV)/.ok: pyproject.toml requirements-dev.lock
	@if command -v uv >/dev/null 2>&1; then uv venv -q --allow-existing $(VENV); UVX=uv; else \
	  $(PY) -m venv $(VENV) >/dev/null 2>&1 || { rm -rf $(VENV); echo "python3 has no venv module: apt-get install -y python3-venv (or install uv)"; exit 1; }; \
	  $(BIN)/python -m pip install -q --disable-pip-version-check uv; UVX=$(BIN)/uv; fi; \
	echo "Installing the locked packages into $(VENV) …" && \
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $$UVX pip install -q --require-hashes -r requirements-dev.lock && \
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $$UVX pip install -q --no-deps --no-build-isolation -e . && touch $@

setup: $(VENV)/.ok ## install the locked packages into .venv (every target below does it by itself)

